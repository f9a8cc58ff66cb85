//! Operator actions that go on while the audit log cannot be written, where they may.

use std::sync::Arc;

use async_trait::async_trait;

use crate::action::{Attribution, OperatorAction};
use crate::audit::{AuditDraft, Fate, SpooledAction};
use crate::ids::AuditSeq;
use crate::operation::ScopedAction;
use crate::ports::{
    AuditSpool, Committed, FleetAction, FleetCommitted, IdGenerator, OperatorActionError, OperatorActions,
    ScopedCommitted, StoreUnavailable,
};

/// Operator actions with a spool behind them. What stops agents and finds no audit log is put into the spool and then
/// committed without its entry; everything else is refused as ever.
pub struct SpooledActions {
    inner: Arc<dyn OperatorActions>,
    spool: Arc<dyn AuditSpool>,
    ids: Arc<dyn IdGenerator>,
}

impl SpooledActions {
    /// Puts a spool behind operator actions.
    #[must_use]
    pub fn new(inner: Arc<dyn OperatorActions>, spool: Arc<dyn AuditSpool>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { inner, spool, ids }
    }

    /// Keeps an action that found no audit log.
    ///
    /// # Errors
    /// It may not be kept, or the spool cannot: then it is refused for the first cause.
    async fn keep(
        &self,
        kept: Option<SpooledAction>,
        cause: StoreUnavailable,
    ) -> Result<(SpooledAction, StoreUnavailable), OperatorActionError> {
        let Some(kept) = kept else { return Err(cause.into()) };
        if let Some(same) = self.kept_already(&kept).await {
            return Ok((same, cause));
        }
        match self.spool.keep(kept.clone()).await {
            Ok(()) => Ok((kept, cause)),
            Err(_spool) => Err(cause.into()),
        }
    }

    /// The same call with a key, from an earlier attempt: it is kept once.
    async fn kept_already(&self, kept: &SpooledAction) -> Option<SpooledAction> {
        kept.idempotency_key.as_ref()?;
        let waiting = self.spool.waiting().await.ok()?;
        let call = |action: &SpooledAction| (action.actor.clone(), action.idempotency_key.clone(), action.name());
        waiting.into_iter().map(|waiting| waiting.action).find(|there| call(there) == call(kept))
    }

    /// Notes what the second attempt came to.
    async fn settle<T>(
        &self,
        kept: &SpooledAction,
        cause: StoreUnavailable,
        done: Result<T, OperatorActionError>,
    ) -> Result<T, OperatorActionError> {
        let fate = match &done {
            Ok(_) => Fate::Done,
            Err(OperatorActionError::Refused(refused)) => Fate::NotDone(refused.to_string()),
            Err(_) if kept.is_made_up_for() => return Err(OperatorActionError::Kept(cause)),
            // It goes on the log as one that was not done.
            Err(_) => {
                let _ = self.spool.settle(kept.id, kept.too_late()).await;
                return Err(cause.into());
            }
        };
        // When this cannot be noted, a kill is done once more later, which changes nothing.
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
        let cause = match self.inner.commit(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, cause) = self.keep(SpooledAction::one(self.ids.uuid(), &action), cause).await?;
        let again = OperatorAction { by: without_entry(action.by.clone()), ..action };
        let done = self.inner.commit(again).await;
        self.settle(&kept, cause, done).await
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        let cause = match self.inner.commit_scoped(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, cause) = self.keep(SpooledAction::around(self.ids.uuid(), &action), cause).await?;
        let again = ScopedAction { by: without_entry(action.by.clone()), ..action };
        let done = self.inner.commit_scoped(again).await;
        self.settle(&kept, cause, done).await
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        let cause = match self.inner.commit_fleet(action.clone()).await {
            Err(OperatorActionError::Unavailable(cause)) => cause,
            answer => return answer,
        };
        let (kept, cause) = self.keep(SpooledAction::fleet(self.ids.uuid(), &action), cause).await?;
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
    use crate::action::{ActionRefused, Intervention};
    use crate::fixtures::{attribution, session, session_id};
    use crate::ports::{MockAuditSpool, MockIdGenerator, MockOperatorActions};

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
        spool.expect_waiting().times(1).return_once(|| Ok(vec![crate::ports::Waiting { action, fate: None }]));
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().return_const(ID);
        let actions = SpooledActions::new(Arc::new(inner), Arc::new(spool), Arc::new(ids));
        assert!(matches!(actions.commit(kill).await, Err(OperatorActionError::Kept(_))));
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
    async fn without_a_store_a_kill_stays_to_be_done_and_a_pause_does_not() {
        let mut order = Sequence::new();
        let (inner, spool) = failing_first(&mut order, || Err(away()));
        let answer = commit(inner, spool, Intervention::Kill).await;
        assert!(matches!(answer, Err(OperatorActionError::Kept(_))), "{answer:?}");
        let (inner, mut spool) = failing_first(&mut order, || Err(away()));
        let too_late = |fate: &Fate| matches!(fate, Fate::NotDone(_));
        spool.expect_settle().withf(move |id, fate| *id == ID && too_late(fate)).times(1).returning(|_, _| Ok(()));
        let answer = commit(inner, spool, Intervention::Pause).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn what_stops_nobody_and_what_no_spool_takes_is_refused() {
        let mut inner = MockOperatorActions::new();
        inner.expect_commit().times(1).returning(|_| Err(away()));
        let answer = commit(inner, MockAuditSpool::new(), Intervention::Resume).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
        let (mut inner, mut spool) = (MockOperatorActions::new(), MockAuditSpool::new());
        inner.expect_commit().times(1).returning(|_| Err(away()));
        spool.expect_keep().times(1).returning(|_| Err(StoreUnavailable::new("full")));
        let answer = commit(inner, spool, Intervention::Kill).await;
        assert!(matches!(answer, Err(OperatorActionError::Unavailable(_))), "{answer:?}");
    }
}
