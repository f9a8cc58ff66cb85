//! The audit log, for reading. It is written by the port of the action that an entry tells of.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::ActionName;
use crate::audit::{AuditHead, SealedAuditEntry};
use crate::ids::{AuditSeq, SessionId};
use crate::operator::Actor;

/// Which entries are wanted; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those aimed at this session.
    pub session_id: Option<SessionId>,
    /// Those by this operator.
    pub actor: Option<Actor>,
    /// Those of this action.
    pub action: Option<ActionName>,
}

/// Reads the audit log.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// At most `limit` entries before a place (or from the end), newest first. A page once read never changes.
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable>;

    /// At most `limit` entries after a place, oldest first, exactly as they are stored: whatever stands there, good or
    /// bad.
    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, StoreUnavailable>;

    /// The end of the chain, as the store remembers it beside the entries.
    async fn head(&self) -> Result<AuditHead, StoreUnavailable>;
}
