//! Rows of `feed_events`.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::FeedPosition;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::feed_events;
use crate::values::{Key, json, moment, object, session_id};

/// An event of the fleet feed.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = feed_events, check_for_backend(Sqlite))]
pub(crate) struct EventRow {
    position: i64,
    kind: String,
    session_id: Option<Vec<u8>>,
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
            session_id: maybe(self.session_id, |id| session_id(&id)).column("session_id")?,
            at: moment(self.at).column("at")?,
            data: object(&self.data).column("data")?,
        })
    }
}

/// An event to be inserted; SQLite gives it its place, unless that is known.
#[derive(Debug, Insertable)]
#[diesel(table_name = feed_events, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(crate) struct NewEventRow<'a> {
    kind: &'static str,
    session_id: Option<&'a [u8]>,
    at: i64,
    data: String,
}

impl<'a> From<&'a FleetEventDraft> for NewEventRow<'a> {
    fn from(event: &'a FleetEventDraft) -> Self {
        Self {
            kind: event.kind.as_str(),
            session_id: event.session_id.as_ref().map(Key::key),
            at: event.at.as_micros(),
            data: json(&event.data),
        }
    }
}

impl<'a> From<&'a FleetEvent> for NewEventRow<'a> {
    fn from(event: &'a FleetEvent) -> Self {
        Self {
            kind: event.kind.as_str(),
            session_id: event.session_id.as_ref().map(Key::key),
            at: event.at.as_micros(),
            data: json(&event.data),
        }
    }
}
