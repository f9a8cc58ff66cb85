//! The fleet feed.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{FeedPosition, SessionId};

use crate::error::StoreError;
use crate::rows::feed::EventRow;
use crate::statement::{Bind, Statement};
use crate::values::{Key, integer, json};

/// Gives the events the next places, in their order. Whoever calls this holds up all others that do, until the end of the
/// transaction: so places are dense, and become visible in their order.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, events: &[FleetEventDraft]) -> Result<(), StoreError> {
    let count = integer(events.len());
    Statement::new(
        "WITH head AS (UPDATE feed_head SET position = position + ? RETURNING position) \
         INSERT INTO feed_events (position, kind, session_id, at, data) \
         SELECT head.position - ? + event.place, event.kind, event.session_id, event.at, event.data \
         FROM head, unnest(?::text[], ?::uuid[], ?::bigint[], ?::text[]) WITH ORDINALITY AS event (kind, session_id, at, data, place)",
        [
            Bind::Integer(count),
            Bind::Integer(count),
            Bind::Texts(events.iter().map(|event| event.kind.as_str().into()).collect()),
            Bind::MaybeUuids(events.iter().map(|event| event.session_id.as_ref().map(|id| *id.key())).collect()),
            Bind::Integers(events.iter().map(|event| event.at.as_micros()).collect()),
            Bind::Texts(events.iter().map(|event| json(&event.data).into()).collect()),
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
    let rows: Vec<EventRow> = Statement::new(
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
    let rows: Vec<EventRow> = Statement::new(
        "SELECT position, kind, session_id, at, data FROM feed_events \
         WHERE session_id = ? AND kind = 'receipt' AND position > ? ORDER BY position LIMIT ?",
        [Bind::Uuid(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
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
    let rows: Vec<EventRow> = Statement::new(
        "SELECT position, kind, session_id, at, data FROM feed_events \
         WHERE session_id = ? AND kind = 'receipt' ORDER BY position DESC LIMIT ?",
        [Bind::Uuid(session.key()), Bind::Integer(integer(limit))],
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
    let ids = sessions.iter().map(|id| *id.key()).collect();
    let rows: Vec<ReceiptHead> = Statement::new(
        "SELECT wanted.id, newest.position FROM unnest(?::uuid[]) AS wanted (id) CROSS JOIN LATERAL ( \
         SELECT position FROM feed_events WHERE session_id = wanted.id AND kind = 'receipt' \
         ORDER BY position DESC LIMIT 1) AS newest",
        [Bind::Uuids(ids)],
    )
    .load(connection)
    .await?;
    let head =
        |row: ReceiptHead| (SessionId::new(row.id), FeedPosition::new(u64::try_from(row.position).unwrap_or_default()));
    Ok(rows.into_iter().map(head).collect())
}

#[derive(Debug, QueryableByName)]
struct ReceiptHead {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: uuid::Uuid,
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
    let head: Head = Statement::new("SELECT position FROM feed_head", []).get_result(connection).await?;
    Ok(FeedPosition::new(u64::try_from(head.position).unwrap_or_default()))
}
