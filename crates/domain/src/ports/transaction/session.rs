//! Sessions and their tree.

use super::Rows;
use crate::ids::{Seq, SessionId};
use crate::operation::{Operation, Scope};
use crate::ports::{SessionCursor, SessionFilter, SessionQuery};
use crate::session::{Ancestor, Session, Silence};
use crate::text::Reason;
use crate::time::Timestamp;

/// How the tree is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeLock {
    /// By those that register, beside one another.
    Shared,
    /// By whoever puts up a fence that a registration looks at: nobody registers meanwhile.
    Alone,
}

/// The rows of sessions, and the kill switch.
///
/// A *head* is a session whose context and metadata are empty, for they can be long and few rules look at them.
pub trait SessionRows: Send {
    /// Locks the tree.
    fn lock_tree(&mut self, how: TreeLock) -> impl Future<Output = Rows<()>> + Send {
        let _ = how;
        async { Ok(()) }
    }

    /// Locks every session that has not ended, and every operation that is open.
    fn lock_everything_open(&mut self) -> impl Future<Output = Rows<()>> + Send {
        async { Ok(()) }
    }

    /// Locks the operations that are open at these sessions, which are locked.
    fn lock_operations_of(&mut self, sessions: &[SessionId]) -> impl Future<Output = Rows<()>> + Send {
        let _ = sessions;
        async { Ok(()) }
    }

    /// A session.
    fn session(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send;

    /// A head.
    fn head(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send;

    /// A session, locked.
    fn lock_session(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send {
        self.session(id)
    }

    /// A head, locked.
    fn lock_head(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send {
        self.head(id)
    }

    /// Heads, locked, of those that are there. The ids are sorted.
    fn lock_heads(&mut self, ids: &[SessionId]) -> impl Future<Output = Rows<Vec<Session>>> + Send;

    /// Puts a session into the tree; `false` when there is one under its id.
    fn insert_session(&mut self, session: &Session) -> impl Future<Output = Rows<bool>> + Send;

    /// Writes everything of a session that can change. A head will do.
    fn save_session(&mut self, session: &Session) -> impl Future<Output = Rows<()>> + Send;

    /// Notes a sign of life, and how long the conversation is. The time of the last one never moves back.
    fn touch_session(
        &mut self,
        session: &Session,
        last_seq: Seq,
        at: Timestamp,
    ) -> impl Future<Output = Rows<()>> + Send;

    /// At most `limit` sessions that look as if [`Session::lose`] would lose them.
    fn silent_sessions(&mut self, silence: &Silence, limit: usize)
    -> impl Future<Output = Rows<Vec<SessionId>>> + Send;

    /// A session, its parent, and so on to the top; empty when there is no such session.
    fn line(&mut self, from: SessionId) -> impl Future<Output = Rows<Vec<Ancestor>>> + Send;

    /// Whether `top` is `id` or above it.
    fn is_within(&mut self, id: SessionId, top: SessionId) -> impl Future<Output = Rows<bool>> + Send;

    /// The sessions of a scope that have not ended, each with the number of those above it.
    fn open_within(&mut self, scope: &Scope) -> impl Future<Output = Rows<Vec<(SessionId, u64)>>> + Send;

    /// How many sessions have not ended.
    fn count_open(&mut self) -> impl Future<Output = Rows<u64>> + Send;

    /// One page, newest spawned first, and where the next begins.
    fn session_page(
        &mut self,
        query: &SessionQuery,
    ) -> impl Future<Output = Rows<(Vec<Session>, Option<SessionCursor>)>> + Send;

    /// How many sessions the filter holds for.
    fn count_sessions(&mut self, filter: &SessionFilter) -> impl Future<Output = Rows<u64>> + Send;

    /// Whether the kill switch is engaged.
    fn kill_switch(&mut self) -> impl Future<Output = Rows<bool>> + Send;

    /// Engages or releases the kill switch.
    fn set_kill_switch(&mut self, engaged: bool) -> impl Future<Output = Rows<()>> + Send;

    /// Does to every session that has not ended what [`Intervention::Kill`](crate::action::Intervention::Kill) does to one:
    /// its desired status, its command, and a target of the operation where there is one. However many there are, by a few
    /// statements.
    fn kill_open(
        &mut self,
        operation: Option<&Operation>,
        reason: Option<&Reason>,
        at: Timestamp,
    ) -> impl Future<Output = Rows<()>> + Send;
}
