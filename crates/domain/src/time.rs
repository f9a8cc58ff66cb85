//! Moments, at the precision that every store can keep.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, cut to whole microseconds: what PostgreSQL keeps, so that a value read back equals the value written.
/// Its text form is RFC 3339 with six digits and `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

/// A moment that the text form cannot express, because it has four digits for the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lies outside of the years 0000 to 9999, which is all that RFC 3339 can say")]
pub struct BeyondCalendar;

impl Timestamp {
    /// 9999-12-31T23:59:59.999999Z: the last moment that the text form can express.
    pub const LAST: Self = Self(match DateTime::from_timestamp_micros(253_402_300_799_999_999) {
        Some(moment) => moment,
        None => DateTime::<Utc>::MAX_UTC,
    });
    /// 0000-01-01T00:00:00Z: the first one.
    pub const FIRST: Self = Self(match DateTime::from_timestamp_micros(-62_167_219_200_000_000) {
        Some(moment) => moment,
        None => DateTime::<Utc>::MIN_UTC,
    });

    /// Cuts a moment to microseconds. A leap second becomes the first second of the next minute, as stores keep it.
    #[must_use]
    pub fn new(moment: DateTime<Utc>) -> Self {
        DateTime::from_timestamp_micros(moment.timestamp_micros()).map_or_else(|| Self(moment.trunc_subsecs(6)), Self)
    }

    /// The same for a moment from outside.
    ///
    /// # Errors
    /// It lies outside of the years 0000 to 9999. It could be kept and not be read back by whoever asks for it.
    pub fn read(moment: DateTime<Utc>) -> Result<Self, BeyondCalendar> {
        let read = Self::new(moment);
        if (Self::FIRST..=Self::LAST).contains(&read) { Ok(read) } else { Err(BeyondCalendar) }
    }

    /// The moment.
    #[must_use]
    pub const fn as_datetime(&self) -> DateTime<Utc> {
        self.0
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_micros(&self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The moment this many microseconds after 1970-01-01T00:00:00Z; `None` when chrono cannot express it.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// This moment plus a duration; [`Timestamp::LAST`] when the sum is later.
    #[must_use]
    pub fn saturating_add(self, span: std::time::Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|span| self.0.checked_add_signed(span))
            .map_or(Self::LAST, Self::new)
            .min(Self::LAST)
    }

    /// How long ago an earlier moment was; zero for one that is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// This moment minus a duration; [`Timestamp::FIRST`] when the difference is earlier.
    #[must_use]
    pub fn saturating_sub(self, span: std::time::Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|span| self.0.checked_sub_signed(span))
            .map_or(Self::FIRST, Self::new)
            .max(Self::FIRST)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let moment = DateTime::<Utc>::deserialize(deserializer)?;
        Self::read(moment).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_cut_not_rounded() {
        let given: Timestamp = serde_json::from_str("\"2026-03-01T10:00:00.123456999+02:00\"").expect("valid");
        assert_eq!(given.to_string(), "2026-03-01T08:00:00.123456Z");
        assert_eq!(Timestamp::from_micros(given.as_micros()), Some(given));
    }

    fn read(text: &str) -> Result<Timestamp, String> {
        serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_taken_reads_back_as_it_was_taken() {
        for (given, expected) in [
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            ("2026-06-30T23:59:60Z", "2026-07-01T00:00:00.000000Z"),
            ("2026-06-30T23:59:60.5Z", "2026-07-01T00:00:00.500000Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2026-03-01T10:00:00+14:00", "2026-02-28T20:00:00.000000Z"),
        ] {
            let taken = read(given).expect(given);
            assert_eq!(taken.to_string(), expected, "{given}");
            assert_eq!(read(&taken.to_string()), Ok(taken));
            assert_eq!(Timestamp::from_micros(taken.as_micros()), Some(taken));
        }
    }

    #[test]
    fn years_of_other_than_four_digits_are_refused() {
        for beyond in [
            "+10000-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "-0001-12-31T23:59:59Z",
            "-262143-01-01T00:00:00Z",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
        ] {
            let refused = read(beyond).expect_err(beyond);
            assert!(refused.contains("years 0000 to 9999"), "{beyond}: {refused}");
        }
        for nonsense in ["+262143-01-01T00:00:00Z", "+999999999-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "", "now"] {
            read(nonsense).expect_err(nonsense);
        }
    }

    #[test]
    fn sums_stay_within_the_calendar() {
        let (age, now) = (std::time::Duration::from_secs(u64::MAX), read("2026-01-01T00:00:00Z").expect("valid"));
        assert_eq!((now.saturating_add(age), now.saturating_sub(age)), (Timestamp::LAST, Timestamp::FIRST));
        let millennia = std::time::Duration::from_hours(9_000 * 366 * 24);
        assert_eq!((now.saturating_add(millennia), now.saturating_sub(millennia)), (Timestamp::LAST, Timestamp::FIRST));
        assert_eq!(Timestamp::LAST.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::FIRST.to_string(), "0000-01-01T00:00:00.000000Z");
    }
}
