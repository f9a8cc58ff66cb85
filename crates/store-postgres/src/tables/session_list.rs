//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. PostgreSQL chooses the index by what it
//! knows of the tables; what it needs to be told is that a set of statuses means "not ended".

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus};

use super::Number;
use super::sessions::{HEAD, OPEN};
use crate::error::StoreError;
use crate::rows::session::SessionRow;
use crate::statement::{Bind, Statement};
use crate::values::{Key, integer};

/// One page, newest first, and where the next begins.
pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    query: &SessionQuery,
) -> Result<(Vec<Session>, Option<SessionCursor>), StoreError> {
    let mut statement = matching(&format!("{HEAD}, context, metadata"), &query.filter);
    if let Some(after) = &query.after {
        // A comparison of pairs, which is one step into the index; `a < x OR (a = x AND b < y)` would not be.
        statement = statement
            .sql(" AND (spawned_at, id) < (?, ?)")
            .bind(Bind::Integer(after.spawned_at.as_micros()))
            .bind(Bind::Uuid(after.id.key()));
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let statement = statement.sql(" ORDER BY spawned_at DESC, id DESC LIMIT ?").bind(Bind::Integer(limit));
    let rows: Vec<SessionRow> = statement.load(connection).await?;
    let more = rows.len() > query.limit;
    let sessions: Vec<Session> = rows.into_iter().take(query.limit).map(Session::try_from).collect::<Result<_, _>>()?;
    let last = sessions.last().map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
    Ok((sessions, last.filter(|_| more)))
}

/// How many there are.
pub(crate) async fn count(connection: &mut AsyncPgConnection, filter: &SessionFilter) -> Result<u64, StoreError> {
    Ok(matching("COUNT(*) AS n", filter).get_result::<Number>(connection).await?.count())
}

fn matching<'a>(what: &str, filter: &'a SessionFilter) -> Statement<'a> {
    let mut statement = Statement::begin(format!("SELECT {what} FROM sessions WHERE TRUE"));
    if !filter.statuses.is_empty() && !filter.statuses.iter().any(|status| status.is_terminal()) {
        // Says nothing new, but the indexes of what has not ended can be used only where this is said.
        statement = statement.sql(" AND ").sql(OPEN);
    }
    if let Some(top) = &filter.subtree {
        let below = " AND id IN (WITH RECURSIVE below (id) AS ( \
             SELECT ?::uuid UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)";
        statement = statement.sql(below).bind(Bind::Uuid(top.key()));
    }
    if let Some(mission) = &filter.mission_id {
        statement = statement.sql(" AND mission_id = ?").bind(Bind::Text(mission.as_str()));
    }
    statement = with_statuses(statement, &filter.statuses);
    if let Some(provider) = &filter.provider {
        statement = statement.sql(" AND provider = ?").bind(Bind::Text(provider.as_str()));
    }
    if let Some(agent_type) = &filter.agent_type {
        statement = statement.sql(" AND agent_type = ?").bind(Bind::Text(agent_type.as_str()));
    }
    if let Some(task) = &filter.task_id {
        statement = statement.sql(" AND task_id = ?").bind(Bind::Text(task.as_str()));
    }
    statement
}

fn with_statuses<'a>(statement: Statement<'a>, statuses: &[SessionStatus]) -> Statement<'a> {
    match statuses {
        [] => statement,
        [status] => statement.sql(" AND status = ?").bind(Bind::Text(status.as_str())),
        several => {
            let words: Vec<String> = several.iter().map(|status| format!("'{status}'")).collect();
            statement.sql(&format!(" AND status IN ({})", words.join(", ")))
        }
    }
}
