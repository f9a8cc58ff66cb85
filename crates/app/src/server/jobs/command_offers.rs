//! What other replicas ask of agents here.

use std::time::Duration;

use flightdeck_domain::use_cases::OfferCommands;

use super::world::{Ended, World};

/// Hands over what other replicas ask of agents that live in this one, until the shutdown: whenever the feed grows, and each
/// period, for hints may be lost.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { ports, providers, hints, shutdown, .. } = world;
    let mut moved = hints.feed();
    let mut offering: Option<OfferCommands> = None;
    loop {
        moved.mark_unchanged();
        let looked = match &mut offering {
            Some(offering) => offering.execute().await.map(drop),
            None => OfferCommands::begin(&ports, &providers).await.map(|begun| offering = Some(begun)),
        };
        if let Err(error) = looked {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "cannot look for what other replicas ask of agents here; trying again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = tokio::time::timeout(every, moved.changed()) => {}
        }
    }
}
