//! The throttle of control calls that counts for all replicas.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use flightdeck_domain::ids::KeyId;
use flightdeck_http_api::{Admission, ControlRoute, ControlThrottle, Rate, Throttle};
use flightdeck_wakeup_valkey::{self as wakeup, Quota, Unavailable, Valkey};

/// Holds keys to the rate of control calls on all replicas together, route by route. While Valkey gives no answer, this
/// replica counts for itself, from what it has granted so far.
pub(super) struct SharedThrottle {
    shared: BTreeMap<ControlRoute, wakeup::Throttle>,
    alone: Throttle<(ControlRoute, KeyId)>,
    /// Whether it was told that there is no answer.
    told: AtomicBool,
}

impl SharedThrottle {
    /// `None` when there is no limit.
    pub(super) fn new(valkey: &Valkey, rate: Rate) -> Option<Self> {
        let (count, period) = rate.quota()?;
        let shared = |route: ControlRoute| (route, valkey.throttle(route.name(), Quota { count, period }));
        let shared = ControlRoute::ALL.into_iter().map(shared).collect();
        Some(Self { shared, alone: Throttle::new(rate), told: AtomicBool::new(false) })
    }

    async fn of_all(&self, route: ControlRoute, key: &KeyId) -> Result<wakeup::Admission, Unavailable> {
        match self.shared.get(&route) {
            Some(shared) => shared.admit(key.as_str()).await,
            None => Err(Unavailable::Away),
        }
    }

    fn tell(&self, cause: &Unavailable) {
        // That it is away is told by the connection itself.
        if !matches!(cause, Unavailable::Away) && !self.told.swap(true, Ordering::Relaxed) {
            let cause: &dyn std::error::Error = cause;
            tracing::warn!(cause, "control calls are counted by each replica for itself until Valkey answers again");
        }
    }
}

#[async_trait]
impl ControlThrottle for SharedThrottle {
    async fn admit(&self, route: ControlRoute, key: &KeyId) -> Admission {
        let alone = (route, key.clone());
        match self.of_all(route, key).await {
            Ok(wakeup::Admission::Granted) => {
                self.told.store(false, Ordering::Relaxed);
                // Only counted, for the time when Valkey is away.
                let _ = self.alone.admit(&alone);
                Admission::Granted
            }
            Ok(wakeup::Admission::Refused { retry_after }) => {
                self.told.store(false, Ordering::Relaxed);
                Admission::Refused { retry_after }
            }
            Err(unavailable) => {
                self.tell(&unavailable);
                self.alone.admit(&alone)
            }
        }
    }

    fn sweep(&self) {
        self.alone.sweep();
    }
}
