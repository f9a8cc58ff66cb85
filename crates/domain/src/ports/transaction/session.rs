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
    /// Shared: for transactions that register a session.
    Shared,
    /// Alone: for a transaction that puts up a fence that a registration looks at. Nothing registers meanwhile.
    Alone,
}

/// The rows of sessions, and the kill switch.
///
/// A *head* is a session with empty context and metadata, because both can be long and few rules need them.
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

    /// Locks the open operations of these sessions, which are locked already.
    fn lock_operations_of(&mut self, sessions: &[SessionId]) -> impl Future<Output = Rows<()>> + Send {
        let _ = sessions;
        async { Ok(()) }
    }

    /// Reads a session.
    fn session(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send;

    /// Reads a head.
    fn head(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send;

    /// Reads and locks a session.
    fn lock_session(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send {
        self.session(id)
    }

    /// Reads and locks a head.
    fn lock_head(&mut self, id: SessionId) -> impl Future<Output = Rows<Option<Session>>> + Send {
        self.head(id)
    }

    /// Reads and locks the heads that exist. The ids are sorted.
    fn lock_heads(&mut self, ids: &[SessionId]) -> impl Future<Output = Rows<Vec<Session>>> + Send;

    /// Puts a session into the tree; `false` when its id is taken.
    fn insert_session(&mut self, session: &Session) -> impl Future<Output = Rows<bool>> + Send;

    /// Writes everything of a session that can change. A head is enough.
    fn save_session(&mut self, session: &Session) -> impl Future<Output = Rows<()>> + Send;

    /// Writes the time of a sign of life, and the length of the conversation. The time never moves back.
    fn touch_session(
        &mut self,
        session: &Session,
        last_seq: Seq,
        at: Timestamp,
    ) -> impl Future<Output = Rows<()>> + Send;

    /// Reads at most `limit` sessions that [`Session::lose`] would probably lose.
    fn silent_sessions(&mut self, silence: &Silence, limit: usize)
    -> impl Future<Output = Rows<Vec<SessionId>>> + Send;

    /// Reads a session, its parent, and so on to the top; empty when there is no such session.
    fn line(&mut self, from: SessionId) -> impl Future<Output = Rows<Vec<Ancestor>>> + Send;

    /// Whether `top` is `id` or above it.
    fn is_within(&mut self, id: SessionId, top: SessionId) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads the sessions of a scope that have not ended, each with the number of sessions above it.
    fn open_within(&mut self, scope: &Scope) -> impl Future<Output = Rows<Vec<(SessionId, u64)>>> + Send;

    /// Counts the sessions that have not ended.
    fn count_open(&mut self) -> impl Future<Output = Rows<u64>> + Send;

    /// Reads one page, newest spawned first, and says where the next page begins.
    fn session_page(
        &mut self,
        query: &SessionQuery,
    ) -> impl Future<Output = Rows<(Vec<Session>, Option<SessionCursor>)>> + Send;

    /// Counts the sessions that match the filter.
    fn count_sessions(&mut self, filter: &SessionFilter) -> impl Future<Output = Rows<u64>> + Send;

    /// Whether the kill switch is engaged.
    fn kill_switch(&mut self) -> impl Future<Output = Rows<bool>> + Send;

    /// Engages or releases the kill switch.
    fn set_kill_switch(&mut self, engaged: bool) -> impl Future<Output = Rows<()>> + Send;

    /// Does to every session that has not ended what [`Intervention::Kill`](crate::action::Intervention::Kill) does to
    /// one: desired status, command, and a target if there is an operation. It takes a few statements, however many
    /// sessions there are.
    fn kill_open(
        &mut self,
        operation: Option<&Operation>,
        reason: Option<&Reason>,
        at: Timestamp,
    ) -> impl Future<Output = Rows<()>> + Send;
}
