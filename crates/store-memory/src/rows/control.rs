//! Operations, and the calls that carried a key.

use std::cmp::Reverse;

use flightdeck_domain::action::Remembered;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operation::{Operation, OperationTarget, TargetOutcome, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    ControlRows, OperationCursor, OperationPage, OperationQuery, Rows, TargetCursor, TargetPage, TargetQuery,
};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;

use crate::state::{State, put};

const LOWEST: SessionId = SessionId::new(uuid::Uuid::nil());
const HIGHEST: SessionId = SessionId::new(uuid::Uuid::max());

type CallKey = (String, IdempotencyKey);

fn set_operation(state: &mut State, id: OperationId, operation: Option<Operation>) -> Option<Operation> {
    put(&mut state.operations, id, operation)
}

fn set_call(state: &mut State, key: CallKey, call: Option<Remembered>) -> Option<Remembered> {
    put(&mut state.calls, key, call)
}

fn named(actor: &Actor, key: &IdempotencyKey) -> CallKey {
    (actor.as_str().to_owned(), key.clone())
}

const fn is_seen(target: &OperationTarget) -> bool {
    matches!(target.outcome, Some(TargetOutcome::Observed | TargetOutcome::Ended { .. }))
}

impl State {
    fn targets_of(&self, operation: OperationId) -> impl Iterator<Item = &OperationTarget> {
        self.targets.range((operation, LOWEST)..=(operation, HIGHEST)).map(|(_, target)| target)
    }
}

impl ControlRows for State {
    async fn insert_operation(&mut self, operation: &Operation) -> Rows<()> {
        self.save_operation(operation).await
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Rows<()> {
        for target in targets {
            self.save_target(target).await?;
        }
        Ok(())
    }

    async fn operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(self.operations.get(&id).cloned())
    }

    async fn save_operation(&mut self, operation: &Operation) -> Rows<()> {
        self.change(set_operation, operation.id, Some(operation.clone()));
        Ok(())
    }

    async fn open_operations(&mut self, wish: Wish) -> Rows<Vec<Operation>> {
        let open = |operation: &&Operation| operation.completed_at.is_none() && operation.wish == wish;
        let mut found: Vec<Operation> = self.operations.values().filter(open).cloned().collect();
        found.sort_by_key(|operation| (operation.requested_at, operation.id));
        Ok(found)
    }

    async fn open_targets(&mut self, session: SessionId) -> Rows<Vec<OperationTarget>> {
        let from = (session, OperationId::new(uuid::Uuid::nil()));
        let open = self.open_at.range(from..).take_while(|(at, _)| *at == session);
        Ok(open.filter_map(|(session, operation)| self.targets.get(&(*operation, *session))).cloned().collect())
    }

    async fn save_target(&mut self, target: &OperationTarget) -> Rows<()> {
        self.change(Self::set_target, (target.operation_id, target.session_id), Some(target.clone()));
        Ok(())
    }

    async fn supersede_targets(&mut self, operation: OperationId) -> Rows<()> {
        let open: Vec<OperationTarget> =
            self.targets_of(operation).filter(|target| target.is_open()).cloned().collect();
        for target in open {
            self.save_target(&OperationTarget { outcome: Some(TargetOutcome::Superseded), ..target }).await?;
        }
        Ok(())
    }

    async fn operation_page(&mut self, query: &OperationQuery) -> Rows<OperationPage> {
        let behind = |operation: &&Operation| {
            query.after.is_none_or(|place| (operation.requested_at, operation.id) < (place.requested_at, place.id))
        };
        let of_missions = |operation: &Operation, missions: &MissionSet| {
            missions.holds(operation.scope.mission_id())
                || operation.scope.session_id().is_some_and(|session| self.is_of(missions, session))
        };
        let wanted = |operation: &&Operation| {
            query.open.is_none_or(|open| open == operation.completed_at.is_none())
                && query.missions.as_ref().is_none_or(|missions| of_missions(operation, missions))
        };
        let mut found: Vec<&Operation> = self.operations.values().filter(behind).filter(wanted).collect();
        found.sort_unstable_by_key(|operation| Reverse((operation.requested_at, operation.id)));
        let operations: Vec<Operation> = found.iter().take(query.limit).map(|found| (*found).clone()).collect();
        let last = operations.last().filter(|_| found.len() > operations.len());
        let next = last.map(|last| OperationCursor { requested_at: last.requested_at, id: last.id });
        Ok(OperationPage { operations, next })
    }

    async fn target_page(&mut self, query: &TargetQuery) -> Rows<TargetPage> {
        let behind = |target: &&OperationTarget| {
            query.after.is_none_or(|at| (target.depth, target.session_id) < (at.depth, at.session_id))
        };
        let wanted = |target: &&OperationTarget| {
            (!query.unseen_only || !is_seen(target))
                && query.missions.as_ref().is_none_or(|missions| self.is_of(missions, target.session_id))
        };
        let mut found: Vec<&OperationTarget> = self.targets_of(query.operation).filter(behind).filter(wanted).collect();
        found.sort_unstable_by_key(|target| Reverse((target.depth, target.session_id)));
        let targets: Vec<OperationTarget> = found.iter().take(query.limit).map(|found| (*found).clone()).collect();
        let last = targets.last().filter(|_| found.len() > targets.len());
        let next = last.map(|last| TargetCursor { depth: last.depth, session_id: last.session_id });
        Ok(TargetPage { targets, next })
    }

    async fn remembered(&mut self, actor: &Actor, key: &IdempotencyKey) -> Rows<Option<Remembered>> {
        Ok(self.calls.get(&named(actor, key)).cloned())
    }

    async fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> Rows<()> {
        self.change(set_call, named(actor, key), Some(call.clone()));
        Ok(())
    }

    async fn forget_calls(&mut self, before: Timestamp) -> Rows<()> {
        let old = self.calls.iter().filter(|(_, call)| call.at < before);
        for key in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.change(set_call, key, None);
        }
        Ok(())
    }
}
