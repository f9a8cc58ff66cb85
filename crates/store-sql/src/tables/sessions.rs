//! Sessions: one by one, in lists, and up and down their tree.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus, Silence};
use flightdeck_domain::text::{ProviderSessionId, Reason};

use super::Words;
use crate::rows::page::asked;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, integer};

/// What has not ended. Word for word the condition of the index `sessions_open`.
pub const OPEN: &str = "status NOT IN ('completed', 'failed', 'killed')";

/// Writes everything of a session that can change.
#[must_use]
pub fn save(session: &Session) -> Prepared<Bind<'_>, 12> {
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
}

/// At most `limit` of those that look as if [`Session::lose`] would lose them.
#[must_use]
pub fn silent<'a>(statement: Statement<'a>, silence: &'a Silence, limit: usize) -> Statement<'a> {
    let lost =
        format!(" WHERE {OPEN} AND status <> '{}' AND coalesce(last_seen_at, spawned_at) < ?", SessionStatus::Lost);
    let mut statement = statement.sql(&lost).bind(Bind::Integer(silence.not_seen_since.as_micros()));
    for provider in &silence.without_lease {
        statement = statement.sql(" AND provider <> ?").bind(Bind::Text(provider.as_str()));
    }
    statement.sql(" LIMIT ?").bind(Bind::Integer(integer(limit)))
}

/// A session, its parent, and so on to the top; none when there is no such session.
#[must_use]
pub fn upwards(from: SessionId) -> Prepared<Bind<'static>, 2> {
    // No tree is deeper than the limit; it keeps a damaged one, with a loop in it, from running on.
    Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id, root_id, mission_id, status, desired_status) AS ( \
             SELECT 1, id, parent_id, root_id, mission_id, status, desired_status FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id, next.root_id, next.mission_id, next.status, next.desired_status \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT id, root_id, mission_id, status, desired_status FROM above ORDER BY level",
        [Bind::Id(from.key()), Bind::Integer(integer(Session::MAX_DEPTH))],
    )
}

/// Whether a filter asks for nothing that has ended.
#[must_use]
pub fn only_open(filter: &SessionFilter) -> bool {
    !filter.statuses.is_empty() && !filter.statuses.iter().any(|status| status.is_terminal())
}

/// Those that a filter asks for. Of a whole tree all share the id at its top as their root, in the order of a page.
#[must_use]
pub fn matching<'a>(
    mut statement: Statement<'a>,
    filter: &'a SessionFilter,
    whole_tree: bool,
    words: Words,
) -> Statement<'a> {
    if only_open(filter) {
        // Says nothing new, but the indexes of what has not ended can be used only where this is said.
        statement = statement.sql(" AND ").sql(OPEN);
    }
    if let Some(top) = &filter.subtree {
        statement = if whole_tree {
            statement.sql(" AND root_id = ?")
        } else {
            statement.sql(" AND id IN ").sql(&words.below())
        };
        statement = statement.bind(Bind::Id(top.key()));
    }
    if let Some(mission) = &filter.mission_id {
        statement = statement.sql(" AND mission_id = ?").bind(Bind::Text(mission.as_str()));
    }
    statement = match filter.statuses.as_slice() {
        [] => statement,
        [status] => statement.sql(" AND status = ?").bind(Bind::Text(status.as_str())),
        several => statement.sql(&words.status_in(several)),
    };
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
    statement
}

/// One page of those, newest first.
#[must_use]
pub fn page<'a>(mut statement: Statement<'a>, query: &'a SessionQuery) -> Statement<'a> {
    if let Some(after) = &query.after {
        // A comparison of pairs, which is one step into the index; `a < x OR (a = x AND b < y)` would not be.
        statement = statement
            .sql(" AND (spawned_at, id) < (?, ?)")
            .bind(Bind::Integer(after.spawned_at.as_micros()))
            .bind(Bind::Id(after.id.key()));
    }
    statement.sql(" ORDER BY spawned_at DESC, id DESC LIMIT ?").bind(asked(query.limit))
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
