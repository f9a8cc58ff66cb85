//! Limits how often a key may do certain things.

mod bucket;
mod lane;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::ids::KeyId;

pub use bucket::Throttle;
pub use lane::ControlRoute;
pub(crate) use lane::Lane;

use crate::problem::ApiError;

/// A rate per key: `10/min`, `5/s`, `1000/h`, or `off` for no limit. The whole number may be used at once; after that,
/// requests become free again one by one, evenly over the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Option<(NonZeroU32, Duration)>);

/// A text that is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number per s, min or h, as in 10/min, or off")]
pub struct InvalidRate;

impl Rate {
    /// No limit.
    pub const OFF: Self = Self(None);

    /// The number and the period; `None` without a limit.
    #[must_use]
    pub const fn quota(self) -> Option<(NonZeroU32, Duration)> {
        self.0
    }

    /// This many a minute; no limit when zero.
    #[must_use]
    pub fn per_minute(count: u32) -> Self {
        Self(NonZeroU32::new(count).map(|count| (count, Duration::from_mins(1))))
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let (count, unit) = text.split_once('/').ok_or(InvalidRate)?;
        let count = count.trim().parse::<NonZeroU32>().or(Err(InvalidRate))?;
        let period = match unit.trim() {
            "s" | "sec" => Duration::from_secs(1),
            "min" | "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(InvalidRate),
        };
        Ok(Self(Some((count, period))))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("off"),
            Some((count, period)) if period.as_secs() == 1 => write!(f, "{count}/s"),
            Some((count, period)) if period.as_secs() == 60 => write!(f, "{count}/min"),
            Some((count, _)) => write!(f, "{count}/h"),
        }
    }
}

/// The answer of a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The request may pass, and was counted.
    Granted,
    /// The request is one too many.
    Refused {
        /// The time until a request may pass.
        retry_after: Duration,
    },
}

impl Admission {
    /// Returns an error for a refusal.
    pub(crate) fn pass(self) -> Result<(), ApiError> {
        match self {
            Self::Granted => Ok(()),
            // In whole seconds, and never too early.
            Self::Refused { retry_after } => Err(ApiError::Throttled { retry_after: retry_after.as_secs() + 1 }),
        }
    }
}

/// Limits the rate of control calls of each key, route by route. [`Throttle`] counts only in this process; replicas
/// that share a store need one that counts for all of them.
#[async_trait]
pub trait ControlThrottle: Send + Sync {
    /// Counts a call of a key to a route. It always answers, and quickly, because an operator waits for it.
    async fn admit(&self, route: ControlRoute, key: &KeyId) -> Admission;

    /// Forgets old callers. Called about every second.
    fn sweep(&self) {}
}

#[async_trait]
impl ControlThrottle for Throttle<(ControlRoute, KeyId)> {
    async fn admit(&self, route: ControlRoute, key: &KeyId) -> Admission {
        Self::admit(self, &(route, key.clone()))
    }

    fn sweep(&self) {
        Self::sweep(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_and_write() {
        for text in ["10/min", "5/s", "1000/h", "off"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", "10", "0/min", "-1/s", "10/day", "min", "many/min"] {
            assert_eq!(wrong.parse::<Rate>(), Err(InvalidRate), "{wrong:?}");
        }
    }
}
