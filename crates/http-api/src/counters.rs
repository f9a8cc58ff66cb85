//! Counts requests that were turned away before anything was done for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::problem::ApiError;

/// Counts since the start. Requests of strangers are counted, and logged together instead of one by one.
#[derive(Debug, Default)]
pub struct Counters {
    malformed: AtomicU64,
    too_large: AtomicU64,
    busy: AtomicU64,
    throttled: AtomicU64,
    misdirected: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were not HTTP, and bodies that broke off or did not arrive.
    pub malformed: u64,
    /// Bodies that were larger than their route allows.
    pub too_large: u64,
    /// Bodies for which there was no room.
    pub busy: u64,
    /// Requests that came too often.
    pub throttled: u64,
    /// Requests to a name that is not the server's.
    pub misdirected: u64,
}

impl Counters {
    /// Counts a request that was not HTTP.
    pub fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request by its error.
    pub(crate) fn count(&self, error: &ApiError) {
        let counter = match error {
            ApiError::BrokenOff(_) | ApiError::TooSlow(_) => &self.malformed,
            ApiError::TooLarge(_) => &self.too_large,
            ApiError::Busy => &self.busy,
            ApiError::Throttled { .. } => &self.throttled,
            ApiError::Misdirected(_) => &self.misdirected,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            malformed: read(&self.malformed),
            too_large: read(&self.too_large),
            busy: read(&self.busy),
            throttled: read(&self.throttled),
            misdirected: read(&self.misdirected),
        }
    }
}

impl Counts {
    /// The difference from earlier counts.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            malformed: self.malformed.saturating_sub(before.malformed),
            too_large: self.too_large.saturating_sub(before.too_large),
            busy: self.busy.saturating_sub(before.busy),
            throttled: self.throttled.saturating_sub(before.throttled),
            misdirected: self.misdirected.saturating_sub(before.misdirected),
        }
    }

    fn tell(self) {
        let Self { malformed, too_large, busy, throttled, misdirected } = self;
        tracing::info!(
            malformed,
            too_large,
            busy,
            throttled,
            misdirected,
            "requests were turned away in the last minute"
        );
    }
}

/// A minute of the counts, which is logged at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minute {
    began: Instant,
    before: Counts,
}

impl Minute {
    pub(crate) fn begin(counters: &Counters, now: Instant) -> Self {
        Self { began: now, before: counters.read() }
    }

    /// Logs the counts when the minute is over, and begins the next one. Logs nothing if nothing was counted.
    pub(crate) fn tell(&mut self, counters: &Counters, now: Instant) {
        if let Some(counted) = self.over(counters, now).filter(|counted| *counted != Counts::default()) {
            counted.tell();
        }
    }

    fn over(&mut self, counters: &Counters, now: Instant) -> Option<Counts> {
        if now.saturating_duration_since(self.began) < Duration::from_mins(1) {
            return None;
        }
        let counted = counters.read().since(self.before);
        *self = Self::begin(counters, now);
        Some(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_has_its_own_counts() {
        let (counters, now) = (Counters::default(), Instant::now());
        let mut minute = Minute::begin(&counters, now);
        counters.malformed();
        let at = |secs| now + Duration::from_secs(secs);
        assert_eq!(minute.over(&counters, at(59)), None);
        assert_eq!(minute.over(&counters, at(60)), Some(Counts { malformed: 1, ..Counts::default() }));
        assert_eq!(minute.over(&counters, at(61)), None);
        assert_eq!(minute.over(&counters, at(120)), Some(Counts::default()));
    }

    #[test]
    fn what_is_turned_away_is_counted_by_why() {
        let counters = Counters::default();
        counters.malformed();
        for error in [
            ApiError::BrokenOff(String::new()),
            ApiError::TooLarge(1),
            ApiError::Busy,
            ApiError::Throttled { retry_after: 1 },
            ApiError::Misdirected(String::new()),
            ApiError::Denied(String::new()),
        ] {
            counters.count(&error);
        }
        let counts = counters.read();
        assert_eq!(counts, Counts { malformed: 2, too_large: 1, busy: 1, throttled: 1, misdirected: 1 });
        counters.malformed();
        assert_eq!(counters.read().since(counts), Counts { malformed: 1, ..Counts::default() });
    }
}
