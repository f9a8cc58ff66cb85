//! Days and months of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};

use crate::time::Timestamp;

/// A day in UTC, written `2026-11-30` (ISO 8601, the calendar date).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day; write it as 2026-11-30")]
pub struct NoDay(pub String);

impl Day {
    const FORM: &str = "%Y-%m-%d";

    /// The day of a moment.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_datetime().date_naive())
    }

    /// The first day of its month.
    #[must_use]
    pub fn month(self) -> Self {
        Self(self.0.with_day(1).unwrap_or(self.0))
    }

    /// The day so many days earlier; the earliest one there is when there is none.
    #[must_use]
    pub fn earlier(self, days: u64) -> Self {
        Self(self.0.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN))
    }

    /// How many days there are from the first to this one, both counted; zero when this is earlier.
    #[must_use]
    pub fn days_from(self, first: Self) -> u64 {
        u64::try_from((self.0 - first.0).num_days().saturating_add(1)).unwrap_or_default()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format(Self::FORM))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let day = NaiveDate::parse_from_str(text, Self::FORM).ok().map(Self);
        // One spelling alone, so that days are ordered as their texts.
        day.filter(|day| day.to_string() == text).ok_or_else(|| NoDay(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect(text)
    }

    #[test]
    fn a_day_is_read_as_it_is_written_and_in_no_other_way() {
        assert_eq!(day("2026-11-30").to_string(), "2026-11-30");
        for other in ["2026-11-31", "2026-1-3", "30.11.2026", "2026-11-30T00:00:00Z", "", "+2026-11-30"] {
            assert_eq!(other.parse::<Day>(), Err(NoDay(other.to_owned())));
        }
    }

    #[test]
    fn a_moment_is_on_the_day_that_it_is_in_utc() {
        let moment = |text: &str| serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).expect(text);
        assert_eq!(Day::of(moment("2026-11-30T23:59:59.999999Z")), day("2026-11-30"));
        assert_eq!(Day::of(moment("2026-11-30T23:30:00-02:00")), day("2026-12-01"));
        assert_eq!(Day::of(moment("2026-11-30T23:30:00Z")).month(), day("2026-11-01"));
    }

    #[test]
    fn days_are_counted_over_months() {
        assert_eq!(day("2026-03-01").earlier(1), day("2026-02-28"));
        assert_eq!(day("2026-03-01").days_from(day("2026-02-28")), 2);
        assert_eq!(day("2026-02-27").days_from(day("2026-02-28")), 0);
    }
}
