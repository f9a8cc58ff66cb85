//! Conversations.

use std::collections::HashMap;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::ports::MessageSlice;
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::rows::message::MessageRow;
use flightdeck_store_sql::statement::{Bind, Ids, Prepared};
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key, integer, json};

/// How many rows one `INSERT` has. Statements of these few lengths stay prepared, and beyond some dozen rows nothing is
/// gained.
const LENGTHS: [usize; 3] = [64, 8, 1];

pub(crate) fn insert(connection: &mut SqliteConnection, new: &[Message]) -> Result<(), SqlError> {
    insert_or(connection, new, "").map(drop)
}

/// Inserts those of which no other has the id or the place. Whether all of them were inserted.
pub(crate) fn insert_new(connection: &mut SqliteConnection, new: &[Message]) -> Result<bool, SqlError> {
    Ok(insert_or(connection, new, " ON CONFLICT DO NOTHING")? == new.len())
}

fn insert_or(
    connection: &mut SqliteConnection,
    mut new: &[Message],
    otherwise: &'static str,
) -> Result<usize, SqlError> {
    let mut inserted = 0;
    for length in LENGTHS {
        while let Some((some, rest)) = new.split_at_checked(length) {
            let rows: Vec<NewMessageRow<'_>> = some.iter().map(NewMessageRow::from).collect();
            inserted += InsertRows { rows: &rows, otherwise }.execute(connection)?;
            new = rest;
        }
    }
    Ok(inserted)
}

/// The messages of a session that have an id of the batch.
pub(crate) fn known(
    connection: &mut SqliteConnection,
    session: SessionId,
    batch: &[NewMessage],
) -> Result<HashMap<MessageId, Message>, SqlError> {
    // The index is named because SQLite, without statistics, may read the whole conversation instead. One statement
    // serves batches of every size and stays prepared: the ids come as one JSON list.
    let rows: Vec<MessageRow> = match batch {
        [] => Vec::new(),
        [message] => Prepared::new(
            "SELECT * FROM messages INDEXED BY messages_id WHERE session_id = ? AND id = ?",
            [Bind::Id(session.key()), Bind::Id(message.id.key())],
        )
        .load(connection)?,
        batch => Prepared::new(
            "SELECT messages.* FROM json_each(?) AS wanted CROSS JOIN messages INDEXED BY messages_id \
             WHERE session_id = ? AND messages.id = unhex(wanted.value)",
            [Bind::Ids(&Ids::of(batch.iter().map(|message| &message.id))), Bind::Id(session.key())],
        )
        .load(connection)?,
    };
    rows.into_iter().map(|row| Ok(Message::try_from(row).map(|message| (message.id, message))?)).collect()
}

/// At most `limit` messages after a place, in order.
pub(crate) fn after(
    connection: &mut SqliteConnection,
    session: SessionId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Message>, SqlError> {
    let statement = Prepared::new(
        "SELECT * FROM messages WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT CAST(? AS BIGINT)",
        [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    );
    enough(connection, statement)
}

/// The last `limit` messages before a place, in order.
pub(crate) fn before(
    connection: &mut SqliteConnection,
    session: SessionId,
    before: Seq,
    limit: usize,
) -> Result<Vec<Message>, SqlError> {
    let statement = Prepared::new(
        "SELECT * FROM messages WHERE session_id = ? AND seq < ? ORDER BY seq DESC LIMIT CAST(? AS BIGINT)",
        [Bind::Id(session.key()), Bind::Integer(before.to_i64()), Bind::Integer(integer(limit))],
    );
    let mut messages = enough(connection, statement)?;
    messages.reverse();
    Ok(messages)
}

/// Reads row by row, until it is [`MessageSlice::ENOUGH_BYTES`].
fn enough<const N: usize>(
    connection: &mut SqliteConnection,
    statement: Prepared<Bind<'_>, N>,
) -> Result<Vec<Message>, SqlError> {
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for row in statement.load_iter::<MessageRow, DefaultLoadingMode>(connection)? {
        if bytes >= MessageSlice::ENOUGH_BYTES {
            break;
        }
        let row = row?;
        bytes += row.bytes();
        messages.push(Message::try_from(row)?);
    }
    Ok(messages)
}

/// A message to be inserted.
#[derive(Debug)]
struct NewMessageRow<'a> {
    session_id: Id,
    seq: i64,
    id: Id,
    role: &'static str,
    provider: &'a str,
    created_at: i64,
    metadata: String,
    content: &'a str,
}

impl<'a> From<&'a Message> for NewMessageRow<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            session_id: message.session_id.key(),
            seq: message.seq.to_i64(),
            id: message.id.key(),
            role: message.role.as_str(),
            provider: message.provider.as_str(),
            created_at: message.created_at.as_micros(),
            metadata: json(&message.metadata),
            content: message.content.as_str(),
        }
    }
}

impl NewMessageRow<'_> {
    /// Its values, in the order of the columns.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<types::Id, _>(&self.session_id)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<types::Id, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.role)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.provider)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.created_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.metadata)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.content)
    }
}

/// One statement for any number of rows, which diesel keeps prepared under its text.
struct InsertRows<'a> {
    rows: &'a [NewMessageRow<'a>],
    /// What is done with a row that cannot be inserted.
    otherwise: &'static str,
}

impl QueryFragment<Sqlite> for InsertRows<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO messages (session_id, seq, id, role, provider, created_at, metadata, content) VALUES ",
        );
        for (index, row) in self.rows.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { "), (" });
            row.bind(&mut out)?;
        }
        out.push_sql(")");
        out.push_sql(self.otherwise);
        Ok(())
    }
}

impl QueryId for InsertRows<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Conn> RunQueryDsl<Conn> for InsertRows<'_> {}
