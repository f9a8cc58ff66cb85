//! The fleet feed, for reading.

use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};

use crate::connection::Connection;
use crate::error::SqlError;
use crate::rows::feed::{EventRow, PositionRow, ReceiptHeadRow};
use crate::statement::{Bind, Ids, Prepared};
use crate::values::{Key, integer};
use crate::words::Words;

const COLUMNS: &str = EventRow::COLUMNS;

/// At most `limit` events after a place, in order.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn after<C: Connection>(
    connection: &mut C,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM feed_events WHERE position > ? ORDER BY position LIMIT CAST(? AS BIGINT)");
    let binds = [Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))];
    connection.values::<EventRow, _>(Prepared::new(sql, binds)).await
}

/// At most `limit` receipts of one session after a place, in order.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn receipts<C: Connection>(
    connection: &mut C,
    session: SessionId,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FleetEvent>, SqlError> {
    let by = C::WORDS.by("feed_events_receipts");
    let sql = format!(
        "SELECT {COLUMNS} FROM feed_events {by} WHERE session_id = ? AND kind = 'receipt' AND position > ? \
         ORDER BY position LIMIT CAST(? AS BIGINT)"
    );
    let binds = [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))];
    connection.values::<EventRow, _>(Prepared::new(sql, binds)).await
}

/// The last `limit` receipts of one session, in order.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn newest_receipts<C: Connection>(
    connection: &mut C,
    session: SessionId,
    limit: usize,
) -> Result<Vec<FleetEvent>, SqlError> {
    let by = C::WORDS.by("feed_events_receipts");
    let sql = format!(
        "SELECT {COLUMNS} FROM feed_events {by} WHERE session_id = ? AND kind = 'receipt' \
         ORDER BY position DESC LIMIT CAST(? AS BIGINT)"
    );
    let binds = [Bind::Id(session.key()), Bind::Integer(integer(limit))];
    let mut newest: Vec<FleetEvent> = connection.values::<EventRow, _>(Prepared::new(sql, binds)).await?;
    newest.reverse();
    Ok(newest)
}

/// The newest receipt of each session that has one: for each a look at the end of an index.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn receipt_heads<C: Connection>(
    connection: &mut C,
    sessions: &[SessionId],
) -> Result<Vec<(SessionId, FeedPosition)>, SqlError> {
    let (ids, list, by) = (Ids::of(sessions), C::WORDS.list(), C::WORDS.by("feed_events_receipts"));
    let sql = format!(
        "SELECT wanted.id, (SELECT MAX(position) FROM feed_events {by} \
             WHERE session_id = wanted.id AND kind = 'receipt') AS position \
         FROM {list}"
    );
    let heads: Vec<ReceiptHeadRow> = connection.load(Prepared::new(sql, [Bind::Ids(&ids)])).await?;
    Ok(heads.iter().filter_map(|head| head.read().transpose()).collect::<Result<_, _>>()?)
}

/// The newest place; zero while there is none.
///
/// # Errors
/// Those of the database.
pub async fn head<C: Connection>(connection: &mut C) -> Result<FeedPosition, SqlError> {
    let newest = match C::WORDS {
        Words::Sqlite => "SELECT MAX(position) AS position FROM feed_events",
        Words::Postgres => "SELECT position FROM feed_head",
    };
    Ok(connection.only::<PositionRow>(Prepared::new(newest, [])).await?.position())
}
