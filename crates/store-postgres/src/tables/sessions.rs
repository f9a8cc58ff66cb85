//! Single sessions.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::ConversationEnd;
use flightdeck_domain::session::{DesiredStatus, Session, Silence};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::session::{NewSharedSessionRow, SessionIdRow, SharedHeadRow, SharedSessionRow};
use flightdeck_store_sql::schema::sessions;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::values::Key;

use crate::error::StoreError;
use crate::statement::Column;

/// Every column but the two that can be long. Named one by one: a column that a newer replica adds must not reach
/// statements that are prepared without it.
pub(crate) const HEAD: &str = "id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, spawned_at, \
     started_at, completed_at, last_seen_at, provider, provider_session_id, replica, mission_id, task_id, task_source, agent_type, \
     status_reason, gate_profile, lost_from";

/// One session.
pub(crate) async fn get(connection: &mut AsyncPgConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row =
        sessions::table.find(id.key()).select(SharedSessionRow::as_select()).get_result(connection).await.optional()?;
    Ok(row.map(Session::try_from).transpose()?)
}

/// The same with empty context and metadata.
pub(crate) async fn head(connection: &mut AsyncPgConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let head = sessions::table.find(id.key()).select(SharedHeadRow::as_select());
    Ok(head.get_result(connection).await.optional()?.map(Session::try_from).transpose()?)
}

/// One session, which nobody else changes until the end of the transaction.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {HEAD}, context, metadata FROM sessions WHERE id = ? FOR NO KEY UPDATE");
    let row: Option<SharedSessionRow> =
        Prepared::new(sql, [Bind::Id(id.key())]).get_result(connection).await.optional()?;
    Ok(row.map(Session::try_from).transpose()?)
}

/// The same with empty context and metadata: what every report of an agent needs, however much the agent was given to work
/// with.
pub(crate) async fn lock_head(
    connection: &mut AsyncPgConnection,
    id: SessionId,
) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM sessions WHERE id = ? FOR NO KEY UPDATE");
    let row: Option<SharedHeadRow> =
        Prepared::new(sql, [Bind::Id(id.key())]).get_result(connection).await.optional()?;
    Ok(row.map(Session::try_from).transpose()?)
}

/// Several heads, locked and given in the order of their ids. Those that are not there are passed over.
pub(crate) async fn lock_heads(
    connection: &mut AsyncPgConnection,
    ids: &[SessionId],
) -> Result<Vec<Session>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM sessions WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE");
    let ids = ids.iter().map(Key::key).collect();
    let rows: Vec<SharedHeadRow> = Prepared::with(sql, [Column::Ids(ids)]).load(connection).await?;
    Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
}

/// Where conversations end; of those sessions that are there.
pub(crate) async fn ends(
    connection: &mut AsyncPgConnection,
    ids: &[SessionId],
) -> Result<Vec<ConversationEnd>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM sessions WHERE id = ANY(?)");
    let ids = ids.iter().map(Key::key).collect();
    let rows: Vec<SharedHeadRow> = Prepared::with(sql, [Column::Ids(ids)]).load(connection).await?;
    let end = |row: SharedHeadRow| {
        let session = Session::try_from(row)?;
        Ok(ConversationEnd { session: session.id, last_seq: session.last_seq, status: session.status })
    };
    rows.into_iter().map(end).collect()
}

/// Puts a session into the table. `false` when there is one under its id, which another transaction may have put there a
/// moment ago.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, session: &Session) -> Result<bool, StoreError> {
    let row = NewSharedSessionRow::from(session);
    let rows = diesel::insert_into(sessions::table).values(&row).on_conflict_do_nothing().execute(connection).await?;
    Ok(rows > 0)
}

/// Writes everything of a session that can change.
pub(crate) async fn save(connection: &mut AsyncPgConnection, session: &Session) -> Result<(), StoreError> {
    tables::sessions::save(session).execute(connection).await?;
    Ok(())
}

/// A session that gave a sign of life, and how long its conversation is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) session: SessionId,
    pub(crate) last_seq: Seq,
    pub(crate) seen: Timestamp,
}

impl Touch {
    /// The time never goes back.
    pub(crate) fn of(session: &Session, last_seq: Seq, at: Timestamp) -> Self {
        Self { session: session.id, last_seq, seen: session.last_seen_at.map_or(at, |before| before.max(at)) }
    }
}

/// Notes signs of life, all with one statement.
pub(crate) async fn touch(connection: &mut AsyncPgConnection, touched: &[Touch]) -> Result<(), StoreError> {
    Prepared::with(
        "UPDATE sessions SET last_seq = touched.last_seq, last_seen_at = touched.seen \
         FROM unnest(?::uuid[], ?::bigint[], ?::bigint[]) AS touched (id, last_seq, seen) WHERE sessions.id = touched.id",
        [
            Column::Ids(touched.iter().map(|it| it.session.key()).collect()),
            Column::Integers(touched.iter().map(|it| it.last_seq.to_i64()).collect()),
            Column::Integers(touched.iter().map(|it| it.seen.as_micros()).collect()),
        ],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// At most `limit` of those that look as if [`Session::lose`] would lose them.
pub(crate) async fn silent(
    connection: &mut AsyncPgConnection,
    silence: &Silence,
    limit: usize,
) -> Result<Vec<SessionId>, StoreError> {
    let statement = Statement::begin("SELECT id FROM sessions");
    let rows: Vec<SessionIdRow> = tables::sessions::silent(statement, silence, limit).load(connection).await?;
    Ok(rows.into_iter().map(SessionId::try_from).collect::<Result<_, _>>()?)
}

/// How many sessions have not ended.
pub(crate) async fn count_open(connection: &mut AsyncPgConnection) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) AS n FROM sessions WHERE {OPEN}");
    Ok(Prepared::new(sql, []).get_result::<Number>(connection).await?.count())
}

/// Every session that has not ended is to die, and has one more command than before.
pub(crate) async fn kill_open(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    let killed = DesiredStatus::Killed.as_str();
    let sql = format!(
        "UPDATE sessions SET desired_status = '{killed}', last_command_seq = last_command_seq + 1, \
         revision = revision + CASE WHEN desired_status = '{killed}' THEN 0 ELSE 1 END WHERE {OPEN}"
    );
    Prepared::new(sql, []).execute(connection).await?;
    Ok(())
}
