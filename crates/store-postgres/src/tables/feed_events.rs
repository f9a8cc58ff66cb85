//! The fleet feed.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_store_sql::rows::feed::EventRow;
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key, integer, json};

use crate::error::StoreError;
use crate::statement::Column;

/// Gives the events the next places, in their order. Whoever calls this holds up all others that do, until the end of the
/// transaction: so places are dense, and become visible in their order.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, events: &[FleetEventDraft]) -> Result<(), StoreError> {
    let count = integer(events.len());
    Prepared::with(
        "WITH head AS (UPDATE feed_head SET position = position + ? RETURNING position) \
         INSERT INTO feed_events (position, kind, session_id, at, data) \
         SELECT head.position - ? + event.place, event.kind, event.session_id, event.at, event.data \
         FROM head, unnest(?::text[], ?::uuid[], ?::bigint[], ?::text[]) WITH ORDINALITY AS event (kind, session_id, at, data, place)",
        [
            Column::One(Bind::Integer(count)),
            Column::One(Bind::Integer(count)),
            Column::Texts(events.iter().map(|event| event.kind.as_str().into()).collect()),
            Column::MaybeIds(events.iter().map(|event| event.session_id.as_ref().map(Key::key)).collect()),
            Column::Integers(events.iter().map(|event| event.at.as_micros()).collect()),
            Column::Texts(events.iter().map(|event| json(&event.data).into()).collect()),
        ],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// At most `limit` events after a place, in order.
pub(crate) async fn after(
    connection: &mut AsyncPgConnection,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT position, kind, session_id, at, data FROM feed_events WHERE position > ? ORDER BY position LIMIT ?",
        [Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` receipts of one session after a place, in order.
pub(crate) async fn receipts(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT position, kind, session_id, at, data FROM feed_events \
         WHERE session_id = ? AND kind = 'receipt' AND position > ? ORDER BY position LIMIT ?",
        [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// The last `limit` receipts of one session, in order.
pub(crate) async fn newest_receipts(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    limit: usize,
) -> Result<Vec<FleetEvent>, StoreError> {
    let rows: Vec<EventRow> = Prepared::new(
        "SELECT position, kind, session_id, at, data FROM feed_events \
         WHERE session_id = ? AND kind = 'receipt' ORDER BY position DESC LIMIT ?",
        [Bind::Id(session.key()), Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().rev().map(FleetEvent::try_from).collect::<Result<_, _>>()?)
}

/// The newest receipt of each session that has one.
pub(crate) async fn receipt_heads(
    connection: &mut AsyncPgConnection,
    sessions: &[SessionId],
) -> Result<Vec<(SessionId, FeedPosition)>, StoreError> {
    let ids = sessions.iter().map(Key::key).collect();
    let rows: Vec<ReceiptHead> = Prepared::with(
        "SELECT wanted.id, newest.position FROM unnest(?::uuid[]) AS wanted (id) CROSS JOIN LATERAL ( \
         SELECT position FROM feed_events WHERE session_id = wanted.id AND kind = 'receipt' \
         ORDER BY position DESC LIMIT 1) AS newest",
        [Column::Ids(ids)],
    )
    .load(connection)
    .await?;
    let head = |row: ReceiptHead| {
        let position = FeedPosition::new(u64::try_from(row.position).unwrap_or_default());
        Ok((read_id(row.id, "feed_events", "session_id")?, position))
    };
    rows.into_iter().map(head).collect()
}

#[derive(Debug, QueryableByName)]
struct ReceiptHead {
    #[diesel(sql_type = types::Id)]
    id: Id,
    #[diesel(sql_type = BigInt)]
    position: i64,
}

#[derive(Debug, QueryableByName)]
struct Head {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// The newest place; zero while there is none.
pub(crate) async fn head(connection: &mut AsyncPgConnection) -> Result<FeedPosition, StoreError> {
    let head: Head = Prepared::new("SELECT position FROM feed_head", []).get_result(connection).await?;
    Ok(FeedPosition::new(u64::try_from(head.position).unwrap_or_default()))
}
