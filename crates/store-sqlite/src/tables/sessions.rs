//! Single sessions.

use diesel::prelude::*;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::ConversationEnd;
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus, Silence};
use flightdeck_domain::text::{ProviderSessionId, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::session::{NewSessionRow, SessionHeadRow, SessionIdRow, SessionRow};
use flightdeck_store_sql::schema::sessions;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::values::{Key, integer};

use super::Number;
use crate::error::StoreError;

/// What has not ended. Word for word the condition of the index `sessions_open`.
pub(crate) const OPEN: &str = "status NOT IN ('completed', 'failed', 'killed')";

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
    Prepared::new(
        "UPDATE sessions SET status = ?, desired_status = ?, status_reason = ?, last_seq = ?, last_command_seq = ?, \
         revision = ?, started_at = ?, completed_at = ?, last_seen_at = ?, lost_from = ?, \
         provider_session_id = ? WHERE id = ?",
        [
            Bind::Text(session.status.as_str()),
            Bind::Text(session.desired_status.as_str()),
            Bind::MaybeText(session.status_reason.as_ref().map(Reason::as_str)),
            Bind::Integer(session.last_seq.to_i64()),
            Bind::Integer(session.last_command_seq.to_i64()),
            Bind::Integer(i64::try_from(session.revision).unwrap_or(i64::MAX)),
            Bind::MaybeInteger(session.started_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(session.completed_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(session.last_seen_at.map(|at| at.as_micros())),
            Bind::MaybeText(session.lost_from.map(SessionStatus::as_str)),
            Bind::MaybeText(session.provider_session_id.as_ref().map(ProviderSessionId::as_str)),
            Bind::Id(session.id.key()),
        ],
    )
    .execute(connection)?;
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
    let mut statement = Statement::begin(format!(
        "SELECT id FROM sessions INDEXED BY sessions_open WHERE {OPEN} AND status <> '{}' \
         AND coalesce(last_seen_at, spawned_at) < ?",
        SessionStatus::Lost
    ))
    .bind(Bind::Integer(silence.not_seen_since.as_micros()));
    for provider in &silence.without_lease {
        statement = statement.sql(" AND provider <> ?").bind(Bind::Text(provider.as_str()));
    }
    let rows: Vec<SessionIdRow> = statement.sql(" LIMIT ?").bind(Bind::Integer(integer(limit))).load(connection)?;
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

#[cfg(test)]
mod tests {
    use flightdeck_domain::session::SessionStatus;

    #[test]
    fn open_is_what_the_domain_calls_not_ended() {
        let ended: Vec<_> = SessionStatus::ALL
            .into_iter()
            .filter(|status| status.is_terminal())
            .map(|status| format!("'{status}'"))
            .collect();
        assert_eq!(super::OPEN, format!("status NOT IN ({})", ended.join(", ")));
    }
}
