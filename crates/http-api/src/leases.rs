//! Leases run out by themselves.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::use_cases::ExpireLeases;
use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use crate::state::Api;

/// The shortest and the longest time between two looks at a lease of two minutes, and at one of a day.
const LOOKS: [Duration; 3] = [Duration::from_millis(50), Duration::from_secs(1), Duration::from_mins(1)];

impl Api {
    /// Loses whoever is silent for too long, until the shutdown.
    pub(crate) async fn watch_leases(self: Arc<Self>) {
        join_all(self.expire_leases.iter().map(|expire| self.watch(expire))).await;
    }

    async fn watch(&self, expire: &ExpireLeases) {
        let [shortest, usual, longest] = LOOKS;
        let lease = expire.lease();
        let look = (lease / 10).clamp(shortest, usual).max(lease / 1_000).min(longest);
        let mut every = tokio::time::interval(look);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = every.tick() => expire_once(expire).await,
            }
        }
    }
}

async fn expire_once(expire: &ExpireLeases) {
    match expire.execute().await {
        Ok(0) => {}
        Ok(sessions) => tracing::warn!(sessions, "gave no sign of life within their lease; they are lost"),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "leases could not be looked at; they count anew when the store is back");
        }
    }
}
