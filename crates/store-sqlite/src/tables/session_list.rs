//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. Which index it goes by is not left to
//! SQLite: it keeps no statistics here, and without them it may sort a whole table to save a step.

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_store_sql::rows::session::{SessionHeadRow, SessionRow};
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::values::{Key, integer};

use super::Number;
use super::sessions::{self, OPEN};
use crate::error::StoreError;

/// Every column of a [`SessionHeadRow`].
const HEAD: &str = "id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, spawned_at, started_at, \
     completed_at, last_seen_at, provider, provider_session_id, mission_id, task_id, task_source, agent_type, status_reason, \
     gate_profile";

/// One page, newest first, and where the next begins.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    query: &SessionQuery,
) -> Result<(Vec<Session>, Option<SessionCursor>), StoreError> {
    let what = if query.heads_only { HEAD } else { "*" };
    let mut statement = matching(connection, what, &query.filter)?;
    if let Some(after) = &query.after {
        // A comparison of pairs, which is one step into the index; `a < x OR (a = x AND b < y)` would not be.
        statement = statement
            .sql(" AND (spawned_at, id) < (?, ?)")
            .bind(Bind::Integer(after.spawned_at.as_micros()))
            .bind(Bind::Id(after.id.key()));
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let statement = statement.sql(" ORDER BY spawned_at DESC, id DESC LIMIT ?").bind(Bind::Integer(limit));
    let mut sessions: Vec<Session> = if query.heads_only {
        let rows: Vec<SessionHeadRow> = statement.load(connection)?;
        let heads = rows.into_iter().map(Session::try_from);
        heads.map(|head| sessions::with_past(connection, head?)).collect::<Result<_, _>>()?
    } else {
        let rows: Vec<SessionRow> = statement.load(connection)?;
        rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?
    };
    let more = sessions.len() > query.limit;
    sessions.truncate(query.limit);
    let last = sessions.last().map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
    Ok((sessions, last.filter(|_| more)))
}

/// How many there are.
pub(crate) fn count(connection: &mut SqliteConnection, filter: &SessionFilter) -> Result<u64, StoreError> {
    let statement = matching(connection, "COUNT(*) AS n", filter)?;
    Ok(statement.get_result::<Number>(connection)?.count())
}

fn matching<'a>(
    connection: &mut SqliteConnection,
    what: &str,
    filter: &'a SessionFilter,
) -> Result<Statement<'a>, StoreError> {
    let whole_tree = match filter.subtree {
        Some(top) => is_root(connection, top)?,
        None => false,
    };
    let only_open = !filter.statuses.is_empty() && !filter.statuses.iter().any(|status| status.is_terminal());
    let index = match filter {
        _ if whole_tree => "INDEXED BY sessions_root",
        SessionFilter { subtree: None, provider_session_id: Some(_), .. } => "INDEXED BY sessions_provider_session",
        SessionFilter { subtree: Some(_), .. } => "",
        _ if !only_open => "",
        SessionFilter { provider: Some(_), .. } => "INDEXED BY sessions_open_provider",
        _ => "INDEXED BY sessions_open",
    };
    let mut statement = Statement::begin(format!("SELECT {what} FROM sessions {index} WHERE TRUE"));
    if only_open {
        // Says nothing new, but the index of what has not ended can be used only where this is said.
        statement = statement.sql(" AND ").sql(OPEN);
    }
    if let Some(top) = filter.subtree.as_ref().filter(|_| whole_tree) {
        statement = statement.sql(" AND root_id = ?").bind(Bind::Id(top.key()));
    } else if let Some(top) = &filter.subtree {
        let below = " AND id IN (WITH RECURSIVE below (id) AS ( \
             SELECT ? UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)";
        statement = statement.sql(below).bind(Bind::Id(top.key()));
    }
    if let Some(mission) = &filter.mission_id {
        statement = statement.sql(" AND mission_id = ?").bind(Bind::Text(mission.as_str()));
    }
    statement = with_statuses(statement, &filter.statuses);
    if let Some(provider) = &filter.provider {
        statement = statement.sql(" AND provider = ?").bind(Bind::Text(provider.as_str()));
    }
    if let Some(id) = &filter.provider_session_id {
        statement = statement.sql(" AND provider_session_id = ?").bind(Bind::Text(id.as_str()));
    }
    if let Some(agent_type) = &filter.agent_type {
        statement = statement.sql(" AND agent_type = ?").bind(Bind::Text(agent_type.as_str()));
    }
    if let Some(task) = &filter.task_id {
        statement = statement.sql(" AND task_id = ?").bind(Bind::Text(task.as_str()));
    }
    Ok(statement)
}

/// Whether a session stands at the top of its tree: then all below it share its id as their root, in the order of a page.
fn is_root(connection: &mut SqliteConnection, id: SessionId) -> Result<bool, StoreError> {
    let found: Number = Prepared::new(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND parent_id IS NULL) AS n",
        [Bind::Id(id.key())],
    )
    .get_result(connection)?;
    Ok(found.n == 1)
}

fn with_statuses<'a>(statement: Statement<'a>, statuses: &[SessionStatus]) -> Statement<'a> {
    match statuses {
        [] => statement,
        [status] => statement.sql(" AND status = ?").bind(Bind::Text(status.as_str())),
        several => {
            let words: Vec<String> = several.iter().map(|status| format!("'{status}'")).collect();
            // The plus keeps SQLite from gathering each status by its index and sorting it all for one page.
            statement.sql(&format!(" AND +status IN ({})", words.join(", ")))
        }
    }
}
