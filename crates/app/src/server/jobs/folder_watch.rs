//! The data folder, looked at while the server runs.

use std::sync::Arc;
use std::time::Duration;

use super::world::{Ended, World};
use crate::server::error::ServeError;

/// Looks at the folder each period until the shutdown. When something is gone, it ends the server by the shutdown, and says
/// so.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { witness, shutdown, .. } = world;
    let mut every = tokio::time::interval(every);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = every.tick() => {}
        }
        let looking = Arc::clone(&witness);
        // A file system that hangs must not hold up a thread of the server.
        if let Ok(Err(gone)) = tokio::task::spawn_blocking(move || looking.look()).await {
            tracing::error!("{gone}");
            shutdown.cancel();
            return Err(ServeError::Gone(gone));
        }
    }
}
