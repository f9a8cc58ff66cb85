//! Counts of rows.

use std::collections::BTreeMap;

use flightdeck_domain::ports::{Rows, SurveyRows};
use flightdeck_domain::runner::AssignmentState;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::survey::Waiting;
use flightdeck_domain::time::Timestamp;

use crate::state::State;

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn waiting(since: impl Iterator<Item = Timestamp> + Clone) -> Waiting {
    Waiting { count: u64::try_from(since.clone().count()).unwrap_or(u64::MAX), oldest: since.min() }
}

impl SurveyRows for State {
    async fn survey_sessions(&mut self) -> Rows<BTreeMap<SessionStatus, u64>> {
        Ok(counted(self.sessions.values().map(|session| session.status)))
    }

    async fn survey_approvals(&mut self) -> Rows<Waiting> {
        let open = self.approvals.values().filter(|approval| approval.is_open());
        Ok(waiting(open.map(|approval| approval.opened_at)))
    }

    async fn survey_operations(&mut self) -> Rows<Waiting> {
        let open = self.operations.values().filter(|operation| operation.completed_at.is_none());
        Ok(waiting(open.map(|operation| operation.requested_at)))
    }

    async fn survey_assignments(&mut self) -> Rows<BTreeMap<AssignmentState, u64>> {
        let states = self.assignments.values().map(|assignment| assignment.state);
        let over = |state: &AssignmentState| matches!(state, AssignmentState::Cancelled | AssignmentState::Ended);
        Ok(counted(states.filter(|state| !over(state))))
    }

    async fn store_bytes(&mut self) -> Rows<Option<u64>> {
        Ok(None)
    }
}
