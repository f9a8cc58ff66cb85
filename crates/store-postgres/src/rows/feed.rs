//! Rows of `feed_events`.

use diesel::pg::Pg;
use diesel::prelude::*;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};
use uuid::Uuid;

use super::{BrokenRow, Column, Fault};
use crate::schema::feed_events;
use crate::values::{moment, object};

/// An event of the fleet feed.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = feed_events, check_for_backend(Pg))]
pub(crate) struct EventRow {
    position: i64,
    kind: String,
    session_id: Option<Uuid>,
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
            session_id: self.session_id.map(SessionId::new),
            at: moment(self.at).column("at")?,
            data: object(&self.data).column("data")?,
        })
    }
}
