//! Runners and assignments.

use std::collections::BTreeMap;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{AssignmentPlace, Rows, RunnerRows};
use flightdeck_domain::runner::{Assignment, AssignmentFilter, AssignmentState, Runner, RunnerName};
use flightdeck_domain::time::Timestamp;

use crate::state::{State, put};

fn set_runner(state: &mut State, name: RunnerName, runner: Option<Runner>) -> Option<Runner> {
    put(&mut state.runners, name, runner)
}

fn set_assignment(state: &mut State, session: SessionId, assignment: Option<Assignment>) -> Option<Assignment> {
    put(&mut state.assignments, session, assignment)
}

impl State {
    fn assignments_where(
        &self,
        wanted: impl Fn(&Assignment) -> bool,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Vec<Assignment> {
        let place = |assignment: &Assignment| (assignment.created_at, assignment.session_id);
        let behind = |assignment: &&Assignment| after.is_none_or(|after| place(assignment) > after);
        let mut page: Vec<&Assignment> =
            self.assignments.values().filter(behind).filter(|assignment| wanted(assignment)).collect();
        page.sort_by_key(|assignment| place(assignment));
        page.into_iter().take(limit).cloned().collect()
    }
}

impl RunnerRows for State {
    async fn insert_runner(&mut self, runner: &Runner) -> Rows<bool> {
        if self.runners.contains_key(&runner.name) {
            return Ok(false);
        }
        self.save_runner(runner).await?;
        Ok(true)
    }

    async fn runner(&mut self, name: &RunnerName) -> Rows<Option<Runner>> {
        Ok(self.runners.get(name).cloned())
    }

    async fn runners(&mut self) -> Rows<Vec<Runner>> {
        Ok(self.runners.values().cloned().collect())
    }

    async fn save_runner(&mut self, runner: &Runner) -> Rows<()> {
        self.change(set_runner, runner.name.clone(), Some(runner.clone()));
        Ok(())
    }

    async fn remove_runner(&mut self, name: &RunnerName) -> Rows<()> {
        self.change(set_runner, name.clone(), None);
        Ok(())
    }

    async fn insert_assignment(&mut self, assignment: &Assignment) -> Rows<bool> {
        if self.assignments.contains_key(&assignment.session_id) {
            return Ok(false);
        }
        self.save_assignment(assignment).await?;
        Ok(true)
    }

    async fn assignment(&mut self, session: SessionId) -> Rows<Option<Assignment>> {
        Ok(self.assignments.get(&session).cloned())
    }

    async fn assignments(
        &mut self,
        filter: &AssignmentFilter,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Rows<Vec<Assignment>> {
        let wanted = |assignment: &Assignment| {
            (filter.states.is_empty() || filter.states.contains(&assignment.state))
                && (filter.runner.is_none() || filter.runner == assignment.runner)
        };
        Ok(self.assignments_where(wanted, after, limit))
    }

    async fn open_assignments(
        &mut self,
        now: Timestamp,
        runner: &RunnerName,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Rows<Vec<Assignment>> {
        let open = |it: &Assignment| {
            let is_theirs = it.state == AssignmentState::Leased && it.runner.as_ref() == Some(runner);
            it.state == AssignmentState::Waiting || it.has_lapsed(now) || is_theirs
        };
        Ok(self.assignments_where(open, after, limit))
    }

    async fn loads(&mut self) -> Rows<Vec<(RunnerName, u64)>> {
        let mut loads: BTreeMap<RunnerName, u64> = BTreeMap::new();
        let has = |it: &&Assignment| matches!(it.state, AssignmentState::Leased | AssignmentState::Started);
        for runner in self.assignments.values().filter(has).filter_map(|it| it.runner.clone()) {
            *loads.entry(runner).or_default() += 1;
        }
        Ok(loads.into_iter().collect())
    }

    async fn save_assignment(&mut self, assignment: &Assignment) -> Rows<()> {
        self.change(set_assignment, assignment.session_id, Some(assignment.clone()));
        Ok(())
    }
}
