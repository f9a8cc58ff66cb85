//! Places in lists, as clients hand them back: `<number>.<id>`.

use std::fmt;
use std::str::FromStr;

use flightdeck_domain::time::Timestamp;

/// Where a page of a list begins: behind the entry with this number and this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<N, I>(pub(super) N, pub(super) I);

/// A place in a list that has the newest first.
pub(super) type NewestFirst<I> = Place<Micros, I>;

/// A moment, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Micros(pub(super) Timestamp);

/// A text that is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in this list; take it from the page before")]
pub(super) struct InvalidPlace;

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_micros().fmt(f)
    }
}

impl FromStr for Micros {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        text.parse().ok().and_then(Timestamp::from_micros).map(Self).ok_or(InvalidPlace)
    }
}

impl<N: fmt::Display, I: fmt::Display> fmt::Display for Place<N, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl<N: FromStr, I: FromStr> FromStr for Place<N, I> {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        // An id may have a point in it, a number has none.
        let (number, id) = text.split_once('.').ok_or(InvalidPlace)?;
        Ok(Self(number.parse().or(Err(InvalidPlace))?, id.parse().or(Err(InvalidPlace))?))
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::text::MissionId;

    use super::*;

    #[test]
    fn a_place_reads_back_as_it_was_given() {
        let at = Timestamp::from_micros(1_700_000_000_000_001).expect("a moment");
        let place = Place(Micros(at), MissionId::new("v1.2.3").expect("valid"));
        assert_eq!(place.to_string(), "1700000000000001.v1.2.3");
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "1", "x.y", ".y", "1.", "99999999999999999999.y"] {
            assert_eq!(text.parse::<NewestFirst<MissionId>>(), Err(InvalidPlace), "{text:?}");
        }
    }
}
