//! The other replicas of the deployment: hints to and from them, and the throttle that counts for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use flightdeck_domain::api_key::KeyId;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::use_cases::Ports;
use flightdeck_http_api::{Admission, ControlThrottle, Rate, Readiness, Throttle};
use flightdeck_live::Hints;
use flightdeck_store_postgres::PostgresStore;
use flightdeck_wakeup_valkey::{self as wakeup, Options, Quota, Unavailable, Valkey};
use tokio::runtime::Handle;

use crate::config::Config;

/// Joins the other replicas, if there is a Valkey to meet them at, and has all hints go through it.
/// Must run inside the runtime that lives as long as the server.
pub(crate) fn join(config: &Config, ports: &mut Ports, hints: &Arc<Hints>) -> Option<Arc<Valkey>> {
    let url = config.valkey_url.as_ref()?;
    let options = Options { prefix: config.valkey_prefix.clone(), ..Options::default() };
    let (local, all) = (Arc::clone(&ports.wake_ups), Arc::clone(hints));
    let valkey = Valkey::join(url, options, ports.ids.uuid(), local, move || all.everything(), &Handle::current());
    let valkey = Arc::new(valkey);
    ports.wake_ups = valkey.clone();
    Some(valkey)
}

/// Whether PostgreSQL answers and has the tables that this program needs.
pub(crate) struct PostgresReadiness(pub(crate) Arc<PostgresStore>);

#[async_trait]
impl Readiness for PostgresReadiness {
    async fn ready(&self) -> Result<(), StoreUnavailable> {
        self.0.ready().await
    }
}

/// Holds keys to the rate of control calls on all replicas together. While Valkey gives no answer, this replica counts for
/// itself, from what it has granted so far.
pub(crate) struct SharedThrottle {
    shared: wakeup::Throttle,
    alone: Throttle,
    /// Whether it was told that there is no answer.
    told: AtomicBool,
}

impl SharedThrottle {
    /// `None` when there is no limit.
    pub(crate) fn new(valkey: &Valkey, rate: Rate) -> Option<Self> {
        let (count, period) = rate.quota()?;
        let shared = valkey.throttle("control", Quota { count, period });
        Some(Self { shared, alone: Throttle::new(rate), told: AtomicBool::new(false) })
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
    async fn admit(&self, key: &KeyId) -> Admission {
        match self.shared.admit(key.as_str()).await {
            Ok(wakeup::Admission::Granted) => {
                self.told.store(false, Ordering::Relaxed);
                // Only counted, for the time when Valkey is away.
                let _ = self.alone.admit(key);
                Admission::Granted
            }
            Ok(wakeup::Admission::Refused { retry_after }) => {
                self.told.store(false, Ordering::Relaxed);
                Admission::Refused { retry_after }
            }
            Err(unavailable) => {
                self.tell(&unavailable);
                self.alone.admit(key)
            }
        }
    }

    fn sweep(&self) {
        self.alone.sweep();
    }
}
