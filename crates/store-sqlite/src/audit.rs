//! The audit log, for reading.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditLog, StoreUnavailable};

use crate::SqliteStore;
use crate::tables::audit_log;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| audit_log::page(connection, &filter, before, limit)).await?)
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| audit_log::walk(connection, after, limit)).await?)
    }

    async fn head(&self) -> Result<AuditHead, StoreUnavailable> {
        Ok(self.readers.read(audit_log::head).await?)
    }
}
