//! People look at runners, drain and remove them.

use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::ports::{AssignmentPlace, Clock, RunnerError, RunnerRepository, StoreUnavailable};
use crate::runner::{Assignment, AssignmentFilter, AssignmentState, Runner, RunnerChange, RunnerName, RunnerWish};

/// A runner as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerOverview {
    /// The runner.
    pub runner: Runner,
    /// Whether it was heard of within the lease.
    pub is_there: bool,
    /// How many agents it has or is about to start.
    pub load: u64,
}

/// An agent that waits for a runner, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingAgent {
    /// What waits.
    pub assignment: Assignment,
    /// Why no runner has it.
    pub reason: String,
}

/// Looks at runners and changes them.
#[derive(Clone)]
pub struct ManageRunners {
    runners: Arc<dyn RunnerRepository>,
    clock: Arc<dyn Clock>,
}

impl ManageRunners {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn RunnerRepository> + Has<dyn Clock>,
    {
        Self { runners: ports.port(), clock: ports.port() }
    }

    /// All runners, by name.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn list(&self) -> Result<Vec<RunnerOverview>, StoreUnavailable> {
        let (runners, loads, now) = (self.runners.runners().await?, self.runners.loads().await?, self.clock.now());
        let load = |name: &RunnerName| loads.iter().find(|(it, _)| it == name).map_or(0, |(_, load)| *load);
        let seen = |runner: Runner| RunnerOverview { is_there: runner.is_there(now), load: load(&runner.name), runner };
        Ok(runners.into_iter().map(seen).collect())
    }

    /// The assignments of a state, in their order.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn waiting(
        &self,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Result<Vec<WaitingAgent>, StoreUnavailable> {
        let filter = AssignmentFilter { states: vec![AssignmentState::Waiting, AssignmentState::Leased], runner: None };
        let (page, runners) = (self.runners.assignments(filter, after, limit).await?, self.list().await?);
        let waiting = page.into_iter().map(|assignment| {
            let reason = why_waiting(&assignment, &runners);
            WaitingAgent { assignment, reason }
        });
        Ok(waiting.collect())
    }

    /// Where the agent of a session is, if it is assigned.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn placement(
        &self,
        session: crate::ids::SessionId,
    ) -> Result<Option<(Assignment, Option<String>)>, StoreUnavailable> {
        let Some(assignment) = self.runners.assignment(session).await? else { return Ok(None) };
        let waits = matches!(assignment.state, AssignmentState::Waiting | AssignmentState::Leased);
        let reason = if waits { Some(why_waiting(&assignment, &self.list().await?)) } else { None };
        Ok(Some((assignment, reason)))
    }

    /// Drains, undrains or removes a runner, with its audit entry.
    ///
    /// # Errors
    /// There is none, it may not be removed now, or the store is not available.
    pub async fn change(
        &self,
        name: RunnerName,
        wish: RunnerWish,
        origin: Origin,
    ) -> Result<Option<Runner>, RunnerError> {
        self.runners.change_runner(RunnerChange { name, wish, by: origin.at(self.clock.now()) }).await
    }
}

/// Why no runner has started an agent, in one sentence.
#[must_use]
pub fn why_waiting(assignment: &Assignment, runners: &[RunnerOverview]) -> String {
    if assignment.state == AssignmentState::Leased {
        let name = assignment.runner.as_ref().map(ToString::to_string).unwrap_or_default();
        return format!("runner {name} has it and has not confirmed the start");
    }
    let there: Vec<&RunnerOverview> = runners.iter().filter(|it| it.is_there).collect();
    if there.is_empty() {
        return format!("no runner is connected; start one that offers {}", assignment.offer);
    }
    let fitting: Vec<&&RunnerOverview> = there.iter().filter(|it| assignment.unfit(&it.runner).is_none()).collect();
    if fitting.is_empty() {
        const SHOWN: usize = 5;
        let mut lacks: Vec<String> = there.iter().filter_map(|it| assignment.unfit(&it.runner)).collect();
        let more = lacks.len().saturating_sub(SHOWN);
        lacks.truncate(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        return format!("no runner fits: {}{more}", lacks.join("; "));
    }
    let names: Vec<String> = fitting.iter().map(|it| it.runner.name.to_string()).collect();
    format!("all runners that fit are full or drain: {}", names.join(", "))
}

#[cfg(test)]
mod tests;
