//! The audit log, for reading. It is written by the port of the action that an entry tells of; only its checkpoints are
//! written here.

use async_trait::async_trait;

use super::{AuditFilter, StoreUnavailable};
use crate::audit::{AuditHead, Checkpoint, HeadProblem, IsWithin, Ledger, SealedAuditEntry};
use crate::ids::AuditSeq;

/// Why the audit log could not be read for a proof.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// What stands at a place is nothing that was ever written there: somebody changed it. This is a finding.
    #[error("what is stored at {seq} makes no sense: {detail}")]
    Broken {
        /// The place, as far as it can be told.
        seq: AuditSeq,
        /// What makes no sense about it.
        detail: String,
    },
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Why there is no end of the chain to be told.
#[derive(Debug, thiserror::Error)]
pub enum AuditHeadError {
    /// What is remembered of it was changed or removed. This is a finding; until it is mended the log takes no entry.
    #[error(transparent)]
    Broken(#[from] HeadProblem),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl AuditHeadError {
    /// The same as a fault of the log behind its last good entry.
    #[must_use]
    pub fn behind(self, end: AuditSeq) -> AuditLogError {
        match self {
            Self::Broken(problem) => AuditLogError::Broken { seq: end, detail: problem.to_string() },
            Self::Unavailable(error) => AuditLogError::Unavailable(error),
        }
    }
}

/// Reads the audit log, and keeps its checkpoints.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// At most `limit` entries before a place (or from the end), newest first. A page once read never changes.
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable>;

    /// At most `limit` entries after a place, oldest first, exactly as they are stored: whatever stands there, good or
    /// bad. From [`AuditSeq::ZERO`] nothing is left out, whatever its place. A page ends before what makes no sense
    /// (so only an empty one is the last), and that is an error when it would be the first of its page.
    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError>;

    /// The end of the chain, as the store remembers it beside the entries.
    async fn head(&self) -> Result<AuditHead, AuditHeadError>;

    /// Keeps a checkpoint, and gives the one that stands at its place then: when there was one already, that one stays. A
    /// store that several servers share keeps those of one key: while the newest is of another, it gives that one.
    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable>;

    /// At most `limit` checkpoints after a place, oldest first; pages end as those of [`AuditLog::walk`].
    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError>;

    /// The newest checkpoint.
    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable>;
}

/// A store whose audit log is in memory: it has the port [`AuditLog`] by handing out its [`Ledger`].
pub trait KeepsLedger: Send + Sync {
    /// Runs work on the ledger, under the lock that guards it; the work comes with what tells of the session tree, too.
    fn ledger<T>(&self, work: impl FnOnce(&mut Ledger, &IsWithin<'_>) -> T) -> T;
}

#[async_trait]
impl<S: KeepsLedger> AuditLog for S {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        Ok(self.ledger(|ledger, is_within| ledger.page(&filter, before, limit, is_within)))
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(self.ledger(|ledger, _| ledger.walk(after, limit)))
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(self.ledger(|ledger, _| ledger.head()))
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        Ok(self.ledger(|ledger, _| ledger.keep_checkpoint(checkpoint)))
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(self.ledger(|ledger, _| ledger.checkpoints(after, limit)))
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(self.ledger(|ledger, _| ledger.newest_checkpoint()))
    }
}
