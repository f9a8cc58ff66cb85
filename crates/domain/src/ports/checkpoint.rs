//! Signed checkpoints of the audit log: who signs them, and where they are kept outside the database.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AuditLogError, CheckpointSigner, StoreUnavailable};
use crate::audit::Checkpoint;

/// A place in the archive, as the archive itself counts; zero is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchivePlace(pub u64);

/// A piece of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivePage {
    /// The checkpoints, as they stand; none at the end.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the next piece begins.
    pub next: ArchivePlace,
}

/// Which of the database's checkpoints an archive has to hold. What it lacks of them was taken out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveHolds {
    /// None: it is no archive.
    Nothing,
    /// Every one: nobody else makes any.
    All,
    /// Those of other replicas as they are seen: every one between its first and its newest, and one at least.
    Seen,
}

/// As long as it lives, nobody else who uses the archive is between the database and the archive with a new checkpoint.
pub type ArchiveTurn = Box<dyn std::any::Any + Send + Sync>;

/// Keeps checkpoints where whoever changes the database does not reach them, or does so only by another door.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CheckpointArchive: Send + Sync {
    /// Adds a checkpoint; it is durable when this returns. One that is not beyond the newest is passed over: it is
    /// there already, or was overtaken.
    async fn append(&self, checkpoint: Checkpoint) -> Result<(), StoreUnavailable>;

    /// At most `limit` checkpoints from a place on, in the order in which they were added.
    async fn page(&self, from: ArchivePlace, limit: usize) -> Result<ArchivePage, AuditLogError>;

    /// The newest.
    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable>;

    /// Which of the database's checkpoints it has to hold.
    fn holds(&self) -> ArchiveHolds;

    /// Waits until nobody is about to bring a checkpoint from the database to the archive, and keeps others from beginning.
    async fn turn(&self) -> Result<ArchiveTurn, StoreUnavailable>;

    /// Puts those that are missing where they belong, and keeps what is there.
    async fn refill(&self, checkpoints: Vec<Checkpoint>) -> Result<(), AuditLogError>;
}

/// For programs that keep checkpoints in the database alone.
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
    /// Who signs.
    pub signer: Arc<dyn CheckpointSigner>,
    /// Where they are kept besides the database.
    pub archive: Arc<dyn CheckpointArchive>,
}
