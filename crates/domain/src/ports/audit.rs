//! Reading the audit log. Entries are written by the port of the action that they record; only checkpoints are written
//! here.

use async_trait::async_trait;

use super::{AuditFilter, StoreUnavailable};
use crate::audit::{AuditHead, Checkpoint, HeadProblem, IsWithin, Ledger, SealedAuditEntry};
use crate::ids::AuditSeq;

/// Why the audit log could not be read for a verification.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// The value at a place was never written by this program, so it was changed. This is a finding.
    #[error("what is stored at {seq} makes no sense: {detail}")]
    Broken {
        /// The place, as far as it is known.
        seq: AuditSeq,
        /// What cannot be read.
        detail: String,
    },
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Why the end of the chain is not known.
#[derive(Debug, thiserror::Error)]
pub enum AuditHeadError {
    /// The stored head was changed or removed. This is a finding; until it is repaired the log takes no entry.
    #[error(transparent)]
    Broken(#[from] HeadProblem),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl AuditHeadError {
    /// The same as a fault of the log after its last valid entry.
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
    /// Gives at most `limit` entries before a place (or from the end), newest first. A page that was read once never
    /// changes.
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable>;

    /// Gives at most `limit` entries after a place, oldest first, exactly as they are stored, valid or not. From
    /// [`AuditSeq::ZERO`] nothing is left out, whatever its place. A page ends before a value that cannot be read (so
    /// only an empty page is the last one); such a value is an error when it would be the first of its page.
    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError>;

    /// Gives the end of the chain, as the store keeps it beside the entries.
    async fn head(&self) -> Result<AuditHead, AuditHeadError>;

    /// Stores a checkpoint, and gives the one that is then at its place: if there was one already, that one stays. A
    /// store that several servers share keeps checkpoints of one key: if the newest is of another key, it gives that
    /// one.
    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable>;

    /// Gives at most `limit` checkpoints after a place, oldest first; pages end like those of [`AuditLog::walk`].
    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError>;

    /// Gives the newest checkpoint.
    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable>;
}

/// A store whose audit log is in memory. It gets the port [`AuditLog`] by lending its [`Ledger`].
pub trait KeepsLedger: Send + Sync {
    /// Runs work on the ledger, under the lock that guards it. The work also gets a function that knows the session
    /// tree.
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
