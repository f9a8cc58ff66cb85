//! Conversations.

use diesel::result::{DatabaseErrorKind, Error as SqlError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::MessageSlice;
use flightdeck_store_sql::rows::message::{MessageRow, SliceRow, slice};
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::values::{Key, integer, json};

use super::commands;
use super::sessions::Touch;
use crate::error::StoreError;
use crate::statement::Column;

/// The lengths of texts are known without reading them.
const ENOUGH: Bind<'static> = Bind::Integer(4_194_304);
const _: () = assert!(MessageSlice::ENOUGH_BYTES == 4_194_304);

/// Inserts any number, of any number of sessions, with one statement.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, new: &[Message]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    Prepared::with(
        "INSERT INTO messages (session_id, seq, id, role, provider, created_at, metadata, content) \
         SELECT * FROM unnest(?::uuid[], ?::bigint[], ?::uuid[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::text[])",
        [
            Column::Ids(new.iter().map(|message| message.session_id.key()).collect()),
            Column::Integers(new.iter().map(|message| message.seq.to_i64()).collect()),
            Column::Ids(new.iter().map(|message| message.id.key()).collect()),
            Column::Texts(new.iter().map(|message| message.role.as_str().into()).collect()),
            Column::Texts(new.iter().map(|message| message.provider.as_str().into()).collect()),
            Column::Integers(new.iter().map(|message| message.created_at.as_micros()).collect()),
            Column::Texts(new.iter().map(|message| json(&message.metadata).into()).collect()),
            Column::Texts(new.iter().map(|message| message.content.as_str().into()).collect()),
        ],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts all of them, and notes in their sessions what was [`Touch`]ed: one round trip for both.
///
/// # Errors
/// [`StoreError::Repeated`] when a message is there already. (`ON CONFLICT DO NOTHING` would say it without an error, and
/// looks twice into both indexes for every row.)
pub(crate) async fn insert_new(
    connection: &mut AsyncPgConnection,
    new: &[Message],
    touched: &[Touch],
) -> Result<(), StoreError> {
    let inserted = Prepared::with(
        "WITH touched AS ( \
             UPDATE sessions SET last_seq = touched.last_seq, last_seen_at = touched.seen \
             FROM unnest(?::uuid[], ?::bigint[], ?::bigint[]) AS touched (id, last_seq, seen) WHERE sessions.id = touched.id \
         ) \
         INSERT INTO messages (session_id, seq, id, role, provider, created_at, metadata, content) \
         SELECT * FROM unnest(?::uuid[], ?::bigint[], ?::uuid[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::text[])",
        [
            Column::Ids(touched.iter().map(|it| it.session.key()).collect()),
            Column::Integers(touched.iter().map(|it| it.last_seq.to_i64()).collect()),
            Column::Integers(touched.iter().map(|it| it.seen.as_micros()).collect()),
            Column::Ids(new.iter().map(|message| message.session_id.key()).collect()),
            Column::Integers(new.iter().map(|message| message.seq.to_i64()).collect()),
            Column::Ids(new.iter().map(|message| message.id.key()).collect()),
            Column::Texts(new.iter().map(|message| message.role.as_str().into()).collect()),
            Column::Texts(new.iter().map(|message| message.provider.as_str().into()).collect()),
            Column::Integers(new.iter().map(|message| message.created_at.as_micros()).collect()),
            Column::Texts(new.iter().map(|message| json(&message.metadata).into()).collect()),
            Column::Texts(new.iter().map(|message| message.content.as_str().into()).collect()),
        ],
    )
    .execute(connection)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(SqlError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(StoreError::Repeated),
        Err(error) => Err(error.into()),
    }
}

/// Those of the wanted messages that are there: one session and one id each.
pub(crate) async fn known(
    connection: &mut AsyncPgConnection,
    wanted: &[(SessionId, MessageId)],
) -> Result<Vec<Message>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // LATERAL with a limit of one leaves no other way than one look into the index for each: without statistics a join
    // may read whole conversations.
    let rows: Vec<MessageRow> = Prepared::with(
        "SELECT message.* FROM unnest(?::uuid[], ?::uuid[]) AS wanted (session_id, id), LATERAL ( \
             SELECT session_id, seq, id, role, provider, created_at, metadata, content FROM messages \
             WHERE messages.session_id = wanted.session_id AND messages.id = wanted.id LIMIT 1 \
         ) AS message",
        [
            Column::Ids(wanted.iter().map(|(session, _)| session.key()).collect()),
            Column::Ids(wanted.iter().map(|(_, id)| id.key()).collect()),
        ],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Message::try_from).collect::<Result<_, _>>()?)
}

/// The session's state, and with it at most `limit` messages after a place, in order: one statement, and so one moment.
/// What became of an operator's message is looked up a moment later, and is never older than the message.
pub(crate) async fn after(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    after: Seq,
    limit: usize,
) -> Result<Option<MessageSlice>, StoreError> {
    let rows: Vec<SliceRow> = Prepared::new(
        "SELECT sessions.id AS session_id, sessions.last_seq, sessions.status, \
                message.seq, message.id, message.role, message.provider, message.created_at, message.metadata, message.content \
         FROM sessions LEFT JOIN LATERAL ( \
             SELECT * FROM ( \
                 SELECT few.*, sum(octet_length(content) + octet_length(metadata)) OVER ( \
                     ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING \
                 ) AS bytes_before FROM ( \
                     SELECT seq, id, role, provider, created_at, metadata, content FROM messages \
                     WHERE messages.session_id = sessions.id AND seq > ? ORDER BY seq LIMIT ? \
                 ) AS few \
             ) AS few WHERE coalesce(bytes_before, 0) < ? \
         ) AS message ON TRUE WHERE sessions.id = ? ORDER BY message.seq",
        [Bind::Integer(after.to_i64()), Bind::Integer(integer(limit)), ENOUGH, Bind::Id(session.key())],
    )
    .load(connection)
    .await?;
    with_receipts(connection, session, slice(rows)?).await
}

/// The session's state, and with it the last `limit` messages before a place, in order.
pub(crate) async fn before(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    before: Seq,
    limit: usize,
) -> Result<Option<MessageSlice>, StoreError> {
    let rows: Vec<SliceRow> = Prepared::new(
        "SELECT sessions.id AS session_id, sessions.last_seq, sessions.status, \
                message.seq, message.id, message.role, message.provider, message.created_at, message.metadata, message.content \
         FROM sessions LEFT JOIN LATERAL ( \
             SELECT * FROM ( \
                 SELECT few.*, sum(octet_length(content) + octet_length(metadata)) OVER ( \
                     ORDER BY seq DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING \
                 ) AS bytes_before FROM ( \
                     SELECT seq, id, role, provider, created_at, metadata, content FROM messages \
                     WHERE messages.session_id = sessions.id AND seq < ? ORDER BY seq DESC LIMIT ? \
                 ) AS few \
             ) AS few WHERE coalesce(bytes_before, 0) < ? \
         ) AS message ON TRUE WHERE sessions.id = ? ORDER BY message.seq",
        [Bind::Integer(before.to_i64()), Bind::Integer(integer(limit)), ENOUGH, Bind::Id(session.key())],
    )
    .load(connection)
    .await?;
    with_receipts(connection, session, slice(rows)?).await
}

async fn with_receipts(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    slice: Option<MessageSlice>,
) -> Result<Option<MessageSlice>, StoreError> {
    let Some(slice) = slice else { return Ok(None) };
    let receipts = commands::receipts(connection, session, &slice.messages).await?;
    Ok(Some(MessageSlice { receipts, ..slice }))
}
