//! An operator has the guard watch a mission, or leave it alone.

use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::guard::GuardSwitch;
use crate::ports::{BudgetCommitted, Clock, StoreUnavailable, UsageRepository};
use crate::text::MissionId;

/// Switches the guard over agents that run wild, mission by mission.
#[derive(Clone)]
pub struct SwitchGuard {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
}

impl SwitchGuard {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn UsageRepository> + Has<dyn Clock>,
    {
        Self { usage: ports.port(), clock: ports.port() }
    }

    /// Has the agents of a mission watched or not, with an audit entry. It holds on every replica, from the next alarm on.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        mission: MissionId,
        watched: bool,
        origin: Origin,
    ) -> Result<BudgetCommitted, StoreUnavailable> {
        let by = origin.at(self.clock.now());
        self.usage.switch_guard(GuardSwitch { mission, watched, by }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::ids::AuditSeq;
    use crate::operator::Actor;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn it_is_asked_of_the_store_with_who_and_when() {
        let mut mocks = MockPorts::default();
        let stamped = |action: &GuardSwitch| action.by.at == at(0) && action.by.actor == Actor::local_cli();
        mocks
            .usage
            .expect_switch_guard()
            .withf(stamped)
            .times(1)
            .returning(|action| Ok(BudgetCommitted { account: action.decide(None).0, audit_seq: AuditSeq::new(1) }));
        let origin = Origin::new(Actor::local_cli(), RequestId::from(uuid::Uuid::nil()));
        let mission = MissionId::new("apollo").expect("valid");
        let done = SwitchGuard::new(&mocks.ports()).execute(mission, false, origin).await.expect("done");
        assert!(done.account.spared);
    }
}
