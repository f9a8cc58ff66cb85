//! Operator actions that may be done while the audit log cannot be written.

use std::sync::Arc;

use async_trait::async_trait;

use super::in_hand::{Held, InHand};
use crate::action::{
    Attribution, Committed, FleetAction, FleetCommitted, FleetIntervention, Intervention, OperatorAction,
};
use crate::audit::{AuditDraft, Fate, SpooledAction};
use crate::ids::AuditSeq;
use crate::operation::{ScopedAction, ScopedCommitted, Wish};
use crate::ports::{AuditSpool, IdGenerator, OperatorActionError, OperatorActions, StoreUnavailable};

/// Operator actions with a spool. When the audit log cannot be written, an action that stops agents is written to the
/// spool and then committed without its entry; every other action is refused as usual. An action that lets agents
/// continue has to wait for the kept stops: it is refused as long as one of them is still to be done, because the older
/// stop would otherwise undo it.
pub struct SpooledActions {
    inner: Arc<dyn OperatorActions>,
    spool: Arc<dyn AuditSpool>,
    ids: Arc<dyn IdGenerator>,
    in_hand: InHand,
}

impl SpooledActions {
    /// Adds a spool to operator actions.
    #[must_use]
    pub fn new(inner: Arc<dyn OperatorActions>, spool: Arc<dyn AuditSpool>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { inner, spool, ids, in_hand: InHand::default() }
    }

    /// The actions that are being tried.
    pub(super) fn in_hand(&self) -> InHand {
        self.in_hand.clone()
    }

    /// Keeps an action for which the audit log was not available.
    ///
    /// # Errors
    /// The action may not be kept, or the spool cannot be written: then it is refused for the first cause.
    async fn keep(
        &self,
        kept: Option<SpooledAction>,
        cause: StoreUnavailable,
    ) -> Result<(SpooledAction, Held, StoreUnavailable), OperatorActionError> {
        let Some(kept) = kept else { return Err(cause.into()) };
        if let Some(same) = self.kept_already(&kept).await {
            let held = self.in_hand.hold(same.id);
            return Ok((same, held, cause));
        }
        let held = self.in_hand.hold(kept.id);
        match self.spool.keep(kept.clone()).await {
            Ok(()) => Ok((kept, held, cause)),
            Err(_spool) => Err(cause.into()),
        }
    }

    /// The same call from an earlier attempt: with a key it is kept once.
    async fn kept_already(&self, kept: &SpooledAction) -> Option<SpooledAction> {
        kept.idempotency_key.as_ref()?;
        let waiting = self.spool.waiting().await.ok()?;
        let call = |action: &SpooledAction| (action.actor.clone(), action.idempotency_key.clone(), action.name());
        waiting.into_iter().map(|waiting| waiting.action).find(|there| call(there) == call(kept))
    }

    /// Refuses an action that would let agents continue while an earlier stop is still to be done.
    async fn stops_come_first(&self) -> Result<(), StoreUnavailable> {
        let open = self.spool.waiting().await?.iter().filter(|waiting| waiting.fate.is_none()).count();
        if open == 0 {
            return Ok(());
        }
        Err(StoreUnavailable::new(format!("{open} stops that were asked for before are still to be done")))
    }

    /// Notes the result of the second attempt.
    async fn settle<T>(
        &self,
        kept: &SpooledAction,
        cause: StoreUnavailable,
        done: Result<T, OperatorActionError>,
    ) -> Result<T, OperatorActionError> {
        let fate = match &done {
            Ok(_) => Fate::Done,
            Err(OperatorActionError::Refused(refused)) => Fate::NotDone(refused.to_string()),
            // It may be done all the same, with only the answer lost: whoever empties the spool looks, once it can.
            Err(_) => return Err(OperatorActionError::Kept { kept: Box::new(kept.clone()), cause }),
        };
        // When this cannot be noted, whoever empties the spool finds the operation, and does nothing twice.
        let _ = self.spool.settle(kept.id, fate).await;
        done
    }
}

fn without_entry(by: Attribution) -> Attribution {
    Attribution { spooled: true, ..by }
}

