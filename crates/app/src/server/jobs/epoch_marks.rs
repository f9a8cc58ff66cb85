//! Marks of the history that the store holds.

use std::time::Duration;

use flightdeck_domain::use_cases::KeepEpochError;

use super::world::{Ended, World};
use crate::server::error::ServeError;

/// Leaves a mark whenever something has moved, until the shutdown. When the store turns out to have gone back, it ends the
/// server by the shutdown, and says so. What was committed longer ago than the period is known to be missing after a restore
/// to a moment before it.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { keep_epoch: keep, current, hints, shutdown, .. } = world;
    let mut marked = hints.moves();
    loop {
        let stopping = tokio::select! {
            () = shutdown.cancelled() => true,
            () = tokio::time::sleep(every) => false,
        };
        let moved = hints.moves();
        let found =
            if stopping || moved != marked { keep.mark_again().await } else { keep.look().await.map_err(Into::into) };
        match found {
            Ok(epoch) => {
                current.set(epoch);
                marked = moved;
            }
            Err(KeepEpochError::WentBack) => {
                shutdown.cancel();
                return Err(ServeError::WentBack(KeepEpochError::WentBack));
            }
            Err(KeepEpochError::Unavailable(error)) => {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "no mark could be left in the store; trying again");
            }
        }
        if stopping {
            return Ok(());
        }
    }
}
