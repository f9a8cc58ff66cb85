//! The history of a deployment that a place belongs to.
//!
//! Places on the feed and in conversations are assigned in order. A database that is restored to an earlier moment
//! assigns some places a second time, to other entries. A reader that continues from such a place misses the entries
//! that are there now. So each history has a name, its [`Epoch`], and a client that sends a place may send its epoch
//! too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::FeedPosition;

/// The name of one history of a deployment, written as eight hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch(u32);

/// A text that is not an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an epoch: eight hexadecimal digits")]
pub struct InvalidEpoch;

impl Epoch {
    /// Wraps a number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// A new epoch. Another history has the same one with a chance of one in four billion.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let [a, b, c, d, ..] = bytes;
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = InvalidEpoch;

    fn from_str(text: &str) -> Result<Self, InvalidEpoch> {
        let digits = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u32::from_str_radix(text, 16).or(Err(InvalidEpoch))?;
        if digits { Ok(Self(number)) } else { Err(InvalidEpoch) }
    }
}

impl TryFrom<String> for Epoch {
    type Error = InvalidEpoch;

    fn try_from(text: String) -> Result<Self, InvalidEpoch> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

/// A place on the fleet feed together with its history: `<epoch>-<position>`. A position without an epoch belongs to
/// the current epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCursor {
    /// The history of the place.
    pub epoch: Option<Epoch>,
    /// The place.
    pub position: FeedPosition,
}

/// A text that is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a place on the feed: <epoch>-<position>, or a whole number from 0 on")]
pub struct InvalidFeedCursor;

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{epoch}-{}", self.position),
            None => self.position.fmt(f),
        }
    }
}

impl FromStr for FeedCursor {
    type Err = InvalidFeedCursor;

    fn from_str(text: &str) -> Result<Self, InvalidFeedCursor> {
        let (epoch, position) = match text.split_once('-') {
            Some((epoch, position)) => (Some(epoch.parse().or(Err(InvalidFeedCursor))?), position),
            None => (None, text),
        };
        let digits = !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit());
        let position = position.parse().or(Err(InvalidFeedCursor))?;
        if digits { Ok(Self { epoch, position: FeedPosition::new(position) }) } else { Err(InvalidFeedCursor) }
    }
}

/// What one server writes to the store, and remembers elsewhere. A store without the mark is another store, or was set
/// back to an earlier moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreMark(Uuid);

impl StoreMark {
    /// Wraps a UUID.
    #[must_use]
    pub const fn new(mark: Uuid) -> Self {
        Self(mark)
    }

    /// The UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

/// The mark of one server, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaMark {
    /// The name of the server.
    pub replica: String,
    /// The mark that the server wrote.
    pub mark: StoreMark,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_eight_digits() {
        let epoch = Epoch::from_random([1; 32]);
        assert_eq!(epoch.to_string(), "01010101");
        assert_eq!("01010101".parse(), Ok(epoch));
        for wrong in ["", "1010101", "010101010", "0101010G", "0101010A", "+1010101"] {
            assert_eq!(wrong.parse::<Epoch>(), Err(InvalidEpoch), "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_reads_back_and_a_bare_position_is_one() {
        for text in ["01010101-57", "0", "9223372036854775807"] {
            assert_eq!(text.parse::<FeedCursor>().expect("a cursor").to_string(), text);
        }
        for wrong in ["", "-", "-1", "01010101-", "57-01010101", "0101010-1", "01010101-+1", "1.5", "01010101--1"] {
            assert_eq!(wrong.parse::<FeedCursor>(), Err(InvalidFeedCursor), "{wrong:?}");
        }
    }
}
