//! The audit log, for reading, and its checkpoints.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, Rows};
use flightdeck_store_sql::audit;

use crate::SqliteStore;
use crate::tx::now;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn page(&self, filter: AuditFilter, before: Option<AuditSeq>, limit: usize) -> Rows<Vec<SealedAuditEntry>> {
        Ok(self.readers.read(move |connection| now(audit::page(connection, &filter, before, limit))).await?)
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(self.readers.read(move |connection| now(audit::walk(connection, after, limit))).await?)
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(self.readers.read(|connection| now(audit::head(connection))).await?)
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Rows<Checkpoint> {
        self.writer.write(move |connection| Ok(now(audit::keep_checkpoint(connection, &checkpoint))?)).await
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(self.readers.read(move |connection| now(audit::checkpoints(connection, after, limit))).await?)
    }

    async fn newest_checkpoint(&self) -> Rows<Option<Checkpoint>> {
        Ok(self.readers.read(|connection| now(audit::newest_checkpoint(connection))).await?)
    }
}
