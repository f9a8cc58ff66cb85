//! How often a key may do something, counted for all replicas together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Script};

use crate::link::Slot;

/// So many requests in a period. As many pass at once; after that they come back one by one, evenly over the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: NonZeroU32,
    /// In how long; at least a microsecond and at most a day.
    pub period: Duration,
}

/// What is said of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may pass, and was counted.
    Granted,
    /// It is one too many, and was not counted.
    Refused {
        /// When one would pass.
        retry_after: Duration,
    },
}

/// Why nothing can be said of a request. It may have been counted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no connection.
    #[error("there is no connection to Valkey")]
    Away,
    /// No answer came in time.
    #[error("Valkey did not answer in time")]
    Late,
    /// The server could not do it, or the connection broke.
    #[error("Valkey could not count a request")]
    Failed(#[source] Arc<RedisError>),
}

/// Counts requests of keys against one quota.
pub struct Throttle {
    slot: Arc<Slot>,
    prefix: String,
    script: Script,
    interval: f64,
    period: u64,
    deadline: Duration,
}

impl Throttle {
    pub(crate) fn new(slot: Arc<Slot>, prefix: String, quota: Quota, deadline: Duration) -> Self {
        // Fractions count: a thousand a second are not 1000 × 1 ms when a ms is rounded.
        let interval = quota.period.as_secs_f64() * 1e6 / f64::from(quota.count.get());
        let period = u64::try_from(quota.period.as_micros()).unwrap_or(u64::MAX);
        Self { slot, prefix, script: Script::new(include_str!("throttle.lua")), interval, period, deadline }
    }

    /// Counts a request of a key. Waits for the answer no longer than the deadline of the options.
    ///
    /// # Errors
    /// Nobody can tell now.
    pub async fn admit(&self, key: &str) -> Result<Admission, Unavailable> {
        let mut connection = self.slot.seen().connection.ok_or(Unavailable::Away)?;
        let mut call = self.script.key(format!("{}{key}", self.prefix));
        call.arg(self.interval).arg(self.period);
        let answer = tokio::time::timeout(self.deadline, call.invoke_async::<u64>(&mut connection)).await;
        match answer {
            Ok(Ok(0)) => Ok(Admission::Granted),
            Ok(Ok(micros)) => Ok(Admission::Refused { retry_after: Duration::from_micros(micros) }),
            Ok(Err(error)) => Err(Unavailable::Failed(Arc::new(error))),
            Err(_elapsed) => Err(Unavailable::Late),
        }
    }
}
