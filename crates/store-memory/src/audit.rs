//! The audit log, read.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditLog, StoreUnavailable};

use crate::MemoryStore;
use crate::state::index;

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
        Ok(newest_first.filter(|entry| holds(&filter, entry)).take(limit).cloned().collect())
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        Ok(self.state().audit.iter().skip(index(after.get())).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<AuditHead, StoreUnavailable> {
        Ok(self.state().audit_head())
    }
}

fn holds(filter: &AuditFilter, entry: &SealedAuditEntry) -> bool {
    let AuditFilter { session_id, actor, action } = filter;
    session_id.is_none_or(|id| entry.index.session_id == Some(id))
        && actor.as_ref().is_none_or(|actor| entry.index.actor == *actor)
        && action.is_none_or(|action| entry.index.action == action)
}
