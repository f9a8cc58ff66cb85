//! Runners and what they are assigned.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::SessionId;
use crate::runner::{
    Assignment, AssignmentFilter, AssignmentRefused, Heard, Lease, LeaseRequest, Runner, RunnerChange, RunnerName,
    RunnerRefused, RunnerRegistration, StartRequest,
};
use crate::time::Timestamp;

/// Why nothing was done for a runner.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] RunnerRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Why an assignment was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AssignmentError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] AssignmentRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A place in the order of assignments: by the time of their making, then by session.
pub type AssignmentPlace = (Timestamp, SessionId);

/// Keeps runners and assignments.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RunnerRepository: Send + Sync {
    /// Lets a runner join, under the rule of [`RunnerRegistration::decide`], with the runner locked.
    async fn register_runner(&self, registration: RunnerRegistration) -> Result<Runner, RunnerError>;

    /// Lets a runner go, under the rule of [`Heard::decide`]. One that has assignments that it has started drains.
    async fn leave_runner(&self, heard: Heard) -> Result<Runner, RunnerError>;

    /// Changes or removes a runner with its audit entry, under the rule of [`RunnerChange::decide`]. Gives the runner
    /// after the change, or `None` after its removal.
    async fn change_runner(&self, change: RunnerChange) -> Result<Option<Runner>, RunnerError>;

    /// One runner, or `None`.
    async fn runner(&self, name: RunnerName) -> Result<Option<Runner>, StoreUnavailable>;

    /// All runners by name, in the order of the bytes.
    async fn runners(&self) -> Result<Vec<Runner>, StoreUnavailable>;

    /// Adds an assignment; `false` when the session has one already, which stays as it is.
    async fn assign(&self, assignment: Assignment) -> Result<bool, StoreUnavailable>;

    /// The assignment of a session, or `None`.
    async fn assignment(&self, session: SessionId) -> Result<Option<Assignment>, StoreUnavailable>;

    /// Assignments in their order, behind a place.
    async fn assignments(
        &self,
        filter: AssignmentFilter,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Result<Vec<Assignment>, StoreUnavailable>;

    /// Gives open assignments to a runner under the rule of [`Assignment::lease`], the oldest first, each locked: no
    /// two leases have the same token. Counts as a sign of life.
    async fn lease(&self, request: LeaseRequest) -> Result<Lease, RunnerError>;

    /// Confirms a start under the rule of [`Assignment::start`], with the assignment locked.
    async fn start_assignment(&self, request: StartRequest) -> Result<Assignment, AssignmentError>;

    /// Takes an assignment back before its start is confirmed, under the rule of [`Assignment::cancel`], with the
    /// assignment locked. Gives whether that was done by this call.
    async fn cancel_assignment(&self, session: SessionId) -> Result<bool, StoreUnavailable>;

    /// Ends an assignment. Gives whether it was ended by this call.
    async fn end_assignment(&self, session: SessionId) -> Result<bool, StoreUnavailable>;

    /// How many assignments each instance of a runner has leased or started, by its name; a runner without any is not
    /// listed.
    async fn loads(&self) -> Result<Vec<(RunnerName, u64)>, StoreUnavailable>;
}
