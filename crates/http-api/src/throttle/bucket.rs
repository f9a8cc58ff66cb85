//! A rate that is counted in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Admission, Rate};

/// Limits the rate of callers in this process, of each one (a key, an address, a key on a route) separately.
///
/// It counts as replicas do together: for each caller it knows when the whole rate is free again, and allows a request
/// if that is at most one period away.
pub struct Throttle<K: Hash + Eq + Clone> {
    pace: Option<Pace>,
    whole: Mutex<HashMap<K, Instant>>,
}

/// A rate in the form for the calculation.
#[derive(Clone, Copy)]
struct Pace {
    /// The time until one request is free again.
    interval: Duration,
    /// The time until all requests are free again.
    period: Duration,
}

impl Pace {
    /// When the whole rate is free again if a request is allowed now.
    ///
    /// # Errors
    /// No request is allowed; one is after this time.
    fn grant(self, whole: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let whole = whole.unwrap_or(now).max(now) + self.interval;
        let wait = whole.saturating_duration_since(now + self.period);
        if wait.is_zero() { Ok(whole) } else { Err(wait) }
    }
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// A throttle for a rate; it lets everything pass without a rate.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let pace = rate.quota().and_then(|(count, period)| {
            let interval = period.checked_div(count.get())?;
            Some(Pace { interval, period })
        });
        Self { pace, whole: Mutex::default() }
    }

    /// Counts a request.
    #[must_use]
    pub fn admit(&self, key: &K) -> Admission {
        self.at(key, Instant::now(), true)
    }

    /// The answer that [`admit`](Self::admit) would give, without counting.
    #[must_use]
    pub fn peek(&self, key: &K) -> Admission {
        self.at(key, Instant::now(), false)
    }

    fn at(&self, key: &K, now: Instant, counts: bool) -> Admission {
        let Some(pace) = self.pace else { return Admission::Granted };
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        match pace.grant(whole.get(key).copied(), now) {
            Ok(then) => {
                if counts {
                    whole.insert(key.clone(), then);
                }
                Admission::Granted
            }
            Err(retry_after) => Admission::Refused { retry_after },
        }
    }

    /// Forgets callers that have their whole rate again.
    pub fn sweep(&self) {
        self.sweep_at(Instant::now());
    }

    fn sweep_at(&self, now: Instant) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.retain(|_, whole| *whole > now);
        if whole.len() < whole.capacity() / 4 {
            whole.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(throttle: &Throttle<u32>, key: u32, now: Instant) -> bool {
        throttle.at(&key, now, true) == Admission::Granted
    }

    #[test]
    fn each_caller_has_its_own_count() {
        let (throttle, now) = (Throttle::new(Rate::per_minute(3)), Instant::now());
        let results: Vec<bool> = (0..4).map(|_| granted(&throttle, 1, now)).collect();
        assert_eq!(results, [true, true, true, false]);
        assert!(granted(&throttle, 2, now));
        let unlimited = Throttle::new(Rate::OFF);
        assert!((0..1_000).all(|_| granted(&unlimited, 1, now)));
    }

    #[test]
    fn requests_come_back_one_by_one_and_evenly() {
        let (throttle, now) = (Throttle::new(Rate::per_minute(3)), Instant::now());
        assert!((0..3).all(|_| granted(&throttle, 1, now)));
        let refused = Admission::Refused { retry_after: Duration::from_secs(20) };
        assert_eq!((throttle.at(&1, now, true), throttle.at(&1, now, true)), (refused, refused));
        let later = now + Duration::from_secs(20);
        assert_eq!([granted(&throttle, 1, later), granted(&throttle, 1, later)], [true, false]);
        let rested = now + Duration::from_hours(1);
        let results: Vec<bool> = (0..4).map(|_| granted(&throttle, 1, rested)).collect();
        assert_eq!(results, [true, true, true, false], "what was not used is not saved up");
    }

    #[test]
    fn a_look_counts_nothing() {
        let (throttle, now) = (Throttle::new(Rate::per_minute(1)), Instant::now());
        assert!((0..10).all(|_| throttle.at(&1, now, false) == Admission::Granted));
        assert!(granted(&throttle, 1, now));
        assert!(matches!(throttle.at(&1, now, false), Admission::Refused { .. }));
    }

    #[test]
    fn whoever_is_quiet_is_forgotten() {
        let (throttle, now) = (Throttle::new(Rate::per_minute(60)), Instant::now());
        assert!((0..1_000).all(|caller| granted(&throttle, caller, now)));
        let known = |at| {
            throttle.sweep_at(at);
            throttle.whole.lock().expect("not poisoned").len()
        };
        assert_eq!([known(now), known(now + Duration::from_secs(1))], [1_000, 0]);
    }
}
