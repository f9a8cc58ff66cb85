//! How single values stand in columns.

use flightdeck_domain::ids::{ApprovalId, MessageId, OperationId, SessionId};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;
use uuid::Uuid;

/// An id as PostgreSQL takes it.
pub(crate) trait Key {
    fn key(&self) -> &Uuid;
}

impl Key for SessionId {
    fn key(&self) -> &Uuid {
        self.as_uuid()
    }
}

impl Key for MessageId {
    fn key(&self) -> &Uuid {
        self.as_uuid()
    }
}

impl Key for ApprovalId {
    fn key(&self) -> &Uuid {
        self.as_uuid()
    }
}

impl Key for OperationId {
    fn key(&self) -> &Uuid {
        self.as_uuid()
    }
}

/// A number of microseconds that lies beyond every calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} microseconds is no moment")]
pub(crate) struct NoMoment(i64);

pub(crate) fn moment(micros: i64) -> Result<Timestamp, NoMoment> {
    Timestamp::from_micros(micros).ok_or(NoMoment(micros))
}

/// The JSON text of an object.
pub(crate) fn json(object: &JsonObject) -> String {
    if object.is_empty() { "{}".to_owned() } else { object.to_string() }
}

pub(crate) fn object(text: &str) -> Result<JsonObject, serde_json::Error> {
    // Most objects are empty, and every message of a page has one.
    if text == "{}" { Ok(JsonObject::default()) } else { serde_json::from_str(text) }
}

/// A count as PostgreSQL keeps it.
pub(crate) fn counted(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or limit as PostgreSQL takes it.
pub(crate) fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
