//! An operator steps in on a session and those around it.

use std::sync::Arc;

use super::hand_over::HandOver;
use super::stop_directly::{StopDirectly, Taken};
use super::{Has, InterveneError, Providers};
use crate::action::Origin;
use crate::audit::SpooledAction;
use crate::ids::{OperationId, SessionId};
use crate::operation::{Reach, ScopedAction, ScopedCommitted, Wish};
use crate::ports::{
    Clock, CommandQueue, IdGenerator, OperationRepository, OperatorActionError, OperatorActions, SessionRepository,
    StoreUnavailable, WakeUps,
};

/// The request for an action.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedRequest {
    /// The session that is named.
    pub session_id: SessionId,
    /// How far the action reaches from that session.
    pub reach: Reach,
    /// The wish.
    pub wish: Wish,
    /// For an interrupt: also take back the messages that wait.
    pub drop_queued: bool,
}

/// An operator's action on a session and those around it.
#[derive(Clone)]
pub struct InterveneScope {
    actions: Arc<dyn OperatorActions>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    hand_over: HandOver,
    directly: StopDirectly,
}

impl InterveneScope {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn CommandQueue>
            + Has<dyn OperatorActions>
            + Has<dyn OperationRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            actions: ports.port(),
            wake_ups: ports.port(),
            clock: ports.port(),
            ids: ports.port(),
            hand_over: HandOver::new(ports, providers),
            directly: StopDirectly::new(ports, providers),
        }
    }

    /// Commits the wish for all sessions of the scope with its audit entry, then hands the commands over, leaves first.
    /// The operation shows the result.
    ///
    /// # Errors
    /// A rule forbids it (and the refusal is on the audit log), or the store is not available. In the latter case the
    /// wish may be committed; agents that fetch their commands then act on it.
    pub async fn execute(
        &self,
        request: ScopedRequest,
        origin: Origin,
    ) -> Result<Taken<ScopedCommitted>, InterveneError> {
        let by = origin.at(self.clock.now());
        let ScopedRequest { session_id, reach, wish, drop_queued } = request;
        let operation = OperationId::new(self.ids.uuid());
        let action = ScopedAction { operation, session_id, reach, wish, drop_queued, by };
        let committed = match self.actions.commit_scoped(action.clone()).await {
            Ok(committed) => committed,
            Err(OperatorActionError::Kept { kept, cause }) => return self.keep(action, kept, cause).await,
            Err(error) => return Err(error),
        };
        self.wake_ups.feed_grew();
        self.hand_over.execute(committed.operation.id).await?;
        Ok(Taken::at_once(committed))
    }

    /// The action is in the spool. What runs in this process stops now.
    async fn keep(
        &self,
        action: ScopedAction,
        kept: Box<SpooledAction>,
        cause: StoreUnavailable,
    ) -> Result<Taken<ScopedCommitted>, InterveneError> {
        // Of the same call before this one the operation counts.
        let action = ScopedAction { operation: kept.operation().unwrap_or(action.operation), ..action };
        match self.directly.around(&action).await? {
            Some(operation) => Ok(Taken::kept(ScopedCommitted { operation, audit_seq: None, again: false })),
            None => Err(OperatorActionError::Kept { kept, cause }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionRefused;
    use crate::fixtures::{attribution, operation_id, session_id};
    use crate::ids::AuditSeq;
    use crate::operation::{Operation, Scope, Tally};
    use crate::operator::Actor;
    use crate::ports::TargetPage;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    async fn pause(mocks: MockPorts) -> Result<Taken<ScopedCommitted>, InterveneError> {
        let request =
            ScopedRequest { session_id: session_id(1), reach: Reach::Subtree, wish: Wish::Pause, drop_queued: false };
        let id = RequestId::new("req-1").expect("valid");
        let scope = InterveneScope::new(&mocks.ports(), &Providers::default());
        scope.execute(request, Origin::new(Actor::system(), id)).await
    }

    #[tokio::test]
    async fn the_commands_are_handed_over_after_the_commit() {
        let mut mocks = MockPorts::default();
        let mut order = mockall::Sequence::new();
        mocks.actions.expect_commit_scoped().times(1).in_sequence(&mut order).returning(|action| {
            let scope = Scope::Subtree(action.session_id);
            let operation =
                Operation::begin(action.operation, action.wish, scope, &attribution("because"), Tally::default());
            Ok(ScopedCommitted { operation, audit_seq: Some(AuditSeq::new(1)), again: false })
        });
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        mocks
            .operations
            .expect_targets()
            .withf(|query| query.operation == operation_id(900))
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(TargetPage { targets: Vec::new(), next: None }));
        assert_eq!(pause(mocks).await.expect("done").committed.operation.id, operation_id(900));
    }

    #[tokio::test]
    async fn a_refusal_is_handed_to_nobody() {
        let mut mocks = MockPorts::default();
        let refused = ActionRefused::UnknownSession(session_id(1));
        let given = refused.clone();
        mocks.actions.expect_commit_scoped().times(1).returning(move |_| Err(given.clone().into()));
        assert!(matches!(pause(mocks).await, Err(OperatorActionError::Refused(error)) if error == refused));
    }
}
