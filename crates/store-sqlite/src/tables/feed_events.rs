//! The fleet feed.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_store_sql::rows::feed::{EventRow, NewEventRow};
use flightdeck_store_sql::schema::feed_events;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::values::{Key, integer};

use crate::error::StoreError;

pub(crate) fn insert(connection: &mut SqliteConnection, event: &FleetEventDraft) -> Result<(), StoreError> {
    diesel::insert_into(feed_events::table).values(&NewEventRow::from(event)).execute(connection)?;
    Ok(())
}

/// At most `limit` events after a place, in order.
pub(crate) fn after(
    connection: &mut SqliteConnection,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT * FROM feed_events WHERE position > ? ORDER BY position LIMIT CAST(? AS INTEGER)",
        [Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` receipts of one session after a place, in order.
pub(crate) fn receipts(
    connection: &mut SqliteConnection,
    session: SessionId,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT * FROM feed_events INDEXED BY feed_events_receipts \
         WHERE session_id = ? AND kind = 'receipt' AND position > ? ORDER BY position LIMIT CAST(? AS INTEGER)",
        [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// The last `limit` receipts of one session, in order.
pub(crate) fn newest_receipts(
    connection: &mut SqliteConnection,
    session: SessionId,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT * FROM feed_events INDEXED BY feed_events_receipts \
         WHERE session_id = ? AND kind = 'receipt' ORDER BY position DESC LIMIT CAST(? AS INTEGER)",
        [Bind::Id(session.key()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().rev().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// The newest receipt of each session that has one. One statement for each, prepared once: its plan is the end of an index.
pub(crate) fn receipt_heads(
    connection: &mut SqliteConnection,
    sessions: &[SessionId],
) -> Result<Vec<(SessionId, FeedPosition)>, StoreError> {
    let mut heads = Vec::new();
    for session in sessions {
        let newest: PositionRow = Prepared::new(
            "SELECT MAX(position) AS position FROM feed_events INDEXED BY feed_events_receipts \
             WHERE session_id = ? AND kind = 'receipt'",
            [Bind::Id(session.key())],
        )
        .get_result(connection)?;
        if let Some(position) = newest.position.and_then(|position| u64::try_from(position).ok()) {
            heads.push((*session, FeedPosition::new(position)));
        }
    }
    Ok(heads)
}

#[derive(Debug, QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

/// The newest place; zero while there is none.
pub(crate) fn head(connection: &mut SqliteConnection) -> Result<FeedPosition, StoreError> {
    let newest: Option<i64> = feed_events::table.select(max(feed_events::position)).get_result(connection)?;
    Ok(FeedPosition::new(newest.and_then(|position| u64::try_from(position).ok()).unwrap_or_default()))
}
