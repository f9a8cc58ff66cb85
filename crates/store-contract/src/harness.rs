//! What a store gives to be tested.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::ports::{
    ApiKeyRepository, ApprovalRepository, AuditLog, ChangeReports, CommandQueue, EpochRepository, FleetFeed,
    FleetSurveyor, LoginRepository, MessageRepository, OperationRepository, OperatorActions, ProviderConfigRepository,
    RetentionRepository, RunnerRepository, SessionRepository, SinkRepository, UsageRepository,
};

/// Every repository port in one. Whatever implements them all is a store.
pub trait Store:
    SessionRepository
    + MessageRepository
    + CommandQueue
    + OperatorActions
    + ApprovalRepository
    + OperationRepository
    + UsageRepository
    + AuditLog
    + FleetFeed
    + ApiKeyRepository
    + EpochRepository
    + LoginRepository
    + ProviderConfigRepository
    + RunnerRepository
    + FleetSurveyor
    + SinkRepository
    + RetentionRepository
    + ChangeReports
{
}

impl<S> Store for S where
    S: SessionRepository
        + MessageRepository
        + CommandQueue
        + OperatorActions
        + ApprovalRepository
        + OperationRepository
        + UsageRepository
        + AuditLog
        + FleetFeed
        + ApiKeyRepository
        + EpochRepository
        + LoginRepository
        + ProviderConfigRepository
        + RunnerRepository
        + FleetSurveyor
        + SinkRepository
        + RetentionRepository
        + ChangeReports
{
}

/// One store under test, with what belongs to it: a folder, a database, a schema. Dropping it cleans up.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The store; the same one each time. It is empty when the harness is made.
    fn store(&self) -> Arc<dyn Store>;

    /// From now on every attempt to write an audit entry fails.
    async fn break_audit(&self);

    /// Ends what [`Harness::break_audit`] began.
    async fn mend_audit(&self);
}

/// A store whose data outlives it.
#[async_trait]
pub trait DurableHarness: Harness {
    /// Closes the store and opens it again over the same data; [`Harness::store`] then gives the new one. The suite has
    /// dropped all its handles before it calls this.
    async fn reopen(&mut self);
}
