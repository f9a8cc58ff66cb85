//! Actions that were done while the audit log could not be written get their entries.

use std::sync::Arc;

use super::hand_over::HandOver;
use super::{Has, MayHave, Providers};
use crate::action::ActionName;
use crate::audit::{AuditDraft, AuditOutcome, Fate, SpooledAction, SpooledIntervention, Stop};
use crate::operation::Wish;
use crate::ports::{
    AuditFilter, AuditLog, AuditSpool, Clock, CommandQueue, OperationRepository, OperatorActionError, OperatorActions,
    SessionRepository, StoreUnavailable, Waiting, WakeUps,
};
use crate::time::Timestamp;

/// Folds the spool into the audit log.
#[derive(Clone)]
pub struct FoldSpool {
    spool: Arc<dyn AuditSpool>,
    actions: Arc<dyn OperatorActions>,
    audit: Arc<dyn AuditLog>,
    operations: Arc<dyn OperationRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    hand_over: HandOver,
}

/// How many entries of one action after a time are searched for one that exists already.
const LOOKED_THROUGH: usize = 1_000;

impl FoldSpool {
    /// Takes the ports it needs; `None` in a deployment without a spool.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Option<Self>
    where
        P: Has<dyn SessionRepository>
            + Has<dyn CommandQueue>
            + Has<dyn OperatorActions>
            + Has<dyn OperationRepository>
            + Has<dyn AuditLog>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + MayHave<Arc<dyn AuditSpool>>,
    {
        Some(Self {
            spool: ports.optional()?,
            actions: ports.port(),
            audit: ports.port(),
            operations: ports.port(),
            wake_ups: ports.port(),
            clock: ports.port(),
            hand_over: HandOver::new(ports, providers),
        })
    }

    /// Handles everything in the spool, oldest first: it does what is still to be done, writes the entry, and removes
    /// the action from the spool. Returns the number of actions.
    ///
    /// # Errors
    /// The log still cannot be written. The remaining actions stay in their order.
    pub async fn execute(&self) -> Result<usize, StoreUnavailable> {
        let waiting = self.spool.waiting().await?;
        for Waiting { action, fate } in &waiting {
            let fate = match fate {
                Some(fate) => fate.clone(),
                None => self.make_up_for(action).await?,
            };
            let entry = action.entry(&fate, self.clock.now());
            if !self.is_recorded(action, &entry).await? {
                self.actions.record(entry).await?;
            }
            self.spool.remove(action.id).await?;
        }
        Ok(waiting.len())
    }

    /// Does what could not be done before, and notes it at once, so that it is not done twice.
    async fn make_up_for(&self, action: &SpooledAction) -> Result<Fate, StoreUnavailable> {
        let fate = if self.was_done(action).await? {
            Fate::Done
        } else if self.was_taken_back(action).await? {
            Fate::NotDone("it was resumed since".to_owned())
        } else {
            match self.commit(action).await {
                Ok(()) => Fate::DoneLate,
                Err(OperatorActionError::Refused(refused)) => Fate::NotDone(refused.to_string()),
                Err(OperatorActionError::Unavailable(cause) | OperatorActionError::Kept { cause, .. }) => {
                    return Err(cause);
                }
            }
        };
        self.spool.settle(action.id, fate.clone()).await?;
        if let (Fate::DoneLate, Some(operation)) = (&fate, action.operation()) {
            self.wake_ups.feed_grew();
            self.hand_over.execute(operation).await?;
        }
        Ok(fate)
    }

