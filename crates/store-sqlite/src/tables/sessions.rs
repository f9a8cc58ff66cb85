//! Single sessions.

use diesel::prelude::*;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::ConversationEnd;
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus, Silence};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::session::{NewSessionRow, SessionHeadRow, SessionIdRow, SessionRow};
use flightdeck_store_sql::schema::sessions;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::values::Key;

use crate::error::StoreError;

/// One session.
pub(crate) fn get(connection: &mut SqliteConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = sessions::table.find(id.key()).select(SessionRow::as_select()).get_result(connection).optional()?;
    Ok(row.map(Session::try_from).transpose()?)
}

/// One session with empty context and metadata: what every report of an agent needs, however much the agent was given to
/// work with. Only of a lost one it is read what it was before, for that stands behind the long columns.
pub(crate) fn head(connection: &mut SqliteConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = sessions::table.find(id.key()).select(SessionHeadRow::as_select()).get_result(connection).optional()?;
    let head = row.map(Session::try_from).transpose()?;
    head.map(|head| with_past(connection, head)).transpose()
}

/// A head, and of a lost session what it was before.
pub(super) fn with_past(connection: &mut SqliteConnection, head: Session) -> Result<Session, StoreError> {
    if head.status != SessionStatus::Lost {
        return Ok(head);
    }
    let whole = get(connection, head.id)?;
    Ok(Session { lost_from: whole.and_then(|whole| whole.lost_from), ..head })
}

/// Where conversations end; of those sessions that are there.
pub(crate) fn ends(connection: &mut SqliteConnection, ids: &[SessionId]) -> Result<Vec<ConversationEnd>, StoreError> {
    let mut ends = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(session) = head(connection, *id)? {
            ends.push(ConversationEnd { session: *id, last_seq: session.last_seq, status: session.status });
        }
    }
    Ok(ends)
}

/// Puts a session into the table; `false` when there is one under its id.
pub(crate) fn insert(connection: &mut SqliteConnection, session: &Session) -> Result<bool, StoreError> {
    let row = NewSessionRow::from(session);
    Ok(diesel::insert_or_ignore_into(sessions::table).values(&row).execute(connection)? > 0)
}

/// Writes everything of a session that can change.
pub(crate) fn save(connection: &mut SqliteConnection, session: &Session) -> Result<(), StoreError> {
    tables::sessions::save(session).execute(connection)?;
    Ok(())
}

/// Notes a sign of life, and how long the conversation is now. The time never goes back.
pub(crate) fn touch(
    connection: &mut SqliteConnection,
    session: &Session,
    last_seq: Seq,
    at: Timestamp,
) -> Result<(), StoreError> {
    let seen = session.last_seen_at.max(Some(at));
    Prepared::new(
        "UPDATE sessions SET last_seq = ?, last_seen_at = ? WHERE id = ?",
        [
            Bind::Integer(last_seq.to_i64()),
            Bind::MaybeInteger(seen.map(|at| at.as_micros())),
            Bind::Id(session.id.key()),
        ],
    )
    .execute(connection)?;
    Ok(())
}

/// At most `limit` of those that look as if [`Session::lose`] would lose them. Walks over what has not ended by its index,
/// which tells the lost ones without a look at the table.
pub(crate) fn silent(
    connection: &mut SqliteConnection,
    silence: &Silence,
    limit: usize,
) -> Result<Vec<SessionId>, StoreError> {
    let statement = Statement::begin("SELECT id FROM sessions INDEXED BY sessions_open");
    let rows: Vec<SessionIdRow> = tables::sessions::silent(statement, silence, limit).load(connection)?;
    Ok(rows.into_iter().map(SessionId::try_from).collect::<Result<_, _>>()?)
}

/// How many sessions have not ended.
pub(crate) fn count_open(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) AS n FROM sessions INDEXED BY sessions_open WHERE {OPEN}");
    Ok(Statement::begin(sql).get_result::<Number>(connection)?.count())
}

/// Every session that has not ended is to die, and has one more command than before.
pub(crate) fn kill_open(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let killed = DesiredStatus::Killed.as_str();
    Statement::begin(format!(
        "UPDATE sessions INDEXED BY sessions_open SET desired_status = '{killed}', last_command_seq = last_command_seq + 1, \
         revision = revision + (desired_status <> '{killed}') WHERE {OPEN}"
    ))
    .execute(connection)?;
    Ok(())
}
