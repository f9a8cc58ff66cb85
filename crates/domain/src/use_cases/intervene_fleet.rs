//! An operator steps in on the whole fleet: kill all, release the kill switch.

use std::sync::Arc;

use super::hand_over::HandOver;
use super::stop_directly::{StopDirectly, Taken, Told};
use super::{Has, InterveneError, Providers};
use crate::action::{FleetAction, FleetCommitted, FleetIntervention, Origin};
use crate::audit::SpooledAction;
use crate::ids::OperationId;
use crate::operation::Wish;
use crate::ports::{
    Clock, CommandQueue, IdGenerator, OperationRepository, OperatorActionError, OperatorActions, SessionFilter,
    SessionRepository, StoreUnavailable, WakeUps,
};

/// An operator's action on the whole fleet.
#[derive(Clone)]
pub struct InterveneFleet {
    actions: Arc<dyn OperatorActions>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    hand_over: HandOver,
    directly: StopDirectly,
}

impl InterveneFleet {
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

    /// Commits the intervention with its audit entry. For a kill, every provider then gets its commands, leaves first.
    ///
    /// # Errors
    /// The key belongs to another call, or the store is not available.
    pub async fn execute(
        &self,
        intervention: FleetIntervention,
        origin: Origin,
    ) -> Result<Taken<FleetCommitted>, InterveneError> {
        let by = origin.at(self.clock.now());
        let operation = match intervention {
            FleetIntervention::KillAll => Some(OperationId::new(self.ids.uuid())),
            FleetIntervention::ReleaseKillSwitch => None,
        };
        let told = Told { wish: Wish::Kill, reason: by.reason.clone(), at: by.at };
        let committed = match self.actions.commit_fleet(FleetAction { intervention, operation, by }).await {
            Ok(committed) => committed,
            Err(OperatorActionError::Kept { kept, cause }) => return self.keep(&told, kept, cause).await,
            Err(error) => return Err(error),
        };
        self.wake_ups.feed_grew();
        if let Some(operation) = committed.operation {
            self.hand_over.execute(operation).await?;
        }
        Ok(Taken::at_once(committed))
    }

    /// The action is in the spool. What runs in this process stops now.
    async fn keep(
        &self,
        told: &Told,
        kept: Box<SpooledAction>,
        cause: StoreUnavailable,
    ) -> Result<Taken<FleetCommitted>, InterveneError> {
        let Ok(total) = self.directly.all(SessionFilter::default(), told).await else {
            return Err(OperatorActionError::Kept { kept, cause });
        };
        let operation = kept.operation();
        Ok(Taken::kept(FleetCommitted { total, operation, audit_seq: None, again: false }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::operation_id;
    use crate::ids::AuditSeq;
    use crate::operator::Actor;
    use crate::ports::TargetPage;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    async fn execute(mocks: MockPorts, intervention: FleetIntervention) -> FleetCommitted {
        let request = RequestId::new("req-1").expect("valid");
        let fleet = InterveneFleet::new(&mocks.ports(), &Providers::default());
        fleet.execute(intervention, Origin::new(Actor::system(), request)).await.expect("done").committed
    }

    fn committing(expected: Option<OperationId>) -> MockPorts {
        let mut mocks = MockPorts::default();
        mocks.actions.expect_commit_fleet().withf(move |action| action.operation == expected).times(1).returning(
            |action| {
                Ok(FleetCommitted {
                    total: 2,
                    operation: action.operation,
                    audit_seq: Some(AuditSeq::new(1)),
                    again: false,
                })
            },
        );
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        mocks
    }

    #[tokio::test]
    async fn the_kills_of_the_operation_are_handed_over() {
        let mut mocks = committing(Some(operation_id(900)));
        mocks
            .operations
            .expect_targets()
            .withf(|query| query.operation == operation_id(900))
            .times(1)
            .returning(|_| Ok(TargetPage { targets: Vec::new(), next: None }));
        assert_eq!(execute(mocks, FleetIntervention::KillAll).await.operation, Some(operation_id(900)));
    }

    #[tokio::test]
    async fn a_release_is_no_operation() {
        let released = execute(committing(None), FleetIntervention::ReleaseKillSwitch).await;
        assert_eq!(released.operation, None);
    }
}
