//! Rows of `feed_events`.

use diesel::prelude::*;
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{FeedPosition, SessionId};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::feed_events;
use crate::values::{Id, Key, json, moment, object};

/// An event of the fleet feed.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = feed_events)]
pub struct EventRow {
    position: i64,
    kind: String,
    session_id: Option<Id>,
    at: i64,
    data: String,
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
