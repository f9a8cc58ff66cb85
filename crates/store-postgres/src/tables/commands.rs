//! Queues of commands.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt};
use flightdeck_domain::text::Reason;
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::command::{self, CommandRow, NewCommandRow, of_operators};
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::schema::commands;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key, integer};

use crate::error::StoreError;
use crate::statement::Column;

/// Every column, by name: one that a newer replica adds must not reach statements that are prepared without it.
const COLUMNS: &str = "session_id, seq, kind, message_id, message_seq, delivery, reason, \
     receipt, receipt_reason, created_at, updated_at";

pub(crate) async fn insert(connection: &mut AsyncPgConnection, command: &Command) -> Result<(), StoreError> {
    diesel::insert_into(commands::table).values(&NewCommandRow::from(command)).execute(connection).await?;
    Ok(())
}

pub(crate) async fn get(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    seq: CommandSeq,
) -> Result<Option<Command>, StoreError> {
    let row = commands::table
        .find((session.key(), seq.to_i64()))
        .select(CommandRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Command::try_from).transpose()?)
}

/// At most `limit` pending commands after a place, in order.
pub(crate) async fn pending(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    after: CommandSeq,
    limit: usize,
) -> Result<Vec<Command>, StoreError> {
    let rows: Vec<CommandRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM commands WHERE session_id = ? AND seq > ? AND receipt IN ('accepted', 'delivered') \
         ORDER BY seq LIMIT ?"
        ),
        [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Command::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn count_pending(connection: &mut AsyncPgConnection, session: SessionId) -> Result<u64, StoreError> {
    let count: Number = Prepared::new(
        "SELECT COUNT(*) AS n FROM commands WHERE session_id = ? AND receipt IN ('accepted', 'delivered')",
        [Bind::Id(session.key())],
    )
    .get_result(connection)
    .await?;
    Ok(count.count())
}

#[derive(Debug, QueryableByName)]
struct Pending {
    #[diesel(sql_type = types::Id)]
    session_id: Id,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many are pending of each of these sessions; those without any are left out.
pub(crate) async fn count_all_pending(
    connection: &mut AsyncPgConnection,
    sessions: &[SessionId],
) -> Result<HashMap<SessionId, u64>, StoreError> {
    let rows: Vec<Pending> = Prepared::with(
        "SELECT session_id, COUNT(*) AS n FROM commands \
         WHERE session_id = ANY(?) AND receipt IN ('accepted', 'delivered') GROUP BY session_id",
        [Column::Ids(sessions.iter().map(Key::key).collect())],
    )
    .load(connection)
    .await?;
    let count = |row: &Pending| {
        Ok((read_id(row.session_id, "commands", "session_id")?, u64::try_from(row.n).unwrap_or_default()))
    };
    rows.iter().map(count).collect()
}

/// What became of those messages of one page that a command brings.
pub(crate) async fn receipts(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    page: &[Message],
) -> Result<HashMap<MessageId, MessageReceipt>, StoreError> {
    let Some((first, last)) = of_operators(page) else { return Ok(HashMap::new()) };
    let rows: Vec<CommandRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM commands \
             WHERE session_id = ? AND message_seq IS NOT NULL AND message_seq BETWEEN ? AND ?"
        ),
        [Bind::Id(session.key()), Bind::Integer(first), Bind::Integer(last)],
    )
    .load(connection)
    .await?;
    Ok(command::receipts(rows)?)
}

/// Writes what can change of a command: its receipt.
pub(crate) async fn save(connection: &mut AsyncPgConnection, command: &Command) -> Result<(), StoreError> {
    tables::commands::save(command).execute(connection).await?;
    Ok(())
}

/// Gives every session that has not ended a `kill` command at its next place. The places are taken by
/// [`super::sessions::kill_open`], in the same transaction.
pub(crate) async fn kill_open(
    connection: &mut AsyncPgConnection,
    reason: Option<&Reason>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (kill, accepted) = (CommandKind::Kill.as_str(), Receipt::Accepted.as_str());
    Statement::begin(format!(
        "INSERT INTO commands (session_id, seq, kind, reason, receipt, created_at, updated_at) \
         SELECT id, last_command_seq + 1, '{kill}', ?, '{accepted}', ?, ? FROM sessions WHERE {OPEN}"
    ))
    .bind(Bind::MaybeText(reason.map(Reason::as_str)))
    .bind(Bind::Integer(at.as_micros()))
    .bind(Bind::Integer(at.as_micros()))
    .execute(connection)
    .await?;
    Ok(())
}
