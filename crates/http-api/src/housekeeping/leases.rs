//! Marks sessions as lost whose lease has run out.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{ExpireLeases, Ports, Providers};
use flightdeck_metrics::Meters;
use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::options::ApiOptions;

/// The times between two checks: the shortest, and those for a lease of two minutes and of a day.
const LOOKS: [Duration; 3] = [Duration::from_millis(50), Duration::from_secs(1), Duration::from_mins(1)];

/// All leases. Agents that report only through hooks may wait for a prompt all night.
pub(crate) fn all(ports: &Ports, providers: &Providers, options: &ApiOptions) -> Vec<ExpireLeases> {
    let general = options.lease.map(|lease| ExpireLeases::new(ports, providers, lease));
    let of_hooks = |lease| ExpireLeases::of_provider(ports, providers, &ProviderName::claude_code(), lease);
    general.into_iter().chain(options.hook_lease.map(of_hooks)).collect()
}

/// Loses sessions that are silent for too long, until the shutdown.
pub(super) async fn watch(leases: Arc<Vec<ExpireLeases>>, shutdown: CancellationToken) {
    join_all(leases.iter().map(|expire| watch_one(expire, &shutdown))).await;
}

async fn watch_one(expire: &ExpireLeases, shutdown: &CancellationToken) {
    let [shortest, usual, longest] = LOOKS;
    let lease = expire.lease();
    let look = (lease / 10).clamp(shortest, usual).max(lease / 1_000).min(longest);
    let mut every = tokio::time::interval(look);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = every.tick() => expire_once(expire).await,
        }
    }
}

async fn expire_once(expire: &ExpireLeases) {
    match expire.execute().await {
        Ok(0) => {}
        Ok(sessions) => {
            Meters::process().leases_ran_out(sessions);
            tracing::warn!(sessions, "gave no sign of life within their lease; they are lost");
        }
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "leases could not be looked at; they count anew when the store is back");
        }
    }
}
