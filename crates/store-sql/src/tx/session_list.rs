//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. Which index SQLite goes by is not left to
//! it: without statistics it may sort a whole table to save a step. PostgreSQL needs to be told that a set of statuses
//! means "not ended".

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, MissionId, ProviderName, ProviderSessionId, TaskId};

use super::Done;
use super::session::with_past;
use crate::connection::Connection;
use crate::rows::page::{asked, page_of};
use crate::rows::session::OPEN;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::Key;

/// One page, newest first, and where the next begins.
pub(super) async fn page<C: Connection>(
    connection: &mut C,
    query: &SessionQuery,
) -> Done<(Vec<Session>, Option<SessionCursor>)> {
    let what = if query.heads_only { C::HEAD.to_owned() } else { format!("{}, {}", C::HEAD, C::REST) };
    let mut page = matching(connection, &what, &query.filter).await?;
    if let Some(after) = &query.after {
        // A comparison of pairs, which is one step into the index; `a < x OR (a = x AND b < y)` would not be.
        page = page
            .sql(" AND (spawned_at, id) < (?, ?)")
            .bind(Bind::Integer(after.spawned_at.as_micros()))
            .bind(Bind::Id(after.id.key()));
    }
    let page = page.sql(" ORDER BY spawned_at DESC, id DESC LIMIT ?").bind(asked(query.limit));
    let cursor = |last: &Session| SessionCursor { spawned_at: last.spawned_at, id: last.id };
    if query.heads_only {
        let rows: Vec<C::Head> = connection.load(page).await?;
        let (heads, next) = page_of(rows, query.limit, cursor)?;
        return Ok((with_past(connection, heads).await?, next));
    }
    let rows: Vec<C::Whole> = connection.load(page).await?;
    page_of(rows, query.limit, cursor)
}

/// How many there are.
pub(super) async fn count<C: Connection>(connection: &mut C, filter: &SessionFilter) -> Done<u64> {
    let count = matching(connection, "COUNT(*) AS n", filter).await?;
    connection.count(count).await
}

/// Those that a filter asks for.
async fn matching<'a, C: Connection>(connection: &mut C, what: &str, filter: &'a SessionFilter) -> Done<Statement<'a>> {
    let whole_tree = match filter.subtree {
        Some(top) => is_root(connection, top).await?,
        None => false,
    };
    let only_open = !filter.statuses.is_empty() && !filter.statuses.iter().any(|status| status.is_terminal());
    let index = match filter {
        _ if whole_tree => Some("sessions_root"),
        SessionFilter { subtree: None, provider_session_id: Some(_), .. } => Some("sessions_provider_session"),
        SessionFilter { subtree: Some(_), .. } => None,
        _ if !only_open => None,
        SessionFilter { provider: Some(_), .. } => Some("sessions_open_provider"),
        _ => Some("sessions_open"),
    };
    let by = index.map(|index| C::WORDS.by(index)).unwrap_or_default();
    let mut wanted = Statement::begin(format!("SELECT {what} FROM sessions {by} WHERE TRUE"));
    if only_open {
        // Says nothing new, but the indexes of what has not ended can be used only where this is said.
        wanted = wanted.sql(" AND ").sql(OPEN);
    }
    if let Some(top) = &filter.subtree {
        wanted =
            if whole_tree { wanted.sql(" AND root_id = ?") } else { wanted.sql(" AND id IN ").sql(&C::WORDS.below()) };
        wanted = wanted.bind(Bind::Id(top.key()));
    }
    wanted = match filter.statuses.as_slice() {
        [] => wanted,
        [status] => wanted.sql(" AND status = ?").bind(Bind::Text(status.as_str())),
        several => wanted.sql(&C::WORDS.status_in(several)),
    };
    let words = [
        ("mission_id", filter.mission_id.as_ref().map(MissionId::as_str)),
        ("provider", filter.provider.as_ref().map(ProviderName::as_str)),
        ("provider_session_id", filter.provider_session_id.as_ref().map(ProviderSessionId::as_str)),
        ("agent_type", filter.agent_type.as_ref().map(AgentType::as_str)),
        ("task_id", filter.task_id.as_ref().map(TaskId::as_str)),
    ];
    for (column, word) in words {
        if let Some(word) = word {
            wanted = wanted.sql(&format!(" AND {column} = ?")).bind(Bind::Text(word));
        }
    }
    Ok(wanted.of_missions("mission_id", filter.missions.as_ref()))
}

/// Whether a session stands at the top of its tree: then all below it share its id as their root, in the order of a page.
async fn is_root<C: Connection>(connection: &mut C, id: SessionId) -> Done<bool> {
    let root =
        Prepared::new("SELECT COUNT(*) AS n FROM sessions WHERE id = ? AND parent_id IS NULL", [Bind::Id(id.key())]);
    Ok(connection.count(root).await? == 1)
}
