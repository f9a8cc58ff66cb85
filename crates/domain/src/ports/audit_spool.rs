//! The spool for interventions whose audit entry cannot be written yet.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreUnavailable;
use crate::audit::{Fate, SpooledAction};

/// An intervention in the spool, and what became of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The intervention.
    pub action: SpooledAction,
    /// What became of it; `None` while it is not done, or its result was not noted.
    pub fate: Option<Fate>,
}

/// Keeps interventions outside the database until their entries are on the audit log. Everything is durable when a
/// method returns, and is there again after a restart.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditSpool: Send + Sync {
    /// Adds an intervention at the end.
    async fn keep(&self, action: SpooledAction) -> Result<(), StoreUnavailable>;

    /// Notes what became of an intervention.
    async fn settle(&self, id: Uuid, fate: Fate) -> Result<(), StoreUnavailable>;

    /// Gives everything in the spool, oldest first.
    async fn waiting(&self) -> Result<Vec<Waiting>, StoreUnavailable>;

    /// Removes an intervention, because its entry is on the log.
    async fn remove(&self, id: Uuid) -> Result<(), StoreUnavailable>;
}
