//! A copy of the store that follows it, for reads that may lag.

use async_trait::async_trait;

use super::MessageSlice;
use crate::audit::SealedAuditEntry;
use crate::ids::{AuditSeq, Seq, SessionId};

/// Whether copies of the store are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// At least one is.
    Read,
    /// None answers, or none was asked yet.
    Away,
    /// None is as new as it has to be.
    Behind,
    /// None is a copy: each takes writes of its own.
    NoCopy,
    /// None is known to follow the history that the store holds.
    OtherHistory,
}

impl CopyState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Away => "away",
            Self::Behind => "behind",
            Self::NoCopy => "no_copy",
            Self::OtherHistory => "other_history",
        }
    }
}

/// Reads from a copy of the store that follows it, and may be behind by a bounded time.
///
/// What it gives was true in the store's own history not longer ago than the bound. It may lack what is newer, so the caller
/// has to ask the store itself for everything that the copy does not have. `None` means that the store has to be asked: no
/// copy is fit to be read, it did not answer in a short time, or it does not know the session. Nothing here fails.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ReadCopy: Send + Sync {
    /// Whether a copy is read at present, or why none is.
    fn state(&self) -> CopyState;

    /// As [`super::MessageRepository::after`], on the copy.
    async fn messages_after(&self, session: SessionId, after: Seq, limit: usize) -> Option<MessageSlice>;

    /// As [`super::MessageRepository::before`], on the copy.
    async fn messages_before(&self, session: SessionId, before: Seq, limit: usize) -> Option<MessageSlice>;

    /// As [`super::AuditLog::walk`], on the copy; `None` also for what cannot be read as an entry.
    async fn audit_entries(&self, after: AuditSeq, limit: usize) -> Option<Vec<SealedAuditEntry>>;

    /// Finds out how far each copy is. To be called again and again: without it no copy is read for longer than the bound.
    async fn look(&self);
}
