//! Signed checkpoints of the audit log: who signs them, and where they are kept outside the database.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AuditLogError, CheckpointSigner, StoreUnavailable};
use crate::audit::Checkpoint;

/// A place in the archive, in the archive's own numbering; zero is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchivePlace(pub u64);

/// A part of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivePage {
    /// The checkpoints as they are stored; none at the end.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the next part begins.
    pub next: ArchivePlace,
}

/// Which checkpoints of the database an archive has to have. A checkpoint that it lacks was removed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveHolds {
    /// None: there is no archive.
    Nothing,
    /// All of them, because only this server makes any.
    All,
    /// Also those of other replicas, as this one reads them: every checkpoint between its first and its newest, and at
    /// least one.
    Seen,
}

/// A guard. While it exists, no other user of the archive is between the database and the archive with a new
/// checkpoint.
pub type ArchiveTurn = Box<dyn std::any::Any + Send + Sync>;

/// Keeps checkpoints where a person who can change the database cannot reach them, or only in another way.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CheckpointArchive: Send + Sync {
    /// Adds a checkpoint; it is durable when this returns. A checkpoint that is not after the newest one is ignored: it
    /// is there already, or a newer one came first.
    async fn append(&self, checkpoint: Checkpoint) -> Result<(), StoreUnavailable>;

    /// Gives at most `limit` checkpoints from a place on, in the order in which they were added.
    async fn page(&self, from: ArchivePlace, limit: usize) -> Result<ArchivePage, AuditLogError>;

    /// Gives the newest checkpoint.
    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable>;

    /// Says which checkpoints of the database it has to have.
    fn holds(&self) -> ArchiveHolds;

    /// Waits until nobody is about to bring a checkpoint from the database to the archive, and keeps others from
    /// beginning.
    async fn turn(&self) -> Result<ArchiveTurn, StoreUnavailable>;

    /// Puts missing checkpoints at their places, and keeps the others.
    async fn refill(&self, checkpoints: Vec<Checkpoint>) -> Result<(), AuditLogError>;
}

/// An archive for programs that keep checkpoints only in the database.
#[async_trait]
impl CheckpointArchive for () {
    async fn append(&self, _checkpoint: Checkpoint) -> Result<(), StoreUnavailable> {
        Ok(())
    }

    async fn page(&self, from: ArchivePlace, _limit: usize) -> Result<ArchivePage, AuditLogError> {
        Ok(ArchivePage { checkpoints: Vec::new(), next: from })
    }

    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(None)
    }

    fn holds(&self) -> ArchiveHolds {
        ArchiveHolds::Nothing
    }

    async fn turn(&self) -> Result<ArchiveTurn, StoreUnavailable> {
        Ok(Box::new(()))
    }

    async fn refill(&self, _checkpoints: Vec<Checkpoint>) -> Result<(), AuditLogError> {
        Ok(())
    }
}

/// What a deployment needs for checkpoints.
#[derive(Clone)]
pub struct Checkpointing {
    /// The signer.
    pub signer: Arc<dyn CheckpointSigner>,
    /// Where checkpoints are kept besides the database.
    pub archive: Arc<dyn CheckpointArchive>,
}
