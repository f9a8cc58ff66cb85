//! An operator says what a session or a mission may use.

use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::ports::{BudgetCommitted, Clock, SetBudgetError, UsageRepository};
use crate::usage::{AccountKey, Budget, BudgetAction};

/// Sets budgets.
#[derive(Clone)]
pub struct SetBudget {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
}

impl SetBudget {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn UsageRepository> + Has<dyn Clock>,
    {
        Self { usage: ports.port(), clock: ports.port() }
    }

    /// Sets the budget of a subtree or a mission, or takes it away, together with its audit entry. One that is used up
    /// already is followed by its pause ([`super::EnforceBudgets`]).
    ///
    /// # Errors
    /// There is no such session (and the refusal is on the audit log), or the store is not available.
    pub async fn execute(
        &self,
        key: AccountKey,
        budget: Option<Budget>,
        origin: Origin,
    ) -> Result<BudgetCommitted, SetBudgetError> {
        self.usage.set_budget(BudgetAction { key, budget, by: origin.at(self.clock.now()) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session_id};
    use crate::ids::AuditSeq;
    use crate::operator::Actor;
    use crate::text::RequestId;
    use crate::usage::Account;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn it_is_stamped_with_who_and_when() {
        let mut mocks = MockPorts::default();
        let stamped = |action: &BudgetAction| action.by.at == at(0) && action.by.actor == Actor::local_cli();
        mocks.usage.expect_set_budget().withf(stamped).times(1).returning(|action| {
            let account = Account::open(action.key, at(0)).budgeted(action.budget, at(0));
            Ok(BudgetCommitted { account, audit_seq: AuditSeq::new(1) })
        });
        let origin = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
        let budget = Budget::new(None, Some(5)).ok();
        let key = AccountKey::Subtree(session_id(1));
        let set = SetBudget::new(&mocks.ports()).execute(key, budget, origin).await.expect("set");
        assert_eq!(set.account.budget, budget);
    }
}
