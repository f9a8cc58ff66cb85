//! How single values are stored in columns.

use std::fmt;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteValue};
use flightdeck_domain::epoch::StoreMark;
use flightdeck_domain::ids::{ApprovalId, MessageId, OperationId, SessionId};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;
use uuid::Uuid;

use crate::types;

/// The bytes of an id.
const BYTES: usize = 16;

/// Any id, as it is stored.
///
/// A column of SQLite may hold a blob of another length when somebody has switched its check off. Such an id is read like
/// any other, and is told as [`NoId`] when it is to become one of the domain: there it is known of which row it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromSqlRow, AsExpression)]
#[diesel(sql_type = types::Id)]
pub struct Id {
    /// Of a shorter blob the rest is zero, of a longer one this is the beginning.
    bytes: [u8; BYTES],
    length: usize,
}

/// A blob that is too short or too long for an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 16 bytes, and not {0}")]
pub struct NoId(usize);

impl Id {
    const fn new(id: &Uuid) -> Self {
        Self { bytes: *id.as_bytes(), length: BYTES }
    }

    fn stored(blob: &[u8]) -> Self {
        let mut bytes = [0; BYTES];
        bytes.iter_mut().zip(blob).for_each(|(byte, stored)| *byte = *stored);
        Self { bytes, length: blob.len() }
    }

    /// Its bytes in hexadecimal digits.
    #[must_use]
    pub fn digits(self) -> String {
        Uuid::from_bytes(self.bytes).simple().to_string()
    }

    const fn uuid(self) -> Result<Uuid, NoId> {
        if self.length == BYTES { Ok(Uuid::from_bytes(self.bytes)) } else { Err(NoId(self.length)) }
    }
}

impl fmt::Display for Id {
    /// As a person would look for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uuid() {
            Ok(id) => id.fmt(f),
            Err(NoId(length)) => {
                write!(f, "{:02x?} of {length} bytes", self.bytes.get(..length).unwrap_or(&self.bytes))
            }
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromSql<types::Id, Sqlite> for Id {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self::stored(value.read_blob()))
    }
}

impl FromSql<types::Id, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::stored(value.as_bytes()))
    }
}

impl ToSql<types::Id, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.bytes.as_slice());
        Ok(IsNull::No)
    }
}

impl ToSql<types::Id, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &self.bytes)?;
        Ok(IsNull::No)
    }
}

/// An id of the domain, as it is stored.
pub trait Key {
    /// The same id.
    fn key(&self) -> Id;
}

macro_rules! keys {
    ($($id:ty),+) => {$(
        impl Key for $id {
            fn key(&self) -> Id {
                Id::new(self.as_uuid())
            }
        }

        impl TryFrom<Id> for $id {
            type Error = NoId;

            fn try_from(id: Id) -> Result<Self, NoId> {
                id.uuid().map(Self::new)
            }
        }
    )+};
}

keys!(ApprovalId, MessageId, OperationId, SessionId, StoreMark);

/// Yes or no, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = types::Flag)]
pub struct Flag(pub bool);

impl FromSql<types::Flag, Sqlite> for Flag {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_long() != 0))
    }
}

impl FromSql<types::Flag, Pg> for Flag {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <bool as FromSql<Bool, Pg>>::from_sql(value).map(Self)
    }
}

impl ToSql<types::Flag, Sqlite> for Flag {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(i64::from(self.0));
        Ok(IsNull::No)
    }
}

impl ToSql<types::Flag, Pg> for Flag {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <bool as ToSql<Bool, Pg>>::to_sql(&self.0, out)
    }
}

/// A number of microseconds that lies beyond every calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} microseconds is no moment")]
pub struct NoMoment(i64);

/// Reads a moment.
pub fn moment(micros: i64) -> Result<Timestamp, NoMoment> {
    Timestamp::from_micros(micros).ok_or(NoMoment(micros))
}

/// The JSON text of an object.
#[must_use]
pub fn json(object: &JsonObject) -> String {
    if object.is_empty() { "{}".to_owned() } else { object.to_string() }
}

/// Reads an object from its JSON text.
pub fn object(text: &str) -> Result<JsonObject, serde_json::Error> {
    // Most objects are empty, and every message of a page has one.
    if text == "{}" { Ok(JsonObject::default()) } else { serde_json::from_str(text) }
}

/// A count as it is stored.
#[must_use]
pub fn counted(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or limit as a statement takes it.
#[must_use]
pub fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::ids::SessionId;
    use uuid::Uuid;

    use super::{Id, Key, NoId};

    #[test]
    fn an_id_comes_back_as_it_was() {
        let id = SessionId::new(Uuid::from_u128(0x0102));
        assert_eq!(SessionId::try_from(id.key()), Ok(id));
        assert_eq!(id.key().to_string(), id.to_string());
    }

    #[test]
    fn a_blob_of_another_length_is_no_id_and_can_still_be_looked_for() {
        let short = Id::stored(&[1, 255]);
        assert_eq!(SessionId::try_from(short), Err(NoId(2)));
        assert_eq!(short.to_string(), "[01, ff] of 2 bytes");
        let long = Id::stored(&[7; 17]);
        assert_eq!(SessionId::try_from(long), Err(NoId(17)));
        assert!(long.to_string().ends_with("07] of 17 bytes"), "{long}");
        assert_ne!(long, Id::stored(&[7; 16]));
    }
}
