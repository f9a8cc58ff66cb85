//! Which entries of the audit log somebody asks for.

use super::AuditIndex;
use crate::action::ActionName;
use crate::ids::SessionId;
use crate::operator::Actor;
use crate::time::Timestamp;

/// Which entries are wanted; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those aimed at this session.
    pub session_id: Option<SessionId>,
    /// Those aimed at this session or one below it.
    pub subtree: Option<SessionId>,
    /// Those by this operator.
    pub actor: Option<Actor>,
    /// Those of this action.
    pub action: Option<ActionName>,
    /// Those of this moment or a later one.
    pub from: Option<Timestamp>,
    /// Those before this moment.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether it holds for an entry. `is_within` tells whether a session is another one or below it, which only the tree
    /// knows; a session that never was is within itself.
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
