//! Queues of commands.

use std::collections::HashMap;

use diesel::prelude::*;
use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt};
use flightdeck_domain::text::Reason;
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::command::{self, CommandRow, NewCommandRow, of_operators};
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::schema::commands;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::values::{Key, integer};

use crate::error::StoreError;

pub(crate) fn insert(connection: &mut SqliteConnection, command: &Command) -> Result<(), StoreError> {
    diesel::insert_into(commands::table).values(&NewCommandRow::from(command)).execute(connection)?;
    Ok(())
}

pub(crate) fn get(
    connection: &mut SqliteConnection,
    session: SessionId,
    seq: CommandSeq,
) -> Result<Option<Command>, StoreError> {
    let row = commands::table
        .find((session.key(), seq.to_i64()))
        .select(CommandRow::as_select())
        .get_result(connection)
        .optional()?;
    Ok(row.map(Command::try_from).transpose()?)
}

/// At most `limit` pending commands after a place, in order.
pub(crate) fn pending(
    connection: &mut SqliteConnection,
    session: SessionId,
    after: CommandSeq,
    limit: usize,
) -> Result<Vec<Command>, StoreError> {
    let rows: Vec<CommandRow> = Prepared::new(
        "SELECT * FROM commands INDEXED BY commands_pending WHERE session_id = ? AND seq > ? AND receipt IN ('accepted', 'delivered') \
         ORDER BY seq LIMIT CAST(? AS INTEGER)",
        [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(Command::try_from).collect::<Result<_, _>>()?)
}

pub(crate) fn count_pending(connection: &mut SqliteConnection, session: SessionId) -> Result<u64, StoreError> {
    let count: Number = Prepared::new(
        "SELECT COUNT(*) AS n FROM commands INDEXED BY commands_pending WHERE session_id = ? AND receipt IN ('accepted', 'delivered')",
        [Bind::Id(session.key())],
    )
    .get_result(connection)?;
    Ok(count.count())
}

/// What became of those messages of one page that a command brings.
pub(crate) fn receipts(
    connection: &mut SqliteConnection,
    session: SessionId,
    page: &[Message],
) -> Result<HashMap<MessageId, MessageReceipt>, StoreError> {
    let Some((first, last)) = of_operators(page) else { return Ok(HashMap::new()) };
    let rows: Vec<CommandRow> = Prepared::new(
        "SELECT * FROM commands INDEXED BY commands_message \
         WHERE session_id = ? AND message_seq IS NOT NULL AND message_seq BETWEEN ? AND ?",
        [Bind::Id(session.key()), Bind::Integer(first), Bind::Integer(last)],
    )
    .load(connection)?;
    Ok(command::receipts(rows)?)
}

/// Writes what can change of a command: its receipt.
pub(crate) fn save(connection: &mut SqliteConnection, command: &Command) -> Result<(), StoreError> {
    tables::commands::save(command).execute(connection)?;
    Ok(())
}

/// Gives every session that has not ended a `kill` command at its next place. The places are taken by
/// [`super::sessions::kill_open`], in the same transaction.
pub(crate) fn kill_open(
    connection: &mut SqliteConnection,
    reason: Option<&Reason>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (kill, accepted) = (CommandKind::Kill.as_str(), Receipt::Accepted.as_str());
    Statement::begin(format!(
        "INSERT INTO commands (session_id, seq, kind, reason, receipt, created_at, updated_at) \
         SELECT id, last_command_seq + 1, '{kill}', ?, '{accepted}', ?, ? FROM sessions INDEXED BY sessions_open WHERE {OPEN}"
    ))
    .bind(Bind::MaybeText(reason.map(Reason::as_str)))
    .bind(Bind::Integer(at.as_micros()))
    .bind(Bind::Integer(at.as_micros()))
    .execute(connection)?;
    Ok(())
}
