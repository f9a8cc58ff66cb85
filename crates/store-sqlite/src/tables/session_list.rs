//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. Which index it goes by is not left to
//! SQLite: it keeps no statistics here, and without them it may sort a whole table to save a step.

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::Session;
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::page::page_of;
use flightdeck_store_sql::rows::session::{SessionHeadRow, SessionRow};
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables::{self, Words};
use flightdeck_store_sql::values::Key;

use super::sessions;
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
    let statement = tables::sessions::page(matching(connection, what, &query.filter)?, query);
    let cursor = |last: &Session| SessionCursor { spawned_at: last.spawned_at, id: last.id };
    if query.heads_only {
        let rows: Vec<SessionHeadRow> = statement.load(connection)?;
        let (heads, next) = page_of(rows, query.limit, cursor)?;
        let heads = heads.into_iter().map(|head| sessions::with_past(connection, head));
        return Ok((heads.collect::<Result<_, _>>()?, next));
    }
    let rows: Vec<SessionRow> = statement.load(connection)?;
    Ok(page_of(rows, query.limit, cursor)?)
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
    let only_open = tables::sessions::only_open(filter);
    let index = match filter {
        _ if whole_tree => "INDEXED BY sessions_root",
        SessionFilter { subtree: None, provider_session_id: Some(_), .. } => "INDEXED BY sessions_provider_session",
        SessionFilter { subtree: Some(_), .. } => "",
        _ if !only_open => "",
        SessionFilter { provider: Some(_), .. } => "INDEXED BY sessions_open_provider",
        _ => "INDEXED BY sessions_open",
    };
    let statement = Statement::begin(format!("SELECT {what} FROM sessions {index} WHERE TRUE"));
    Ok(tables::sessions::matching(statement, filter, whole_tree, Words::SQLITE))
}

/// Whether a session stands at the top of its tree: then all below it share its id as their root, in the order of a page.
fn is_root(connection: &mut SqliteConnection, id: SessionId) -> Result<bool, StoreError> {
    let found: Number = Prepared::new(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND parent_id IS NULL) AS n",
        [Bind::Id(id.key())],
    )
    .get_result(connection)?;
    Ok(found.count() == 1)
}
