//! Leases run out by themselves.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::use_cases::ExpireLeases;
use tokio::time::MissedTickBehavior;

use crate::state::Api;

impl Api {
    /// Loses whoever is silent for too long, until the shutdown.
    pub(crate) async fn watch_leases(self: Arc<Self>) {
        let (Some(expire), Some(lease)) = (&self.expire_leases, self.options.lease) else { return };
        let look = (lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(1));
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
