//! Rows of `feed_events`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{FeedPosition, SessionId};

use super::{BrokenRow, Column, Fault, maybe, read_id};
use crate::schema::feed_events;
use crate::types;
use crate::values::{Id, Key, json, moment, object};

row! {
    /// An event of the fleet feed.
    #[diesel(table_name = feed_events)]
    pub struct EventRow {
        position: i64,
        kind: String,
        session_id: Option<Id>,
        at: i64,
        data: String,
    }
}

impl TryFrom<EventRow> for FleetEvent {
    type Error = BrokenRow;

    fn try_from(row: EventRow) -> Result<Self, BrokenRow> {
        let position = row.position;
        row.read().map_err(|fault| fault.of("feed_events", position.to_string()))
    }
}

impl EventRow {
    fn read(self) -> Result<FleetEvent, Fault> {
        Ok(FleetEvent {
            position: FeedPosition::from_i64(self.position).column("position")?,
            kind: self.kind.parse().column("kind")?,
            session_id: maybe(self.session_id, SessionId::try_from).column("session_id")?,
            at: moment(self.at).column("at")?,
            data: object(&self.data).column("data")?,
        })
    }
}

/// The newest place; nothing while there is none.
#[derive(Debug, QueryableByName)]
pub(crate) struct PositionRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

impl PositionRow {
    pub(crate) fn position(&self) -> FeedPosition {
        FeedPosition::new(self.position.and_then(|position| u64::try_from(position).ok()).unwrap_or_default())
    }
}

/// The newest receipt of a session.
#[derive(Debug, QueryableByName)]
pub(crate) struct ReceiptHeadRow {
    #[diesel(sql_type = types::Id)]
    id: Id,
    #[diesel(embed)]
    newest: PositionRow,
}

impl ReceiptHeadRow {
    /// Nothing for a session without a receipt.
    pub(crate) fn read(&self) -> Result<Option<(SessionId, FeedPosition)>, BrokenRow> {
        if self.newest.position.is_none() {
            return Ok(None);
        }
        Ok(Some((read_id(self.id, "feed_events", "session_id")?, self.newest.position())))
    }
}

/// An event to be inserted; the database gives it its place, unless that is known.
#[derive(Debug, Insertable)]
#[diesel(table_name = feed_events, treat_none_as_default_value = false)]
pub struct NewEventRow {
    kind: &'static str,
    session_id: Option<Id>,
    at: i64,
    data: String,
}

impl From<&FleetEventDraft> for NewEventRow {
    fn from(event: &FleetEventDraft) -> Self {
        Self {
            kind: event.kind.as_str(),
            session_id: event.session_id.as_ref().map(Key::key),
            at: event.at.as_micros(),
            data: json(&event.data),
        }
    }
}

impl From<&FleetEvent> for NewEventRow {
    fn from(event: &FleetEvent) -> Self {
        Self {
            kind: event.kind.as_str(),
            session_id: event.session_id.as_ref().map(Key::key),
            at: event.at.as_micros(),
            data: json(&event.data),
        }
    }
}
