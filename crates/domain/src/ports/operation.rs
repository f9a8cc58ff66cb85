//! Operations and what became of them.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::{OperationId, SessionId};
use crate::mission_set::MissionSet;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationQuery {
    /// Only operations with open targets, or only those without; all when missing.
    pub open: Option<bool>,
    /// Only operations on one of these missions, on one of their sessions, or on all below one.
    pub missions: Option<MissionSet>,
    /// Only operations after this place.
    pub after: Option<OperationCursor>,
    /// The largest number of operations.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetQuery {
    /// The operation.
    pub operation: OperationId,
    /// Leaves out targets that were observed as wished, or to have ended.
    pub unseen_only: bool,
    /// Only targets that are sessions of one of these missions.
    pub missions: Option<MissionSet>,
    /// Only targets after this place.
    pub after: Option<TargetCursor>,
    /// The largest number of targets.
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

/// Keeps operations. They are written by [`super::OperatorActions`]. [`super::SessionRepository::observe`],
/// [`super::CommandQueue::acknowledge`] and newer actions settle their targets, each in the transaction of its change,
/// by the rules of [`OperationTarget`]; the last settled target adds an event.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OperationRepository: Send + Sync {
    /// Gives one operation, or `None`.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable>;

    /// Gives a page of operations, newest first.
    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable>;

    /// Gives a page of an operation's targets, leaves first; empty when there is no such operation.
    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable>;
}
