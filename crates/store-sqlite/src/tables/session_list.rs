//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. Which index it goes by is not left to
//! SQLite: it keeps no statistics here, and without them it may sort a whole table to save a step.

use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus};

use super::Number;
use super::sessions::OPEN;
use crate::error::StoreError;
use crate::rows::session::SessionRow;
use crate::values::{Key, integer};

type Statement<'a> = BoxedSqlQuery<'a, Sqlite, SqlQuery>;

/// One page, newest first, and where the next begins.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    query: &SessionQuery,
) -> Result<(Vec<Session>, Option<SessionCursor>), StoreError> {
    let mut statement = matching("*", &query.filter);
    if let Some(after) = &query.after {
        // A comparison of pairs, which is one step into the index; `a < x OR (a = x AND b < y)` would not be.
        statement = statement
            .sql(" AND (spawned_at, id) < (?, ?)")
            .bind::<BigInt, _>(after.spawned_at.as_micros())
            .bind::<Binary, _>(after.id.key());
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let rows: Vec<SessionRow> =
        statement.sql(" ORDER BY spawned_at DESC, id DESC LIMIT ?").bind::<BigInt, _>(limit).load(connection)?;
    let more = rows.len() > query.limit;
    let sessions: Vec<Session> = rows.into_iter().take(query.limit).map(Session::try_from).collect::<Result<_, _>>()?;
    let last = sessions.last().map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
    Ok((sessions, last.filter(|_| more)))
}

/// How many there are.
pub(crate) fn count(connection: &mut SqliteConnection, filter: &SessionFilter) -> Result<u64, StoreError> {
    Ok(matching("COUNT(*) AS n", filter).get_result::<Number>(connection)?.count())
}

fn matching<'a>(what: &str, filter: &'a SessionFilter) -> Statement<'a> {
    let only_open = !filter.statuses.is_empty() && !filter.statuses.iter().any(|status| status.is_terminal());
    let index = match filter {
        SessionFilter { subtree: Some(_), .. } => "",
        _ if !only_open => "",
        SessionFilter { provider: Some(_), .. } => "INDEXED BY sessions_open_provider",
        _ => "INDEXED BY sessions_open",
    };
    let mut statement = diesel::sql_query(format!("SELECT {what} FROM sessions {index} WHERE TRUE")).into_boxed();
    if only_open {
        // Says nothing new, but the index of what has not ended can be used only where this is said.
        statement = statement.sql(" AND ").sql(OPEN);
    }
    if let Some(top) = &filter.subtree {
        let below = " AND id IN (WITH RECURSIVE below (id) AS ( \
             SELECT ? UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)";
        statement = statement.sql(below).bind::<Binary, _>(top.key());
    }
    if let Some(mission) = &filter.mission_id {
        statement = statement.sql(" AND mission_id = ?").bind::<Text, _>(mission.as_str());
    }
    statement = with_statuses(statement, &filter.statuses);
    if let Some(provider) = &filter.provider {
        statement = statement.sql(" AND provider = ?").bind::<Text, _>(provider.as_str());
    }
    if let Some(agent_type) = &filter.agent_type {
        statement = statement.sql(" AND agent_type = ?").bind::<Text, _>(agent_type.as_str());
    }
    if let Some(task) = &filter.task_id {
        statement = statement.sql(" AND task_id = ?").bind::<Text, _>(task.as_str());
    }
    statement
}

fn with_statuses<'a>(statement: Statement<'a>, statuses: &[SessionStatus]) -> Statement<'a> {
    match statuses {
        [] => statement,
        [status] => statement.sql(" AND status = ?").bind::<Text, _>(status.as_str()),
        several => {
            let words: Vec<String> = several.iter().map(|status| format!("'{status}'")).collect();
            // The plus keeps SQLite from gathering each status by its index and sorting it all for one page.
            statement.sql(format!(" AND +status IN ({})", words.join(", ")))
        }
    }
}
