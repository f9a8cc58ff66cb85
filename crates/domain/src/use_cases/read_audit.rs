//! The audit log, page by page.

use std::sync::Arc;

use super::Ports;
use crate::audit::SealedAuditEntry;
use crate::ids::AuditSeq;
use crate::ports::{AuditFilter, AuditLog, StoreUnavailable};

/// Reads the audit log.
#[derive(Clone)]
pub struct ReadAudit {
    audit: Arc<dyn AuditLog>,
}

impl ReadAudit {
    /// The most entries on one page.
    pub const MAX_LIMIT: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { audit: Arc::clone(&ports.audit) }
    }

    /// A page, newest first, never longer than [`ReadAudit::MAX_LIMIT`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        self.audit.page(filter, before, limit.min(Self::MAX_LIMIT)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_is_bounded() {
        let mut mocks = MockPorts::default();
        mocks.audit.expect_page().withf(|_, _, limit| *limit == 1_000).times(1).returning(|_, _, _| Ok(vec![]));
        let read = ReadAudit::new(&mocks.ports());
        assert!(read.execute(AuditFilter::default(), None, usize::MAX).await.expect("answered").is_empty());
    }
}
