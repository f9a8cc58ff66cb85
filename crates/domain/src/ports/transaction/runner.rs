//! Runners and assignments.

use super::Rows;
use crate::ids::SessionId;
use crate::ports::AssignmentPlace;
use crate::runner::{Assignment, AssignmentFilter, Runner, RunnerName};
use crate::time::Timestamp;

/// The rows of runners and assignments. A transaction locks a runner before assignments, and assignments in their
/// order; it locks nothing else except the audit log.
pub trait RunnerRows: Send {
    /// Writes a runner; `false` when its name is taken.
    fn insert_runner(&mut self, runner: &Runner) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads a runner.
    fn runner(&mut self, name: &RunnerName) -> impl Future<Output = Rows<Option<Runner>>> + Send;

    /// Reads and locks a runner.
    fn lock_runner(&mut self, name: &RunnerName) -> impl Future<Output = Rows<Option<Runner>>> + Send {
        self.runner(name)
    }

    /// All runners, by name, in the order of the bytes.
    fn runners(&mut self) -> impl Future<Output = Rows<Vec<Runner>>> + Send;

    /// Writes everything of a runner but its name.
    fn save_runner(&mut self, runner: &Runner) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes a runner.
    fn remove_runner(&mut self, name: &RunnerName) -> impl Future<Output = Rows<()>> + Send;

    /// Writes an assignment; `false` when its session has one.
    fn insert_assignment(&mut self, assignment: &Assignment) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads an assignment.
    fn assignment(&mut self, session: SessionId) -> impl Future<Output = Rows<Option<Assignment>>> + Send;

    /// Reads and locks an assignment.
    fn lock_assignment(&mut self, session: SessionId) -> impl Future<Output = Rows<Option<Assignment>>> + Send {
        self.assignment(session)
    }

    /// Assignments in their order, behind a place.
    fn assignments(
        &mut self,
        filter: &AssignmentFilter,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> impl Future<Output = Rows<Vec<Assignment>>> + Send;

    /// Assignments that wait, whose lease ran out before `now`, or that this runner has leased, in their order, behind a
    /// place.
    fn open_assignments(
        &mut self,
        now: Timestamp,
        runner: &RunnerName,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> impl Future<Output = Rows<Vec<Assignment>>> + Send;

    /// How many assignments each runner has leased or started.
    fn loads(&mut self) -> impl Future<Output = Rows<Vec<(RunnerName, u64)>>> + Send;

    /// Writes state, token, runner and lease of an assignment.
    fn save_assignment(&mut self, assignment: &Assignment) -> impl Future<Output = Rows<()>> + Send;
}