    /// Whether the action was done at once although this was not noted: then its operation exists.
    async fn was_done(&self, action: &SpooledAction) -> Result<bool, StoreUnavailable> {
        match action.operation() {
            Some(operation) => Ok(self.operations.operation(operation).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Whether the session of a pause was resumed meanwhile, at another replica; the later wish counts. A kill cannot
    /// be undone.
    async fn was_taken_back(&self, action: &SpooledAction) -> Result<bool, StoreUnavailable> {
        let (Stop::One { session, wish, .. } | Stop::Around { session, wish, .. }) = &action.stop else {
            return Ok(false);
        };
        if *wish != Wish::Pause {
            return Ok(false);
        }
        let filter = AuditFilter {
            session_id: Some(*session),
            action: Some(ActionName::Resume),
            from: Some(action.at),
            ..AuditFilter::default()
        };
        let page = self.audit.page(filter, None, LOOKED_THROUGH).await?;
        Ok(page.iter().any(|sealed| sealed.entry().is_ok_and(|there| there.outcome == AuditOutcome::Accepted)))
    }

    async fn commit(&self, action: &SpooledAction) -> Result<(), OperatorActionError> {
        match action.action() {
            SpooledIntervention::One(action) => self.actions.commit(action).await.map(drop),
            SpooledIntervention::Around(action) => self.actions.commit_scoped(action).await.map(drop),
            SpooledIntervention::Fleet(action) => self.actions.commit_fleet(action).await.map(drop),
        }
    }

    /// Whether an earlier run wrote the entry and could not remove the action from the spool, or the first attempt
    /// wrote it and only its answer was lost.
    async fn is_recorded(&self, action: &SpooledAction, entry: &AuditDraft) -> Result<bool, StoreUnavailable> {
        let next = Timestamp::from_micros(action.at.as_micros().saturating_add(1));
        let filter = AuditFilter {
            actor: Some(action.actor.clone()),
            action: Some(entry.action),
            from: Some(action.at),
            to: next,
            ..AuditFilter::default()
        };
        let page = self.audit.page(filter, None, LOOKED_THROUGH).await?;
        let named = |sealed: &crate::audit::SealedAuditEntry| {
            sealed.entry().is_ok_and(|there| {
                let same =
                    |name: &str| entry.details.contains_key(name) && there.details.get(name) == entry.details.get(name);
                same("spooled") || (there.outcome == entry.outcome && same("operationId"))
            })
        };
        Ok(page.iter().any(named))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mockall::Sequence;
    use mockall::predicate::eq;
    use uuid::Uuid;

    use super::*;
    use crate::action::{ActionRefused, Committed, Intervention, OperatorAction};
    use crate::audit::{AuditHead, AuditTarget};
    use crate::fixtures::{at, attribution, operation_id, session, session_id};
    use crate::ids::AuditSeq;
    use crate::operation::{Operation, Scope, Tally};
    use crate::ports::{MockAuditSpool, TargetPage};
    use crate::use_cases::Ports;
    use crate::use_cases::testing::MockPorts;

    fn stop(n: u128, intervention: Intervention) -> SpooledAction {
        let by = attribution("because");
        let action = OperatorAction {
            session_id: session_id(n),
            intervention,
            operation: Some(operation_id(n)),
            able: None,
            by,
        };
        SpooledAction::one(Uuid::from_u128(n), &action).expect("a stop")
    }

    fn lying(waiting: Vec<Waiting>) -> MockAuditSpool {
        let mut spool = MockAuditSpool::new();
        spool.expect_waiting().times(1).return_once(move || Ok(waiting));
        spool
    }

    async fn fold(mocks: MockPorts, spool: MockAuditSpool) -> Result<usize, StoreUnavailable> {
        let ports = Ports { spool: Some(Arc::new(spool)), ..mocks.ports() };
        FoldSpool::new(&ports, &Providers::default()).expect("a spool").execute().await
    }

    fn nothing_recorded_yet(mocks: &mut MockPorts) {
        mocks.operations.expect_operation().returning(|_| Ok(None));
        mocks.audit.expect_page().returning(|_, _, _| Ok(Vec::new()));
    }

    #[tokio::test]
    async fn entries_follow_in_order_and_each_is_written_before_it_leaves_the_spool() {
        let kept = |n, fate| Waiting { action: stop(n, Intervention::Pause), fate: Some(fate) };
        let mut spool = lying(vec![kept(1, Fate::Done), kept(2, Fate::NotDone("it has ended".to_owned()))]);
        let (mut mocks, mut order) = (MockPorts::default(), Sequence::new());
        nothing_recorded_yet(&mut mocks);
        for (n, outcome) in [(1, AuditOutcome::Accepted), (2, AuditOutcome::Refused)] {
            let id = Uuid::from_u128(n);
            mocks
                .actions
                .expect_record()
                .withf(move |entry| entry.outcome == outcome && entry.details["spooled"] == id.to_string())
                .times(1)
                .in_sequence(&mut order)
                .returning(|_| Ok(AuditSeq::new(1)));
            spool.expect_remove().with(eq(id)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        }
        assert_eq!(fold(mocks, spool).await.expect("folded"), 2);
    }

    #[tokio::test]
    async fn a_stop_is_made_up_for_once_and_handed_over() {
        for intervention in [Intervention::Kill, Intervention::Pause] {
            made_up_for(intervention).await;
        }
    }

    async fn made_up_for(intervention: Intervention) {
        let mut spool = lying(vec![Waiting { action: stop(1, intervention.clone()), fate: None }]);
        let (mut mocks, mut order) = (MockPorts::default(), Sequence::new());
        nothing_recorded_yet(&mut mocks);
        mocks
            .actions
            .expect_commit()
            .withf(move |action| action.by.spooled && action.intervention == intervention)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| {
                let (session, again) = (session(1), false);
                Ok(Committed { session, message: None, command: None, operation: None, audit_seq: None, again })
            });
        let id = Uuid::from_u128(1);
        let noted = spool.expect_settle().with(eq(id), eq(Fate::DoneLate)).times(1).in_sequence(&mut order);
        noted.returning(|_, _| Ok(()));
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        mocks
            .operations
            .expect_targets()
            .withf(|query| query.operation == operation_id(1))
            .times(1)
            .returning(|_| Ok(TargetPage { targets: Vec::new(), next: None }));
        mocks
            .actions
            .expect_record()
            .withf(|entry| entry.details.contains_key("doneAt"))
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(AuditSeq::new(1)));
        spool.expect_remove().with(eq(id)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
    }

    /// A crash came between the action and the note in the spool.
    #[tokio::test]
    async fn what_was_done_already_is_not_done_again() {
        for intervention in [Intervention::Kill, Intervention::Pause] {
            let mut spool = lying(vec![Waiting { action: stop(1, intervention), fate: None }]);
            let mut mocks = MockPorts::default();
            mocks.audit.expect_page().returning(|_, _, _| Ok(Vec::new()));
            mocks.operations.expect_operation().with(eq(operation_id(1))).times(1).returning(|id| {
                let scope = Scope::Session(session_id(1));
                Ok(Some(Operation::begin(id, Wish::Kill, scope, &attribution("because"), Tally::default())))
            });
            spool.expect_settle().with(eq(Uuid::from_u128(1)), eq(Fate::Done)).times(1).returning(|_, _| Ok(()));
            let accepted = |entry: &AuditDraft| entry.outcome == AuditOutcome::Accepted;
            mocks.actions.expect_record().withf(accepted).times(1).returning(|_| Ok(AuditSeq::new(1)));
            spool.expect_remove().times(1).returning(|_| Ok(()));
            assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
        }
    }

    #[tokio::test]
    async fn a_pause_is_not_made_up_for_when_it_was_taken_back_since() {
        let mut spool = lying(vec![Waiting { action: stop(1, Intervention::Pause), fate: None }]);
        let mut mocks = MockPorts::default();
        mocks.operations.expect_operation().returning(|_| Ok(None));
        mocks.audit.expect_page().returning(|filter, _, _| {
            if filter.action != Some(ActionName::Resume) {
                return Ok(Vec::new());
            }
            assert_eq!((filter.session_id, filter.from), (Some(session_id(1)), Some(at(0))));
            let target = AuditTarget::Session(session_id(1));
            let since = attribution("go on").audit(ActionName::Resume, target, AuditOutcome::Accepted, BTreeMap::new());
            Ok(vec![since.seal(AuditHead::EMPTY)])
        });
        spool.expect_settle().withf(|_, fate| matches!(fate, Fate::NotDone(_))).times(1).returning(|_, _| Ok(()));
        let refused = |entry: &AuditDraft| entry.outcome == AuditOutcome::Refused;
        mocks.actions.expect_record().withf(refused).times(1).returning(|_| Ok(AuditSeq::new(1)));
        spool.expect_remove().times(1).returning(|_| Ok(()));
        assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
    }

    #[tokio::test]
    async fn what_a_rule_forbids_by_now_is_recorded_as_not_done() {
        let mut spool = lying(vec![Waiting { action: stop(1, Intervention::Kill), fate: None }]);
        let mut mocks = MockPorts::default();
        nothing_recorded_yet(&mut mocks);
        let refused = ActionRefused::UnknownSession(session_id(1));
        let told = refused.to_string();
        mocks.actions.expect_commit().times(1).return_once(|_| Err(refused.into()));
        spool.expect_settle().times(1).returning(|_, _| Ok(()));
        let says = move |entry: &AuditDraft| entry.details["refusal"] == told;
        mocks.actions.expect_record().withf(says).times(1).returning(|_| Ok(AuditSeq::new(1)));
        spool.expect_remove().times(1).returning(|_| Ok(()));
        assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
    }

    #[tokio::test]
    async fn an_entry_that_is_there_already_is_not_written_again() {
        let action = stop(1, Intervention::Kill);
        let there = action.entry(&Fate::Done, at(5)).seal(AuditHead::EMPTY);
        let mut spool = lying(vec![Waiting { action, fate: Some(Fate::Done) }]);
        let mut mocks = MockPorts::default();
        mocks
            .audit
            .expect_page()
            .withf(|filter, _, _| filter.from == Some(at(0)) && filter.actor.is_some())
            .times(1)
            .return_once(move |_, _, _| Ok(vec![there]));
        spool.expect_remove().times(1).returning(|_| Ok(()));
        assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
    }

    /// The answer to the first attempt was lost, not what it wrote.
    #[tokio::test]
    async fn an_entry_of_the_first_attempt_is_not_written_again() {
        let action = stop(1, Intervention::Pause);
        let mut first = action.entry(&Fate::Done, at(5));
        first.details.remove("spooled");
        let there = first.seal(AuditHead::EMPTY);
        let mut spool = lying(vec![Waiting { action, fate: Some(Fate::Done) }]);
        let mut mocks = MockPorts::default();
        mocks.audit.expect_page().times(1).return_once(move |_, _, _| Ok(vec![there]));
        spool.expect_remove().times(1).returning(|_| Ok(()));
        assert_eq!(fold(mocks, spool).await.expect("folded"), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_written_yet_stays() {
        let kept = |n| Waiting { action: stop(n, Intervention::Kill), fate: Some(Fate::Done) };
        let spool = lying(vec![kept(1), kept(2)]);
        let mut mocks = MockPorts::default();
        nothing_recorded_yet(&mut mocks);
        mocks.actions.expect_record().times(1).returning(|_| Err(StoreUnavailable::new("still away")));
        fold(mocks, spool).await.expect_err("nothing leaves the spool");
    }
}
