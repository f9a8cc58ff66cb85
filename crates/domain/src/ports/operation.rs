//! Operations and what became of them.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::{OperationId, SessionId};
use crate::operation::{Operation, OperationTarget};
use crate::time::Timestamp;

/// A place in the order of operations: newest first, equal times by id, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationCursor {
    /// When the operation at the place was asked for.
    pub requested_at: Timestamp,
    /// Its id.
    pub id: OperationId,
}

/// One page of operations, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationQuery {
    /// Only those with open targets, or only those without; all when missing.
    pub open: Option<bool>,
    /// Only those behind this place.
    pub after: Option<OperationCursor>,
    /// At most so many.
    pub limit: usize,
}

/// A page of operations.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationPage {
    /// The operations, newest first.
    pub operations: Vec<Operation>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<OperationCursor>,
}

/// A place in the order of an operation's targets: deepest first, equal depths by id, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetCursor {
    /// The depth of the target at the place.
    pub depth: u64,
    /// Its session.
    pub session_id: SessionId,
}

/// One page of an operation's targets, leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetQuery {
    /// The operation.
    pub operation: OperationId,
    /// Leave out those that were seen to be as wished, or to have ended.
    pub unseen_only: bool,
    /// Only those behind this place.
    pub after: Option<TargetCursor>,
    /// At most so many.
    pub limit: usize,
}

/// A page of targets.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetPage {
    /// The targets, leaves first.
    pub targets: Vec<OperationTarget>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<TargetCursor>,
}

/// Keeps operations. They enter by [`super::OperatorActions`], and are moved by [`super::SessionRepository::observe`], by
/// [`super::CommandQueue::acknowledge`] and by newer actions, each in the transaction of that change: by the rules of
/// [`OperationTarget`], and with an event when the last target is settled.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OperationRepository: Send + Sync {
    /// One operation, or `None`.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable>;

    /// A page of operations, newest first.
    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable>;

    /// A page of an operation's targets, leaves first; empty when there is no such operation.
    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable>;
}
