//! Conversations.

use std::collections::HashMap;

use diesel::prelude::*;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};

use crate::error::StoreError;
use crate::rows::message::{MessageRow, NewMessageRow};
use crate::schema::messages;
use crate::statement::{Bind, Prepared};
use crate::values::{Key, integer};

/// The most rows in one `INSERT`: SQLite takes 32,766 values in a statement, and beyond some hundreds of rows nothing is
/// gained.
const CHUNK: usize = 1_000;

pub(crate) fn insert(connection: &mut SqliteConnection, new: &[Message]) -> Result<(), StoreError> {
    // A single row is a statement that diesel keeps prepared; many rows are one statement, made for their number.
    if let [message] = new {
        diesel::insert_into(messages::table).values(&NewMessageRow::from(message)).execute(connection)?;
        return Ok(());
    }
    for chunk in new.chunks(CHUNK) {
        let rows: Vec<NewMessageRow<'_>> = chunk.iter().map(NewMessageRow::from).collect();
        diesel::insert_into(messages::table).values(&rows).execute(connection)?;
    }
    Ok(())
}

/// The messages of a session that have an id of the batch.
pub(crate) fn known(
    connection: &mut SqliteConnection,
    session: SessionId,
    batch: &[NewMessage],
) -> Result<HashMap<MessageId, Message>, StoreError> {
    // The index is named because SQLite, without statistics, may read the whole conversation instead. One statement
    // serves batches of every size and stays prepared: the ids come as one JSON list.
    let rows: Vec<MessageRow> = match batch {
        [] => Vec::new(),
        [message] => Prepared::new(
            "SELECT * FROM messages INDEXED BY messages_id WHERE session_id = ? AND id = ?",
            [Bind::Blob(session.key()), Bind::Blob(message.id.key())],
        )
        .load(connection)?,
        batch => Prepared::new(
            "SELECT messages.* FROM json_each(?) AS wanted CROSS JOIN messages INDEXED BY messages_id \
             WHERE session_id = ? AND messages.id = unhex(wanted.value)",
            [Bind::Text(&hex_list(batch)), Bind::Blob(session.key())],
        )
        .load(connection)?,
    };
    rows.into_iter().map(|row| Ok(Message::try_from(row).map(|message| (message.id, message))?)).collect()
}

/// The ids of a batch as a JSON list of hexadecimal digits.
fn hex_list(batch: &[NewMessage]) -> String {
    let ids: Vec<String> = batch.iter().map(|message| format!("\"{}\"", message.id.as_uuid().simple())).collect();
    format!("[{}]", ids.join(","))
}

/// At most `limit` messages after a place, in order.
pub(crate) fn after(
    connection: &mut SqliteConnection,
    session: SessionId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let rows: Vec<MessageRow> = Prepared::new(
        "SELECT * FROM messages WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT CAST(? AS INTEGER)",
        [Bind::Blob(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(Message::try_from).collect::<Result<_, _>>()?)
}

/// The last `limit` messages before a place, in order.
pub(crate) fn before(
    connection: &mut SqliteConnection,
    session: SessionId,
    before: Seq,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let rows: Vec<MessageRow> = Prepared::new(
        "SELECT * FROM messages WHERE session_id = ? AND seq < ? ORDER BY seq DESC LIMIT CAST(? AS INTEGER)",
        [Bind::Blob(session.key()), Bind::Integer(before.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().rev().map(Message::try_from).collect::<Result<_, _>>()?)
}
