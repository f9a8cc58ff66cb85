//! An operator sets the budget of a session or a mission.

use std::sync::Arc;

use super::{EnforceBudgets, Has};
use crate::action::Origin;
use crate::ports::{BudgetCommitted, Clock, SetBudgetError, UsageRepository};
use crate::usage::{AccountKey, Budget, BudgetAction};

/// Sets budgets.
#[derive(Clone)]
pub struct SetBudget {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
    enforce: Option<EnforceBudgets>,
}

impl SetBudget {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn UsageRepository> + Has<dyn Clock>,
    {
        Self { usage: ports.port(), clock: ports.port(), enforce: None }
    }

    /// Pauses sessions at once whose new budget is used up already. Without this the next call of [`EnforceBudgets`]
    /// does it.
    #[must_use]
    pub fn enforcing(self, enforce: EnforceBudgets) -> Self {
        Self { enforce: Some(enforce), ..self }
    }

    /// Sets or removes the budget of a subtree or a mission, with its audit entry. The pause for a budget that is used
    /// up already is a change of its own: if it fails the budget is still set, and the pause is still due.
    ///
    /// # Errors
    /// There is no such session (and the refusal is on the audit log), or the store is not available.
    pub async fn execute(
        &self,
        key: AccountKey,
        budget: Option<Budget>,
        origin: Origin,
    ) -> Result<BudgetCommitted, SetBudgetError> {
        let set = self.usage.set_budget(BudgetAction { key, budget, by: origin.at(self.clock.now()) }).await?;
        if let Some(enforce) = &self.enforce
            && set.account.exhausted.is_some_and(|used_up| !used_up.enforced)
        {
            // It has told of its failure, and the pause is due until it is done.
            drop(enforce.execute().await);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session_id};
    use crate::ids::AuditSeq;
    use crate::operator::Actor;
    use crate::ports::StoreUnavailable;
    use crate::text::RequestId;
    use crate::usage::{Account, Totals, Windows};
    use crate::use_cases::Providers;
    use crate::use_cases::testing::MockPorts;

    async fn set(enforcing: bool, mut mocks: MockPorts, account: Account) -> Result<BudgetCommitted, SetBudgetError> {
        let stamped = |action: &BudgetAction| action.by.at == at(0) && action.by.actor == Actor::local_cli();
        let (key, budget) = (account.key.clone(), account.budget);
        let committed = move |_| Ok(BudgetCommitted { account, audit_seq: AuditSeq::new(1) });
        mocks.usage.expect_set_budget().withf(stamped).times(1).return_once(committed);
        let ports = mocks.ports();
        let set = SetBudget::new(&ports);
        let enforce = EnforceBudgets::new(&ports, &Providers::default());
        let set = if enforcing { set.enforcing(enforce) } else { set };
        set.execute(key, budget, Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"))).await
    }

    fn account() -> Account {
        Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(
            Budget::new(None, Some(5)).ok(),
            Windows::default(),
            at(0),
        )
    }

    fn used_up() -> Account {
        account().book(Totals { input_tokens: 5, ..Totals::default() }, session_id(1), at(1)).0
    }

    #[tokio::test]
    async fn it_is_stamped_with_who_and_when_and_enforces_nothing_that_is_left() {
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().never();
        assert_eq!(set(true, mocks, account()).await.expect("set").account, account());
    }

    #[tokio::test]
    async fn a_budget_that_is_used_up_already_is_enforced_once_and_at_once() {
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().times(1).returning(|_| Ok(Vec::new()));
        assert!(set(true, mocks, used_up()).await.is_ok());
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().never();
        let enforced = used_up().enforced(at(1));
        assert!(set(true, mocks, enforced).await.is_ok(), "whoever went on after the pause is not paused again");
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().never();
        assert!(set(false, mocks, used_up()).await.is_ok());
    }

    #[tokio::test]
    async fn a_budget_is_set_also_when_its_pause_fails() {
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().times(1).returning(|_| Err(StoreUnavailable::new("away")));
        assert_eq!(set(true, mocks, used_up()).await.expect("set").account, used_up());
    }
}
