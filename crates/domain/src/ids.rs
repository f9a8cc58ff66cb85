//! The ids and counters of the domain. Each is a type of its own, so that one cannot be used as another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hex::hex;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// One agent at work. The `agentId` of a URL is this id.
    SessionId
}
uuid_id! {
    /// One entry of a conversation. The client chooses the id, and it is the entry's idempotency key within the
    /// session.
    MessageId
}
uuid_id! {
    /// One permission request. The client chooses the id, and it is the request's idempotency key.
    ApprovalId
}

uuid_id! {
    /// One wish for one or many sessions, see [`crate::operation`].
    OperationId
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The place before the first entry.
            pub const ZERO: Self = Self(0);

            /// Wraps a number. Values above `i64::MAX` never occur in a store and are clamped to it.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                if value > i64::MAX.unsigned_abs() { Self(i64::MAX.unsigned_abs()) } else { Self(value) }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The following place.
            #[must_use]
            pub const fn next(self) -> Self {
                Self::new(self.0.saturating_add(1))
            }

            /// The place before. The place before the first is the first itself.
            #[must_use]
            pub const fn previous(self) -> Self {
                Self(self.0.saturating_sub(1))
            }

            /// The number as databases keep it.
            #[must_use]
            pub fn to_i64(self) -> i64 {
                i64::try_from(self.0).unwrap_or(i64::MAX)
            }

            /// Reads the number as databases keep it.
            ///
            /// # Errors
            /// A negative number.
            pub fn from_i64(value: i64) -> Result<Self, std::num::TryFromIntError> {
                u64::try_from(value).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// The place of a message in its session: 1, 2, 3 … dense, in commit order. As a cursor: "everything after it".
    Seq
}
counter! {
    /// The place of a command in its session's queue: 1, 2, 3 … dense.
    CommandSeq
}
counter! {
    /// The place of an entry on the deployment's one audit chain: 1, 2, 3 … dense.
    AuditSeq
}
counter! {
    /// The place of an event in the fleet feed; it rises in commit order, and gaps are allowed.
    FeedPosition
}

/// The public half of a key; it may appear in logs and on the audit log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// A text that is no key id: 12 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 12 lower-case hexadecimal digits")]
pub struct InvalidKeyId;

impl KeyId {
    /// Checks and wraps a text.
    ///
    /// # Errors
    /// It is not 12 lower-case hexadecimal digits.
    pub fn new(text: &str) -> Result<Self, InvalidKeyId> {
        let valid = text.len() == 12 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidKeyId) }
    }

    /// Makes an id of the first 6 of 32 random bytes.
    pub(crate) fn from_random(bytes: [u8; 32]) -> Self {
        Self(hex(&bytes).chars().take(12).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
