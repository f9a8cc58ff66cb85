//! The audit log, read, and its checkpoints.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, StoreUnavailable};

use crate::MemoryStore;
use crate::state::{State, index};

#[async_trait]
impl AuditLog for MemoryStore {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        let state = self.state();
        let up_to = before.map_or(usize::MAX, |seq| index(seq.get()).saturating_sub(1));
        let newest_first = state.audit.iter().take(up_to).rev();
        Ok(newest_first.filter(|entry| holds(&state, &filter, entry)).take(limit).cloned().collect())
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(self.state().audit.iter().skip(index(after.get())).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(self.state().audit_head())
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        Ok(*self.state().checkpoints.entry(checkpoint.seq).or_insert(checkpoint))
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(self.state().checkpoints.range(after.next()..).map(|(_, checkpoint)| *checkpoint).take(limit).collect())
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(self.state().checkpoints.values().next_back().copied())
    }
}

fn holds(state: &State, filter: &AuditFilter, entry: &SealedAuditEntry) -> bool {
    filter.holds(&entry.index, |id, top| state.upwards(id).any(|session| session.id == top))
}
