//! Operations and what became of them.

use async_trait::async_trait;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Opened, Operation, OperationTarget, TargetOutcome};
use flightdeck_domain::ports::{
    OperationCursor, OperationPage, OperationQuery, OperationRepository, StoreUnavailable, TargetCursor, TargetPage,
    TargetQuery,
};
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl OperationRepository for MemoryStore {
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
        Ok(self.state().operations.get(&id).cloned())
    }

    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
        let state = self.state();
        let behind = |operation: &&Operation| {
            query.after.is_none_or(|place| (operation.requested_at, operation.id) < (place.requested_at, place.id))
        };
        let wanted = |operation: &&Operation| query.open.is_none_or(|open| open == operation.completed_at.is_none());
        let mut found: Vec<&Operation> = state.operations.values().filter(behind).filter(wanted).collect();
        found.sort_unstable_by_key(|operation| std::cmp::Reverse((operation.requested_at, operation.id)));
        let operations: Vec<Operation> = found.iter().take(query.limit).map(|found| (*found).clone()).collect();
        let last = operations.last().filter(|_| found.len() > operations.len());
        let next = last.map(|last| OperationCursor { requested_at: last.requested_at, id: last.id });
        Ok(OperationPage { operations, next })
    }

    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
        let state = self.state();
        let mut found: Vec<&OperationTarget> = state
            .targets
            .get(&query.operation)
            .into_iter()
            .flat_map(|targets| targets.values())
            .filter(|target| query.after.is_none_or(|at| (target.depth, target.session_id) < (at.depth, at.session_id)))
            .filter(|target| !query.unseen_only || !is_seen(target))
            .collect();
        found.sort_unstable_by_key(|target| std::cmp::Reverse((target.depth, target.session_id)));
        let targets: Vec<OperationTarget> = found.iter().take(query.limit).map(|found| (*found).clone()).collect();
        let last = targets.last().filter(|_| found.len() > targets.len());
        let next = last.map(|last| TargetCursor { depth: last.depth, session_id: last.session_id });
        Ok(TargetPage { targets, next })
    }
}

const fn is_seen(target: &OperationTarget) -> bool {
    matches!(target.outcome, Some(TargetOutcome::Observed | TargetOutcome::Ended { .. }))
}

impl State {
    /// Writes an operation as it begins.
    pub(crate) fn open(&mut self, opened: Opened) {
        opened.operation.opening_events().into_iter().for_each(|event| self.tell(event));
        self.operations.insert(opened.operation.id, opened.operation);
        for target in opened.targets {
            self.put_target(target);
        }
    }

    /// Moves each open target of a session as the rule says, and tells of operations that are completed by it.
    pub(crate) fn move_targets(
        &mut self,
        session: SessionId,
        at: Timestamp,
        rule: impl Fn(&OperationTarget) -> Option<OperationTarget>,
    ) {
        for id in self.open_at.get(&session).cloned().unwrap_or_default() {
            let Some(after) = self.targets.get(&id).and_then(|targets| targets.get(&session)).and_then(&rule) else {
                continue;
            };
            let settled = self.operations.get(&id).zip(after.outcome.as_ref());
            if let Some(operation) = settled.map(|(operation, outcome)| operation.settled(outcome, 1, at)) {
                operation.completion_event().into_iter().for_each(|event| self.tell(event));
                self.operations.insert(id, operation);
            }
            self.put_target(after);
        }
    }

    fn put_target(&mut self, target: OperationTarget) {
        let (operation, session) = (target.operation_id, target.session_id);
        if target.is_open() {
            self.open_at.entry(session).or_default().insert(operation);
        } else if let Some(open) = self.open_at.get_mut(&session) {
            open.remove(&operation);
            if open.is_empty() {
                self.open_at.remove(&session);
            }
        }
        self.targets.entry(operation).or_default().insert(session, target);
    }
}
