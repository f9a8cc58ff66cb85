//! A filter for entries of the audit log.

use super::AuditIndex;
use crate::action::ActionName;
use crate::ids::SessionId;
use crate::operator::Actor;
use crate::time::Timestamp;

/// Which entries are wanted; every given part must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Entries about this session.
    pub session_id: Option<SessionId>,
    /// Entries about this session or one below it.
    pub subtree: Option<SessionId>,
    /// Entries by this operator.
    pub actor: Option<Actor>,
    /// Entries of this action.
    pub action: Option<ActionName>,
    /// Entries at this time or later.
    pub from: Option<Timestamp>,
    /// Entries before this time.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an entry matches. `is_within` says whether a session is another one or below it, which only the tree
    /// knows. A session that never existed is within itself.
    #[must_use]
    pub fn holds(&self, entry: &AuditIndex, is_within: impl FnOnce(SessionId, SessionId) -> bool) -> bool {
        let Self { session_id, subtree, actor, action, from, to } = self;
        session_id.is_none_or(|id| entry.session_id == Some(id))
            && actor.as_ref().is_none_or(|actor| entry.actor == *actor)
            && action.is_none_or(|action| entry.action == action)
            && from.is_none_or(|from| entry.at >= from)
            && to.is_none_or(|to| entry.at < to)
            && subtree.is_none_or(|top| entry.session_id.is_some_and(|id| id == top || is_within(id, top)))
    }
}
