//! Checkpoints of the audit log from time to time.

use std::time::Duration;

use flightdeck_domain::use_cases::{MadeCheckpoint, MakeCheckpoint, MakeCheckpointError};

use super::world::{Ended, World};

/// Makes a checkpoint each period when the log has grown, until the shutdown.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let make = MakeCheckpoint::new(&world.ports);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = world.shutdown.cancelled() => return Ok(()),
            _ = ticks.tick() => once(&make).await,
        }
    }
}

/// Makes one, and logs why when it cannot be made.
pub(in crate::server) async fn once(make: &MakeCheckpoint) {
    match make.execute().await {
        Ok(MadeCheckpoint { checkpoint, created: true }) => {
            tracing::debug!(seq = checkpoint.seq.get(), hash = %checkpoint.hash, "audit checkpoint");
        }
        Ok(_) | Err(MakeCheckpointError::Empty | MakeCheckpointError::NotSetUp) => {}
        Err(error @ MakeCheckpointError::OtherKey { .. }) => tracing::error!("{error}"),
        Err(
            error @ (MakeCheckpointError::Tampered { .. }
            | MakeCheckpointError::Headless(_)
            | MakeCheckpointError::NotGood(_)),
        ) => {
            tracing::error!("{error}; see GET /audit/verify");
        }
        Err(MakeCheckpointError::Unavailable(error)) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "no audit checkpoint could be made; trying again");
        }
    }
}
