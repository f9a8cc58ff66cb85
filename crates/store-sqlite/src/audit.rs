//! The audit log, for reading, and its checkpoints.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, StoreUnavailable};

use crate::SqliteStore;
use crate::tables::{audit_checkpoints, audit_log};

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

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(self.readers.read(move |connection| audit_log::walk(connection, after, limit)).await?)
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(self.readers.read(audit_log::head).await?)
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        self.writer.write(move |connection| Ok(audit_checkpoints::keep(connection, &checkpoint)?)).await
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(self.readers.read(move |connection| audit_checkpoints::after(connection, after, limit)).await?)
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(self.readers.read(audit_checkpoints::newest).await?)
    }
}
