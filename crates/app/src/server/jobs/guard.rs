//! Agents that run wild.

use std::time::Duration;

use flightdeck_domain::guard::Stage;
use flightdeck_domain::use_cases::GuardFleet;

use super::world::{Ended, World};

/// Looks at what messages tell, until the shutdown, and warns and pauses agents that run wild.
pub(super) async fn run(_every: Duration, world: World) -> Ended {
    let World { ports, providers, shutdown, guard_limits, signs, .. } = world;
    let Some(signs) = signs else { return Ok(()) };
    let guard = GuardFleet::new(&ports, &providers, guard_limits);
    let mut signs = signs.lock().await;
    loop {
        let (session, signs) = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            seen = signs.recv() => match seen {
                Some(seen) => seen,
                None => return Ok(()),
            },
        };
        match guard.see(session, signs).await {
            Ok(alarms) => {
                for alarm in alarms {
                    let (why, paused) = (alarm.why(), alarm.stage == Stage::Pause);
                    tracing::warn!(%session, %why, paused, "an agent runs wild");
                }
            }
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(%session, cause, "an agent that runs wild could not be warned or paused");
            }
        }
    }
}