#[async_trait]
impl OperatorActions for SpooledActions {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        if action.intervention == Intervention::Resume {
            self.stops_come_first().await?;
        }
        let cause = match self.inner.commit(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, _held, cause) = self.keep(SpooledAction::one(self.ids.uuid(), &action), cause).await?;
        let again = OperatorAction { by: without_entry(action.by.clone()), ..action };
        let done = self.inner.commit(again).await;
        self.settle(&kept, cause, done).await
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        if action.wish == Wish::Resume {
            self.stops_come_first().await?;
        }
        let cause = match self.inner.commit_scoped(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, _held, cause) = self.keep(SpooledAction::around(self.ids.uuid(), &action), cause).await?;
        let again = ScopedAction { by: without_entry(action.by.clone()), ..action };
        let done = self.inner.commit_scoped(again).await;
        self.settle(&kept, cause, done).await
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        if action.intervention == FleetIntervention::ReleaseKillSwitch {
            self.stops_come_first().await?;
        }
        let cause = match self.inner.commit_fleet(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, _held, cause) = self.keep(SpooledAction::fleet(self.ids.uuid(), &action), cause).await?;
        let again = FleetAction { by: without_entry(action.by.clone()), ..action };
        let done = self.inner.commit_fleet(again).await;
        self.settle(&kept, cause, done).await
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        self.inner.record(entry).await
    }
}

#[cfg(test)]
mod tests {
    use mockall::Sequence;
    use mockall::predicate::eq;
    use uuid::Uuid;

    use super::*;
    use crate::action::ActionRefused;
    use crate::fixtures::{attribution, session, session_id};
    use crate::ports::{MockAuditSpool, MockIdGenerator, MockOperatorActions, Waiting};

    const ID: Uuid = Uuid::from_u128(900);

    fn away() -> OperatorActionError {
        StoreUnavailable::new("away").into()
    }

    fn done() -> Committed {
        let (session, again) = (session(1), false);
        Committed { session, message: None, command: None, operation: None, audit_seq: None, again }
    }

    async fn commit(
        inner: MockOperatorActions,
        spool: MockAuditSpool,
        intervention: Intervention,
    ) -> Result<Committed, OperatorActionError> {
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().return_const(ID);
        let action = OperatorAction {
            session_id: session_id(1),
            intervention,
            operation: None,
            able: None,
            by: attribution("because"),
        };
        SpooledActions::new(Arc::new(inner), Arc::new(spool), Arc::new(ids)).commit(action).await
    }

    /// Fails first; the second attempt comes after the spool has it, and leaves the entry out.
    fn failing_first(
        order: &mut Sequence,
        second: impl FnOnce() -> Result<Committed, OperatorActionError> + Send + 'static,
    ) -> (MockOperatorActions, MockAuditSpool) {
        let (mut inner, mut spool) = (MockOperatorActions::new(), MockAuditSpool::new());
        let with = |spooled| move |action: &OperatorAction| action.by.spooled == spooled;
        inner.expect_commit().withf(with(false)).times(1).in_sequence(order).returning(|_| Err(away()));
        spool.expect_keep().withf(|kept| kept.id == ID).times(1).in_sequence(order).returning(|_| Ok(()));
        inner.expect_commit().withf(with(true)).times(1).in_sequence(order).return_once(|_| second());
        (inner, spool)
    }

    #[tokio::test]
    async fn a_stop_is_kept_durably_before_it_is_done_without_its_entry() {
        let mut order = Sequence::new();
        let (inner, mut spool) = failing_first(&mut order, || Ok(done()));
        spool.expect_settle().with(eq(ID), eq(Fate::Done)).times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
        assert_eq!(commit(inner, spool, Intervention::Pause).await.expect("done").audit_seq, None);
    }

    #[tokio::test]
    async fn the_same_call_is_kept_once() {
        let key = crate::text::IdempotencyKey::new("k").ok();
        let by = Attribution { idempotency_key: key, ..attribution("because") };
        let kill = OperatorAction {
            session_id: session_id(1),
            intervention: Intervention::Kill,
            operation: None,
            able: None,
            by,
        };
        let action = SpooledAction::one(Uuid::from_u128(1), &kill).expect("a stop");
        let (mut inner, mut spool) = (MockOperatorActions::new(), MockAuditSpool::new());
        inner.expect_commit().times(2).returning(|_| Err(away()));
        spool.expect_waiting().times(1).return_once(|| Ok(vec![Waiting { action, fate: None }]));
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().return_const(ID);
        let actions = SpooledActions::new(Arc::new(inner), Arc::new(spool), Arc::new(ids));
        let kept = actions.commit(kill).await;
        assert!(matches!(kept, Err(OperatorActionError::Kept { kept, .. }) if kept.id == Uuid::from_u128(1)));
    }

