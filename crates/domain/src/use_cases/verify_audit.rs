//! Verifies the whole audit chain, and compares it with its signed checkpoints.

use std::sync::Arc;

use super::checkpoint_sources::{CheckpointSources, LAST, Sighting};
use super::read_audit::{Readings, details};
use super::{AuditReader, Has, MayHave};
use crate::audit::{
    AuditHead, AuditProblem, AuditVerification, ChainVerifier, Checkpoint, CheckpointProblem, HeadProblem,
    SealedAuditEntry,
};
use crate::ids::AuditSeq;
use crate::ports::{AuditHeadError, AuditLog, AuditLogError, Checkpointing, Clock, OperatorActions, StoreUnavailable};

/// Verifies the audit log.
#[derive(Clone)]
pub struct VerifyAudit {
    audit: Arc<dyn AuditLog>,
    checkpointing: Option<Checkpointing>,
    readings: Readings,
}

const PAGE: usize = 1_000;

/// Why a verification ends early.
enum Stop {
    Problem(AuditProblem),
    Store(StoreUnavailable),
}

impl From<AuditProblem> for Stop {
    fn from(problem: AuditProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<CheckpointProblem> for Stop {
    fn from(problem: CheckpointProblem) -> Self {
        Self::Problem(problem.into())
    }
}

impl VerifyAudit {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn AuditLog> + Has<dyn OperatorActions> + Has<dyn Clock> + MayHave<Checkpointing>,
    {
        Self { audit: ports.port(), checkpointing: ports.optional(), readings: Readings::new(ports) }
    }

    /// Records the reading, then verifies the chain from its first entry to the head, a page at a time, with every
    /// checkpoint of the database and of the archive. Entries that are written meanwhile are left to the next call.
    ///
    /// A log with a damaged head takes no entry, not even of this reading. That it is broken is still reported, because
    /// the first reader has to learn of it. That a log is good is reported only with an entry.
    ///
    /// # Errors
    /// The store is not available. A broken chain is a result, not an error.
    pub async fn execute(&self, reader: AuditReader) -> Result<AuditVerification, StoreUnavailable> {
        let recorded = self.readings.record(reader, details("verify", [])).await;
        let found = self.verification().await;
        match (recorded, found) {
            (Err(_unrecorded), Ok(broken)) if !broken.valid => Ok(broken),
            (Err(error), _) => Err(error),
            (Ok(_), found) => found,
        }
    }

    async fn verification(&self) -> Result<AuditVerification, StoreUnavailable> {
        let head = match self.audit.head().await {
            Ok(head) => Ok(head),
            Err(AuditHeadError::Broken(problem)) => Err(problem),
            Err(AuditHeadError::Unavailable(error)) => return Err(error),
        };
        let key = self.checkpointing.as_ref().map(|checkpointing| checkpointing.signer.public_key());
        let mut verifier = ChainVerifier::default().with_key(key);
        let mut unarchived = None;
        match self.walk(&mut verifier, head, &mut unarchived).await {
            // Told last: whatever is wrong with the log itself weighs more.
            Ok(()) => Ok(verifier.report(unarchived.map(|seq| CheckpointProblem::Unarchived(seq).into()))),
            Err(Stop::Problem(problem)) => Ok(verifier.report(Some(problem))),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    async fn walk(
        &self,
        verifier: &mut ChainVerifier,
        head: Result<AuditHead, HeadProblem>,
        unarchived: &mut Option<AuditSeq>,
    ) -> Result<(), Stop> {
        let mut checkpoints =
            CheckpointSources::new(Arc::clone(&self.audit), self.checkpointing.as_ref(), AuditSeq::ZERO);
        loop {
            let page = self.audit.walk(verifier.reached(), PAGE).await.map_err(stop)?;
            for entry in &page {
                if let Ok(head) = head
                    && verifier.reached() == head.seq
                {
                    self.beyond(entry, head).await?;
                    return self.end(verifier, head, checkpoints, unarchived).await;
                }
                verifier.next(entry)?;
                while let Some(sighting) = checkpoints.next_up_to(entry.seq).await.map_err(stop)? {
                    verifier.checkpoint(&sighting.checkpoint)?;
                    note(&sighting, unarchived);
                    if sighting.missing {
                        return Err(CheckpointProblem::Missing(sighting.checkpoint.seq).into());
                    }
                }
            }
            if page.is_empty() {
                return match head {
                    Ok(head) => self.end(verifier, head, checkpoints, unarchived).await,
                    Err(problem) => headless(verifier, problem, checkpoints).await,
                };
            }
        }
    }

    /// An entry and the head that includes it are committed together, so one without the other is forged.
    async fn beyond(&self, entry: &SealedAuditEntry, head: AuditHead) -> Result<(), Stop> {
        if self.head_behind(head.seq).await? >= entry.seq {
            return Ok(());
        }
        Err(AuditProblem::BeyondHead { head: head.seq, found: entry.seq }.into())
    }

    /// The remaining checkpoints are of entries that were written meanwhile, or of entries that no longer exist.
    async fn end(
        &self,
        verifier: &mut ChainVerifier,
        head: AuditHead,
        mut checkpoints: CheckpointSources,
        unarchived: &mut Option<AuditSeq>,
    ) -> Result<(), Stop> {
        verifier.ends_at(head)?;
        checkpoints.look_again();
        while let Some(sighting) = checkpoints.next_up_to(LAST).await.map_err(stop)? {
            note(&sighting, unarchived);
            let Sighting { checkpoint, .. } = sighting;
            if checkpoint.seq < head.seq {
                self.late(verifier, &checkpoint).await?;
            } else if checkpoint.seq == head.seq || checkpoint.seq > self.head_behind(head.seq).await? {
                verifier.checkpoint(&checkpoint)?;
            }
        }
        Ok(())
    }

    /// The current end of the log.
    async fn head_behind(&self, end: AuditSeq) -> Result<AuditSeq, Stop> {
        let head = self.audit.head().await.map_err(|error| stop(error.behind(end)))?;
        Ok(head.seq)
    }

    /// A checkpoint that was stored after the verification had passed its entry.
    async fn late(&self, verifier: &ChainVerifier, checkpoint: &Checkpoint) -> Result<(), Stop> {
        verifier.signed(checkpoint)?;
        let before = AuditSeq::new(checkpoint.seq.get().saturating_sub(1));
        let entry = self.audit.walk(before, 1).await.map_err(stop)?;
        if entry.first().map(SealedAuditEntry::head) == Some(checkpoint.head()) {
            return Ok(());
        }
        Err(CheckpointProblem::Differs(checkpoint.seq).into())
    }
}

/// Remembers the first checkpoint that the archive has lost.
fn note(sighting: &Sighting, unarchived: &mut Option<AuditSeq>) {
    if sighting.unarchived {
        unarchived.get_or_insert(sighting.checkpoint.seq);
    }
}

/// The end of the log is not known, but checkpoints may show that the log was longer.
async fn headless(
    verifier: &mut ChainVerifier,
    problem: HeadProblem,
    mut checkpoints: CheckpointSources,
) -> Result<(), Stop> {
    while let Some(Sighting { checkpoint, .. }) = checkpoints.next_up_to(LAST).await.map_err(stop)? {
        verifier.checkpoint(&checkpoint)?;
    }
    Err(AuditProblem::Head { end: verifier.reached(), problem }.into())
}

fn stop(error: AuditLogError) -> Stop {
    match error {
        AuditLogError::Broken { seq, detail } => Stop::Problem(AuditProblem::Broken { seq, detail }),
        AuditLogError::Unavailable(error) => Stop::Store(error),
    }
}

#[cfg(test)]
mod tests;
