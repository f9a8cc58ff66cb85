//! Conversations.

use std::borrow::Borrow;

use diesel_async::RunQueryDsl;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::MessageSlice;
use flightdeck_store_sql::rows::message::{MessageRow, SliceRow, slice};
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::tx::Done;
use flightdeck_store_sql::values::{Key, integer, json};

use crate::line::Line;
use crate::statement::Column;

/// The lengths of texts are known without reading them.
const ENOUGH: Bind<'static> = Bind::Integer(4_194_304);
const _: () = assert!(MessageSlice::ENOUGH_BYTES == 4_194_304);

/// The columns of a message that is inserted.
pub(crate) const MESSAGE_COLUMNS: &str = "session_id, seq, id, role, provider, created_at, metadata, content";

/// What [`columns`] gives, as rows.
pub(crate) const MESSAGE_ROWS: &str =
    "unnest(?::uuid[], ?::bigint[], ?::uuid[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::text[])";

/// Inserts what [`columns`] gives.
pub(crate) fn insert_rows() -> String {
    format!("INSERT INTO messages ({MESSAGE_COLUMNS}) SELECT * FROM {MESSAGE_ROWS}")
}

/// The values of messages, column by column.
pub(crate) fn columns<M: Borrow<Message>>(new: &[M]) -> [Column<'_>; 8] {
    let new = || new.iter().map(Borrow::borrow);
    [
        Column::Ids(new().map(|message: &Message| message.session_id.key()).collect()),
        Column::Integers(new().map(|message: &Message| message.seq.to_i64()).collect()),
        Column::Ids(new().map(|message: &Message| message.id.key()).collect()),
        Column::Texts(new().map(|message: &Message| message.role.as_str().into()).collect()),
        Column::Texts(new().map(|message: &Message| message.provider.as_str().into()).collect()),
        Column::Integers(new().map(|message: &Message| message.created_at.as_micros()).collect()),
        Column::Texts(new().map(|message: &Message| json(&message.metadata).into()).collect()),
        Column::Texts(new().map(|message: &Message| message.content.as_str().into()).collect()),
    ]
}

/// Inserts any number, of any number of sessions, with one statement.
pub(crate) async fn insert(connection: &Line, new: &[Message]) -> Done<()> {
    if new.is_empty() {
        return Ok(());
    }
    Prepared::with(insert_rows(), columns(new)).execute(&mut connection.pg()).await?;
    Ok(())
}

/// Those of the wanted messages that are there: one session and one id each.
pub(crate) async fn known(connection: &Line, wanted: &[(SessionId, MessageId)]) -> Done<Vec<Message>> {
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
    .load(&mut connection.pg())
    .await?;
    Ok(rows.into_iter().map(Message::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` messages after a place, in order.
pub(crate) async fn after(
    connection: &Line,
    session: SessionId,
    after: Seq,
    limit: usize,
) -> Done<Option<MessageSlice>> {
    beside(connection, session, (">", after, ""), limit).await
}

/// The last `limit` messages before a place, in order.
pub(crate) async fn before(
    connection: &Line,
    session: SessionId,
    before: Seq,
    limit: usize,
) -> Done<Option<MessageSlice>> {
    beside(connection, session, ("<", before, " DESC"), limit).await
}

/// The session's state, and with it at most `limit` messages on one side of a place, taken from there on and given in
/// order: one statement, and so one moment. The id is given twice: by a value of the statement, PostgreSQL finds the one
/// part of a partitioned table before it opens any.
async fn beside(
    connection: &Line,
    session: SessionId,
    (side, place, order): (&str, Seq, &str),
    limit: usize,
) -> Done<Option<MessageSlice>> {
    let sql = format!(
        "SELECT sessions.id AS session_id, sessions.last_seq, sessions.status, \
                message.seq, message.id, message.role, message.provider, message.created_at, message.metadata, message.content \
         FROM sessions LEFT JOIN LATERAL ( \
             SELECT * FROM ( \
                 SELECT few.*, sum(octet_length(content) + octet_length(metadata)) OVER ( \
                     ORDER BY seq{order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING \
                 ) AS bytes_before FROM ( \
                     SELECT seq, id, role, provider, created_at, metadata, content FROM messages \
                     WHERE messages.session_id = ? AND seq {side} ? ORDER BY seq{order} LIMIT ? \
                 ) AS few \
             ) AS few WHERE coalesce(bytes_before, 0) < ? \
         ) AS message ON TRUE WHERE sessions.id = ? ORDER BY message.seq"
    );
    let id = Bind::Id(session.key());
    let binds = [id, Bind::Integer(place.to_i64()), Bind::Integer(integer(limit)), ENOUGH, id];
    let rows: Vec<SliceRow> = Prepared::new(sql, binds).load(&mut connection.pg()).await?;
    Ok(slice(rows)?)
}