    #[tokio::test]
    async fn what_is_being_tried_is_not_decided_by_others() {
        let spooled = SpooledAction::one(
            ID,
            &OperatorAction {
                session_id: session_id(1),
                intervention: Intervention::Pause,
                operation: None,
                able: None,
                by: attribution("because"),
            },
        );
        let lies = Waiting { action: spooled.expect("a stop"), fate: None };
        let mut spool = MockAuditSpool::new();
        spool.expect_waiting().times(2).returning(move || Ok(vec![lies.clone()]));
        let in_hand = InHand::default();
        let seen = crate::use_cases::in_hand::LetGo { spool: Arc::new(spool), in_hand: in_hand.clone() };
        let held = in_hand.hold(ID);
        assert!(seen.waiting().await.expect("read").is_empty());
        drop(held);
        assert_eq!(seen.waiting().await.expect("read").len(), 1);
    }

    #[tokio::test]
    async fn what_a_rule_forbids_is_settled_as_not_done() {
        let mut order = Sequence::new();
        let refused = ActionRefused::UnknownSession(session_id(1));
        let fate = Fate::NotDone(refused.to_string());
        let (inner, mut spool) = failing_first(&mut order, || Err(refused.into()));
        spool.expect_settle().with(eq(ID), eq(fate)).times(1).returning(|_, _| Ok(()));
        let answer = commit(inner, spool, Intervention::Kill).await;
        assert!(matches!(answer, Err(OperatorActionError::Refused(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn without_a_store_what_became_of_a_stop_stays_open() {
        let mut order = Sequence::new();
        let (inner, spool) = failing_first(&mut order, || Err(away()));
        let answer = commit(inner, spool, Intervention::Kill).await;
        assert!(matches!(answer, Err(OperatorActionError::Kept { .. })), "{answer:?}");
        let (inner, spool) = failing_first(&mut order, || Err(away()));
        let answer = commit(inner, spool, Intervention::Pause).await;
        assert!(matches!(answer, Err(OperatorActionError::Kept { .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn what_lets_agents_go_on_waits_for_the_stops_that_are_still_to_be_done() {
        let lying = |fate: Option<Fate>| {
            let pause = OperatorAction {
                session_id: session_id(2),
                intervention: Intervention::Pause,
                operation: None,
                able: None,
                by: attribution("because"),
            };
            let mut spool = MockAuditSpool::new();
            let action = SpooledAction::one(ID, &pause).expect("a stop");
            spool.expect_waiting().returning(move || Ok(vec![Waiting { action: action.clone(), fate: fate.clone() }]));
            spool
        };
        let answer = commit(MockOperatorActions::new(), lying(None), Intervention::Resume).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
        // Only the entry of that one is missing.
        let mut inner = MockOperatorActions::new();
        inner.expect_commit().times(1).returning(|_| Ok(done()));
        commit(inner, lying(Some(Fate::Done)), Intervention::Resume).await.expect("done");
    }

    #[tokio::test]
    async fn what_stops_nobody_and_what_no_spool_takes_is_refused() {
        let mut inner = MockOperatorActions::new();
        inner.expect_commit().times(1).returning(|_| Err(away()));
        let mut empty = MockAuditSpool::new();
        empty.expect_waiting().times(1).returning(|| Ok(Vec::new()));
        let answer = commit(inner, empty, Intervention::Resume).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
        let (mut inner, mut spool) = (MockOperatorActions::new(), MockAuditSpool::new());
        inner.expect_commit().times(1).returning(|_| Err(away()));
        spool.expect_keep().times(1).returning(|_| Err(StoreUnavailable::new("full")));
        let answer = commit(inner, spool, Intervention::Kill).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
    }
}
