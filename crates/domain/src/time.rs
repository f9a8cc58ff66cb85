//! Moments, at the precision that every store can keep.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, cut to whole microseconds: what PostgreSQL keeps, so that a value read back equals the value written.
/// Its text form is RFC 3339 with six digits and `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Cuts a moment to microseconds.
    #[must_use]
    pub fn new(moment: DateTime<Utc>) -> Self {
        Self(moment.trunc_subsecs(6))
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

    /// The moment that lies this many microseconds after 1970-01-01T00:00:00Z; `None` when chrono cannot express it.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// This moment and a span; the last moment chrono knows when the sum lies beyond it.
    #[must_use]
    pub fn saturating_add(self, span: std::time::Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|span| self.0.checked_add_signed(span))
            .map_or(Self::new(DateTime::<Utc>::MAX_UTC), Self::new)
    }

    /// This moment less a span; the first moment chrono knows when the difference lies before it.
    #[must_use]
    pub fn saturating_sub(self, span: std::time::Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|span| self.0.checked_sub_signed(span))
            .map_or(Self::new(DateTime::<Utc>::MIN_UTC), Self::new)
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
        DateTime::<Utc>::deserialize(deserializer).map(Self::new)
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
}
