//! Numbers from one kind to another without a cast that could lose something unseen.

use std::time::Duration;

/// A count as a fraction. Exact up to 2^53.
pub(crate) fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A count as a length.
pub(crate) fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// How many a second. Zero when no time has passed.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    ratio(float(count), elapsed.as_secs_f64())
}

/// One over the other; zero when there is nothing to divide by.
pub(crate) fn ratio(over: f64, under: f64) -> f64 {
    if under > 0.0 { over / under } else { 0.0 }
}

/// A span in nanoseconds; the longest that fits when it is longer than 584 years.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds in milliseconds.
pub(crate) fn millis(nanos: u64) -> f64 {
    float(nanos) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_fractions_exactly() {
        for n in [0, 1, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991] {
            assert_eq!(format!("{:.0}", float(n)), n.to_string());
        }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert!(per_second(5, Duration::ZERO).abs() < f64::EPSILON);
        assert!((per_second(5, Duration::from_millis(500)) - 10.0).abs() < 1e-9);
    }
}
