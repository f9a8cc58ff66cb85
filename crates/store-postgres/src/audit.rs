//! The audit log, for reading, and its checkpoints.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, StoreUnavailable};

use crate::PostgresStore;
use crate::database::on;
use crate::tables::{audit_checkpoints, audit_log};

#[async_trait]
impl AuditLog for PostgresStore {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        Ok(on!(self.read, (filter, before, limit), |connection| audit_log::page(connection, filter, *before, *limit))
            .await?)
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(on!(self.read, (after, limit), |connection| audit_log::walk(connection, *after, *limit)).await?)
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(on!(self.read, (), |connection| audit_log::head(connection)).await?)
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        Ok(on!(self.write, (checkpoint), |tx| audit_checkpoints::keep(tx, checkpoint)).await?)
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(on!(self.read, (after, limit), |connection| audit_checkpoints::after(connection, *after, *limit)).await?)
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| audit_checkpoints::newest(connection)).await?)
    }
}
