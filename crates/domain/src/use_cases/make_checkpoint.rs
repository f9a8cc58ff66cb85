//! Signs the head of the audit log.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::audit::{AuditHead, Checkpoint, CheckpointKeyId, CheckpointProblem, HeadProblem};
use crate::ids::AuditSeq;
use crate::ports::{ArchiveHolds, AuditHeadError, AuditLog, CheckpointArchive, Checkpointing, Clock, StoreUnavailable};

/// How many checkpoints are read at a time.
const PAGE: usize = 1_000;

/// Why no checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeCheckpointError {
    /// The deployment has no key to sign with.
    #[error("this deployment signs no checkpoints")]
    NotSetUp,
    /// The log is empty.
    #[error("the audit log is empty")]
    Empty,
    /// The log does not have what was signed before. A new signature would hide this.
    #[error(
        "the audit log ends at entry {end} and does not hold what was signed at entry {signed}: it was tampered with"
    )]
    Tampered {
        /// The end of the log.
        end: AuditSeq,
        /// The newest checkpoint.
        signed: AuditSeq,
    },
    /// The log has lost its head, so there is nothing to sign.
    #[error("{0}: the audit log was tampered with")]
    Headless(HeadProblem),
    /// Another server of the deployment signs with another key. With two keys, each server would take the checkpoints
    /// of the other for forgeries.
    #[error("the audit log is signed with the key {theirs} by another server; this one has the key {ours}")]
    OtherKey {
        /// The key of this server.
        ours: CheckpointKeyId,
        /// The key that signs.
        theirs: CheckpointKeyId,
    },
    /// The database has a value that is not a checkpoint of this deployment.
    #[error(transparent)]
    NotGood(#[from] CheckpointProblem),
    /// The store or the archive is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl From<AuditHeadError> for MakeCheckpointError {
    fn from(error: AuditHeadError) -> Self {
        match error {
            AuditHeadError::Broken(problem) => Self::Headless(problem),
            AuditHeadError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// The checkpoint of the current head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Whether this call made it; `false` when the head has not moved since the last one.
    pub created: bool,
}

/// Makes checkpoints.
#[derive(Clone)]
pub struct MakeCheckpoint {
    audit: Arc<dyn AuditLog>,
    checkpointing: Option<Checkpointing>,
    clock: Arc<dyn Clock>,
}

impl MakeCheckpoint {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn AuditLog> + Has<dyn Clock> + MayHave<Checkpointing>,
    {
        Self { audit: ports.port(), checkpointing: ports.optional(), clock: ports.port() }
    }

    /// Signs the head and stores the checkpoint in the database and in the archive. If the head has not moved since the
    /// newest checkpoint, it only adds that checkpoint to the archive if it is missing there.
    ///
    /// # Errors
    /// See [`MakeCheckpointError`].
    pub async fn execute(&self) -> Result<MadeCheckpoint, MakeCheckpointError> {
        let Some(Checkpointing { signer, archive }) = &self.checkpointing else {
            return Err(MakeCheckpointError::NotSetUp);
        };
        // Whoever verifies meanwhile must not take what is on its way to the archive for removed from it.
        let _turn = archive.turn().await?;
        let stored = self.audit.newest_checkpoint().await?;
        let archived = archive.newest().await?;
        // Read last: no checkpoint is ahead of the head that is read after it.
        let head = self.audit.head().await?;
        let newest = [stored, archived].into_iter().flatten().max_by_key(|checkpoint| checkpoint.seq);
        if let Some(newest) = newest {
            if newest.seq > head.seq || (newest.seq == head.seq && newest.hash != head.hash) {
                return Err(MakeCheckpointError::Tampered { end: head.seq, signed: newest.seq });
            }
            if newest.seq == head.seq {
                // That of another key is no concern of this archive.
                if newest.key_id == signer.public_key().id() && !is_emptied(archive.holds(), archived) {
                    self.seen_since(archived, &**archive).await?;
                    archive.append(newest).await?;
                }
                return Ok(MadeCheckpoint { checkpoint: newest, created: false });
            }
        }
        if head == AuditHead::EMPTY {
            return Err(MakeCheckpointError::Empty);
        }
        let checkpoint = Checkpoint::sign(head, self.clock.now(), &**signer);
        // The database first: a checkpoint that is in the archive alone means that the database has lost it. Another replica
        // may have signed the same head a moment before; then its checkpoint is the one.
        let kept = self.audit.keep_checkpoint(checkpoint).await?;
        if kept.key_id != checkpoint.key_id {
            return Err(MakeCheckpointError::OtherKey { ours: checkpoint.key_id, theirs: kept.key_id });
        }
        self.seen_since(archived, &**archive).await?;
        archive.append(kept).await?;
        Ok(MadeCheckpoint { checkpoint: kept, created: kept == checkpoint })
    }

    /// Adds to the archive what other replicas have signed since its newest checkpoint.
    async fn seen_since(
        &self,
        archived: Option<Checkpoint>,
        archive: &dyn CheckpointArchive,
    ) -> Result<(), MakeCheckpointError> {
        let (ArchiveHolds::Seen, Some(archived)) = (archive.holds(), archived) else { return Ok(()) };
        let mut after = archived.seq;
        loop {
            let page = self.audit.checkpoints(after, PAGE).await.map_err(StoreUnavailable::new)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for checkpoint in page {
                archive.append(checkpoint).await?;
            }
        }
    }

    /// Adds to the archive the checkpoints of the database that it lacks, because an operator trusts the database:
    /// after a restore, in a new replica, or when it is known how they were lost. Gives how many the database has.
    ///
    /// # Errors
    /// The deployment signs no checkpoints, one in the database is not valid, or the store or the archive is not
    /// available.
    pub async fn refill(&self) -> Result<usize, MakeCheckpointError> {
        let Some(Checkpointing { signer, archive }) = &self.checkpointing else {
            return Err(MakeCheckpointError::NotSetUp);
        };
        let key = signer.public_key();
        let _turn = archive.turn().await?;
        let mut all: Vec<Checkpoint> = Vec::new();
        loop {
            let after = all.last().map_or(AuditSeq::ZERO, |last| last.seq);
            let page = self.audit.checkpoints(after, PAGE).await.map_err(StoreUnavailable::new)?;
            if page.is_empty() {
                break;
            }
            for checkpoint in page {
                checkpoint.check(&key)?;
                all.push(checkpoint);
            }
        }
        let count = all.len();
        archive.refill(all).await.map_err(StoreUnavailable::new)?;
        Ok(count)
    }
}

/// Whether an archive has to have what the database has, and is empty: its content is not restored unseen.
fn is_emptied(holds: ArchiveHolds, archived: Option<Checkpoint>) -> bool {
    holds != ArchiveHolds::Nothing && archived.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditHash, CheckpointSigningKey};
    use crate::fixtures::at;
    use crate::ports::{MockAuditLog, MockCheckpointArchive};
    use crate::use_cases::testing::MockPorts;

    fn signer() -> CheckpointSigningKey {
        CheckpointSigningKey::from_seed(&[1; 32])
    }

    fn head(seq: u64) -> AuditHead {
        AuditHead { seq: AuditSeq::new(seq), hash: AuditHash::of(&seq.to_be_bytes()) }
    }

    fn signed(head: AuditHead) -> Checkpoint {
        Checkpoint::sign(head, at(0), &signer())
    }

    fn log(head: AuditHead, newest: Option<AuditHead>) -> MockAuditLog {
        let mut log = MockAuditLog::new();
        log.expect_head().returning(move || Ok(head));
        log.expect_newest_checkpoint().returning(move || Ok(newest.map(signed)));
        log
    }

    fn archive(newest: Option<AuditHead>) -> MockCheckpointArchive {
        let mut archive = MockCheckpointArchive::new();
        archive.expect_newest().returning(move || Ok(newest.map(signed)));
        archive.expect_holds().return_const(ArchiveHolds::All);
        archive.expect_turn().returning(|| Ok(Box::new(())));
        archive
    }

    async fn make(audit: MockAuditLog, archive: MockCheckpointArchive) -> Result<MadeCheckpoint, MakeCheckpointError> {
        let ports = MockPorts { audit, ..MockPorts::default() }.ports();
        MakeCheckpoint::new(&ports.with_checkpoints(Arc::new(signer()), Arc::new(archive))).execute().await
    }

    #[tokio::test]
    async fn the_head_is_signed_and_kept_in_the_database_first() {
        let (mut log, mut archive) = (log(head(7), Some(head(3))), archive(Some(head(3))));
        let mut order = mockall::Sequence::new();
        let expected = signed(head(7));
        let same = move |checkpoint: &Checkpoint| *checkpoint == expected;
        log.expect_keep_checkpoint().withf(same).times(1).in_sequence(&mut order).returning(Ok);
        archive.expect_append().withf(same).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        assert_eq!(make(log, archive).await.expect("made"), MadeCheckpoint { checkpoint: expected, created: true });
    }

    /// Two replicas sign the same head at the same moment: both archives hold what the database holds.
    #[tokio::test]
    async fn what_another_replica_has_signed_just_now_is_the_one_that_is_archived() {
        let (mut log, mut archive) = (log(head(7), None), archive(None));
        let theirs = Checkpoint { at: at(1), ..signed(head(7)) };
        log.expect_keep_checkpoint().times(1).returning(move |_| Ok(theirs));
        archive.expect_append().withf(move |checkpoint| *checkpoint == theirs).times(1).returning(|_| Ok(()));
        let made = make(log, archive).await.expect("made");
        assert_eq!(made, MadeCheckpoint { checkpoint: theirs, created: false });
    }

    #[tokio::test]
    async fn what_another_key_has_signed_is_left_to_it() {
        let (mut log, mut archive) = (log(head(8), None), archive(None));
        let theirs = Checkpoint::sign(head(7), at(1), &CheckpointSigningKey::from_seed(&[2; 32]));
        log.expect_keep_checkpoint().times(1).returning(move |_| Ok(theirs));
        archive.expect_append().never();
        let refused = make(log, archive).await.expect_err("another key");
        assert!(matches!(refused, MakeCheckpointError::OtherKey { .. }), "{refused}");
    }

    #[tokio::test]
    async fn what_another_key_has_signed_is_not_archived() {
        let (mut log, mut archive) = (MockAuditLog::new(), archive(None));
        let theirs = Checkpoint::sign(head(7), at(1), &CheckpointSigningKey::from_seed(&[2; 32]));
        log.expect_head().returning(|| Ok(head(7)));
        log.expect_newest_checkpoint().returning(move || Ok(Some(theirs)));
        archive.expect_append().never();
        let made = make(log, archive).await.expect("there");
        assert_eq!(made, MadeCheckpoint { checkpoint: theirs, created: false });
    }

    #[tokio::test]
    async fn a_head_that_has_not_moved_is_not_signed_again() {
        let (mut log, mut archive) = (log(head(7), Some(head(7))), archive(Some(head(3))));
        log.expect_keep_checkpoint().never();
        archive.expect_append().times(1).returning(|_| Ok(()));
        assert!(!make(log, archive).await.expect("there").created);
    }

    /// Nobody is to find it whole again who looks after the next checkpoint.
    #[tokio::test]
    async fn an_archive_that_was_emptied_is_not_filled_in_silence() {
        let (log, mut archive) = (log(head(7), Some(head(7))), archive(None));
        archive.expect_append().never();
        assert!(!make(log, archive).await.expect("there").created);
    }

    #[tokio::test]
    async fn the_archive_of_a_replica_takes_in_what_others_have_signed() {
        let mut log = log(head(9), Some(head(7)));
        log.expect_checkpoints().returning(|after, _| {
            Ok([head(5), head(7)].map(signed).into_iter().filter(|checkpoint| checkpoint.seq > after).collect())
        });
        log.expect_keep_checkpoint().times(1).returning(Ok);
        let mut archive = MockCheckpointArchive::new();
        archive.expect_newest().returning(|| Ok(Some(signed(head(3)))));
        archive.expect_holds().return_const(ArchiveHolds::Seen);
        archive.expect_turn().returning(|| Ok(Box::new(())));
        let mut order = mockall::Sequence::new();
        for seq in [5, 7, 9] {
            let same = move |checkpoint: &Checkpoint| checkpoint.seq == AuditSeq::new(seq);
            archive.expect_append().withf(same).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        }
        assert!(make(log, archive).await.expect("made").created);
    }

    #[tokio::test]
    async fn what_was_cut_off_is_not_signed_over() {
        let rewritten = AuditHead { hash: AuditHash::of(b"forged"), ..head(7) };
        for (now, archived) in [(head(6), head(7)), (rewritten, head(7))] {
            let mut log = log(now, None);
            log.expect_keep_checkpoint().never();
            let refused = make(log, archive(Some(archived))).await.expect_err("tampered");
            assert!(matches!(refused, MakeCheckpointError::Tampered { .. }), "{refused}");
        }
    }

    #[tokio::test]
    async fn nothing_is_signed_without_entries_or_without_a_key() {
        let empty = make(log(AuditHead::EMPTY, None), archive(None)).await;
        assert!(matches!(empty, Err(MakeCheckpointError::Empty)));
        let none = MakeCheckpoint::new(&MockPorts::default().ports()).execute().await;
        assert!(matches!(none, Err(MakeCheckpointError::NotSetUp)));
    }
}
