//! The checkpoints of a deployment in their order, from the database and the archive together.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::audit::Checkpoint;
use crate::ids::AuditSeq;
use crate::ports::{ArchiveHolds, ArchivePlace, AuditLog, AuditLogError, CheckpointArchive, Checkpointing};

const PAGE: usize = 1_000;
/// The place after every other.
pub(super) const LAST: AuditSeq = AuditSeq::new(u64::MAX);

/// A checkpoint, and where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) checkpoint: Checkpoint,
    /// Whether it is in the archive and not in the database.
    pub(super) missing: bool,
    /// Whether it is in the database and is missing in the archive, which has to have it.
    pub(super) unarchived: bool,
}

/// Reads both, a page at a time.
#[expect(clippy::struct_excessive_bools, reason = "of each source, how far it was read")]
pub(super) struct CheckpointSources {
    audit: Arc<dyn AuditLog>,
    archive: Option<Arc<dyn CheckpointArchive>>,
    after: AuditSeq,
    stored: VecDeque<Checkpoint>,
    stored_up_to: AuditSeq,
    stored_ended: bool,
    archived: VecDeque<Checkpoint>,
    archived_up_to: ArchivePlace,
    archived_ended: bool,
    /// Whether the archive has any checkpoint.
    archived_any: bool,
    /// Whether a checkpoint of the archive was given already.
    passed: bool,
}

impl CheckpointSources {
    /// The checkpoints after a place of the chain.
    pub(super) fn new(audit: Arc<dyn AuditLog>, checkpointing: Option<&Checkpointing>, after: AuditSeq) -> Self {
        let archive = checkpointing.map(|checkpointing| Arc::clone(&checkpointing.archive));
        Self {
            audit,
            archived_ended: archive.is_none(),
            archive,
            after,
            stored: VecDeque::new(),
            stored_up_to: after,
            stored_ended: false,
            archived: VecDeque::new(),
            archived_up_to: ArchivePlace::default(),
            archived_any: false,
            passed: false,
        }
    }

    /// Reads again where nothing more was found before.
    pub(super) fn look_again(&mut self) {
        self.stored_ended = false;
        self.archived_ended = self.archive.is_none();
    }

    /// The next checkpoint, if it is at or before a place of the chain. A checkpoint that is in both is given once.
    pub(super) async fn next_up_to(&mut self, seq: AuditSeq) -> Result<Option<Sighting>, AuditLogError> {
        self.refill_archived().await?;
        self.refill_stored().await?;
        let stored = self.stored.front().copied();
        let archived = self.archived.front().copied();
        let first = match (stored, archived) {
            (Some(stored), Some(archived)) if archived.seq < stored.seq => archived,
            (Some(first), _) | (None, Some(first)) => first,
            (None, None) => return Ok(None),
        };
        if first.seq > seq {
            return Ok(None);
        }
        if archived == Some(first) {
            self.archived.pop_front();
            self.passed = true;
        }
        if stored == Some(first) {
            self.stored.pop_front();
            let unarchived = archived != Some(first) && self.lacks(first).await?;
            return Ok(Some(Sighting { checkpoint: first, missing: false, unarchived }));
        }
        // It may have been made after the database was asked: ask again before anybody is accused.
        let before = AuditSeq::new(first.seq.get().saturating_sub(1));
        let now = self.audit.checkpoints(before, 1).await?;
        Ok(Some(Sighting { checkpoint: first, missing: now.first() != Some(&first), unarchived: false }))
    }

    /// Whether the archive has lost a checkpoint of the database. It waits for a checkpoint that is on its way there.
    async fn lacks(&mut self, stored: Checkpoint) -> Result<bool, AuditLogError> {
        let Some(archive) = self.archive.clone() else { return Ok(false) };
        let holds = archive.holds();
        if holds == ArchiveHolds::Nothing {
            return Ok(false);
        }
        if self.archived.is_empty() {
            drop(archive.turn().await?);
            self.archived_ended = false;
            self.refill_archived().await?;
        }
        if self.archived.front() == Some(&stored) {
            self.archived.pop_front();
            return Ok(false);
        }
        Ok(match holds {
            ArchiveHolds::Nothing => false,
            ArchiveHolds::All => true,
            // It begins later, or others have gone on since.
            ArchiveHolds::Seen => !self.archived_any || (self.passed && !self.archived.is_empty()),
        })
    }

    async fn refill_archived(&mut self) -> Result<(), AuditLogError> {
        let Some(archive) = &self.archive else { return Ok(()) };
        while self.archived.is_empty() && !self.archived_ended {
            let page = archive.page(self.archived_up_to, PAGE).await?;
            self.archived_up_to = page.next;
            self.archived_ended = page.checkpoints.is_empty();
            self.archived_any |= !page.checkpoints.is_empty();
            self.archived = page.checkpoints.into_iter().filter(|checkpoint| checkpoint.seq > self.after).collect();
        }
        Ok(())
    }

    async fn refill_stored(&mut self) -> Result<(), AuditLogError> {
        if self.stored.is_empty() && !self.stored_ended {
            self.stored = self.audit.checkpoints(self.stored_up_to, PAGE).await?.into();
            self.stored_ended = self.stored.is_empty();
            self.stored_up_to = self.stored.back().map_or(self.stored_up_to, |last| last.seq);
        }
        Ok(())
    }
}
