//! The rules of retention, what is due, and what is archived.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::command::Command;
use crate::ids::{CommandSeq, FeedPosition, SessionId};
use crate::message::Message;
use crate::retention::{
    ArchivedSession, DuePage, EndedPlace, NotAsArchived, Retention, RetentionChange, RetentionRefused, RetentionRules,
    RetentionTaking,
};
use crate::time::Timestamp;

/// Why the rules were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionChangeError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] RetentionRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Why a session was not taken for archived, or its conversation not taken back.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveRowError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The object is not the whole of an ended session.
    #[error(transparent)]
    Unfit(#[from] NotAsArchived),
    /// The store has messages or commands at these places.
    #[error("the store has messages or commands of session {0} at places that are to be filled")]
    Occupied(SessionId),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps the rules of retention, finds what is due, and notes what is archived.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RetentionRepository: Send + Sync {
    /// The rules.
    async fn retention(&self) -> Result<Retention, StoreUnavailable>;

    /// Changes the rules under [`RetentionChange::decide`]. The change and the audit entry are written in one transaction;
    /// a refusal writes only its audit entry.
    async fn change_retention(&self, change: RetentionChange) -> Result<Retention, RetentionChangeError>;

    /// Takes the lease under the rule of [`RetentionTaking::decide`]. `None`: another replica works, or there is nothing to
    /// do, and nothing was written.
    async fn take_retention(&self, taking: RetentionTaking) -> Result<Option<Retention>, StoreUnavailable>;

    /// Finds sessions that are due by [`RetentionRules::is_due`], that nothing live is below of, and that are not archived.
    /// It looks at no more than `limit` ended sessions behind a place, so a page may be empty and not the last.
    async fn due_sessions(
        &self,
        rules: RetentionRules,
        now: Timestamp,
        after: Option<EndedPlace>,
        limit: usize,
    ) -> Result<DuePage, StoreUnavailable>;

    /// At most `limit` commands of a session after a place, in order, whatever their receipts.
    async fn commands_after(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Vec<Command>, StoreUnavailable>;

    /// The bytes of content and metadata that the store holds of a conversation. It reads all its rows.
    async fn conversation_bytes(&self, session: SessionId) -> Result<u64, StoreUnavailable>;

    /// Notes that a session is archived, under the rule of [`ArchivedSession::fits`]. A session that is noted already
    /// keeps its note, which is given back.
    async fn note_archived(&self, archived: ArchivedSession) -> Result<ArchivedSession, ArchiveRowError>;

    /// What is noted of a session; `None` when it is not archived.
    async fn archived(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable>;

    /// What is noted of many sessions, those that are archived, in any order.
    async fn archived_among(&self, sessions: Vec<SessionId>) -> Result<Vec<ArchivedSession>, StoreUnavailable>;

    /// At most `limit` archived sessions of which the store still has rows.
    async fn unfinished_removals(&self, limit: usize) -> Result<Vec<ArchivedSession>, StoreUnavailable>;

    /// Removes the next rows of an archived session by [`ArchivedSession::next_removal`], and notes how far it is, in one
    /// transaction. `None`: it is not archived.
    async fn remove_archived(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable>;

    /// Removes the entries of the feed up to a position, and at most up to where a sink has still something to deliver
    /// and up to the newest position, which stays. Gives their number.
    async fn cut_feed(&self, through: FeedPosition) -> Result<u64, StoreUnavailable>;

    /// Puts messages of an archived session back, those that follow what was put back before. Nothing else changes:
    /// the session stays archived until [`RetentionRepository::end_restoring`].
    async fn put_back(
        &self,
        session: SessionId,
        messages: Vec<Message>,
        commands: Vec<Command>,
    ) -> Result<(), ArchiveRowError>;

    /// Forgets that a session is archived, after everything was put back. `false`: something is missing, and nothing was
    /// written.
    async fn end_restoring(&self, session: SessionId) -> Result<bool, StoreUnavailable>;
}
