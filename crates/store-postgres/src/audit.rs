//! The audit log, for reading, and its checkpoints.

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, Rows};
use flightdeck_store_sql::audit;
use flightdeck_store_sql::tx::Dialect as _;

use crate::PostgresStore;
use crate::database::on;
use crate::locks;

#[async_trait]
impl AuditLog for PostgresStore {
    async fn page(&self, filter: AuditFilter, before: Option<AuditSeq>, limit: usize) -> Rows<Vec<SealedAuditEntry>> {
        Ok(on!(self.read, (filter, before, limit), |connection| audit::page(connection, filter, *before, *limit))
            .await?)
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(on!(self.read, (after, limit), |connection| audit::walk(connection, *after, *limit)).await?)
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(on!(self.read, (), |connection| audit::head(connection)).await?)
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Rows<Checkpoint> {
        self.database
            .run(move |tx| {
                Box::pin(async move {
                    // Replicas that start together may each have a key of their own: the first to sign decides whose is the
                    // deployment's.
                    locks::all_checkpoints(tx.connection()).await?;
                    Ok(audit::keep_checkpoint(tx.connection(), &checkpoint).await?)
                })
            })
            .await
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(on!(self.read, (after, limit), |connection| audit::checkpoints(connection, *after, *limit)).await?)
    }

    async fn newest_checkpoint(&self) -> Rows<Option<Checkpoint>> {
        Ok(on!(self.read, (), |connection| audit::newest_checkpoint(connection)).await?)
    }
}
