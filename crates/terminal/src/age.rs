//! Times for people.

use chrono::{DateTime, Utc};
use flightdeck_domain::ports::Clock;
use flightdeck_domain::system::SystemClock;

/// Now.
#[must_use]
pub fn clock() -> DateTime<Utc> {
    SystemClock.now().as_datetime()
}

/// How long ago, in one figure: `42s`, `7m`, `3h`, `12d`. What lies ahead is `0s`.
#[must_use]
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = now.signed_duration_since(at).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A moment to the second, in UTC.
#[must_use]
pub fn local(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_one_figure() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        let ago = |seconds| age(now - chrono::TimeDelta::seconds(seconds), now);
        let ages = [-5, 0, 59, 60, 3_599, 3_600, 86_399, 86_400, 864_000].map(ago);
        assert_eq!(ages, ["0s", "0s", "59s", "1m", "59m", "1h", "23h", "1d", "10d"]);
    }
}
