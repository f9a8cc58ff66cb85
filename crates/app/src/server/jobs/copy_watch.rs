//! How far the copy of the store is that is read beside it.

use std::time::Duration;

use super::world::{Ended, World};

/// Looks again and again, until the shutdown.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { copy, shutdown, .. } = world;
    let Some(copy) = copy else { return Ok(()) };
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = copy.look() => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}
