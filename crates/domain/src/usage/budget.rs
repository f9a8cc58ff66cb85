//! Budgets, and how they are set.

use std::collections::BTreeMap;

use super::{Account, AccountKey, Cost, Totals};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::ids::SessionId;
use crate::text::Reason;

/// The limits of a budget. The limit that is reached first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    max_cost: Option<Cost>,
    max_tokens: Option<u64>,
}

/// A budget that limits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limits nothing: give maxCostUsd, maxTokens or both")]
pub struct EmptyBudget;

impl Budget {
    /// A budget with at least one limit.
    ///
    /// # Errors
    /// Both limits are missing.
    pub fn new(max_cost: Option<Cost>, max_tokens: Option<u64>) -> Result<Self, EmptyBudget> {
        if max_cost.is_none() && max_tokens.is_none() {
            return Err(EmptyBudget);
        }
        Ok(Self { max_cost, max_tokens: max_tokens.map(|most| most.min(i64::MAX.unsigned_abs())) })
    }

    /// The largest cost.
    #[must_use]
    pub const fn max_cost(&self) -> Option<Cost> {
        self.max_cost
    }

    /// The largest number of tokens, of all kinds together.
    #[must_use]
    pub const fn max_tokens(&self) -> Option<u64> {
        self.max_tokens
    }

    /// Whether the budget is used up.
    #[must_use]
    pub fn is_reached(&self, totals: &Totals) -> bool {
        self.max_cost.is_some_and(|most| totals.cost >= most)
            || self.max_tokens.is_some_and(|most| totals.tokens() >= most)
    }
}

impl Account {
    /// The reason of the pause, for the audit log and for the conversations.
    #[must_use]
    pub fn why_paused(&self) -> Option<Reason> {
        let budget = self.budget.filter(|_| self.exhausted.is_some())?;
        let whose = match &self.key {
            AccountKey::Mission(mission) => format!("mission {mission}"),
            AccountKey::Session(id) | AccountKey::Subtree(id) => format!("session {id}"),
        };
        let cost = budget.max_cost.map(|most| format!("{} of {most} US dollars", self.totals.cost));
        let tokens = budget.max_tokens.map(|most| format!("{} of {most} tokens", self.totals.tokens()));
        let used: Vec<String> = cost.into_iter().chain(tokens).collect();
        Some(Reason::trusted(format!("the budget of {whose} is used up: {}", used.join(", "))))
    }
}

/// A person sets or removes the budget of a subtree or a mission.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetAction {
    /// The owner of the account.
    pub key: AccountKey,
    /// The budget; `None` removes the current one.
    pub budget: Option<Budget>,
    /// Who asks, and why.
    pub by: Attribution,
}

/// Why a budget was not set. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetRefused {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
}

/// The decision about a budget, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetDecision {
    /// The account to write, or why none is written.
    pub outcome: Result<Box<Account>, BudgetRefused>,
    /// What to write to the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl BudgetAction {
    /// Decides the action. A store calls this under the lock of the account, and says whether the session exists; a
    /// mission may get a budget before its first session.
    #[must_use]
    pub fn decide(&self, account: Option<Account>, session_is_there: bool) -> BudgetDecision {
        let (target, session) = match &self.key {
            AccountKey::Mission(mission) => (AuditTarget::Mission(mission.clone()), None),
            AccountKey::Session(id) | AccountKey::Subtree(id) => (AuditTarget::Session(*id), Some(*id)),
        };
        let mut details = self.details();
        if let Some(id) = session.filter(|_| !session_is_there) {
            let refused = BudgetRefused::UnknownSession(id);
            details.insert("refusal".to_owned(), refused.to_string());
            let audit = self.by.audit(ActionName::BudgetSet, target, AuditOutcome::Refused, details);
            return BudgetDecision { outcome: Err(refused), audit };
        }
        let account = account.unwrap_or_else(|| Account::open(self.key.clone(), self.by.at));
        let account = account.budgeted(self.budget, self.by.at);
        let audit = self.by.audit(ActionName::BudgetSet, target, AuditOutcome::Accepted, details);
        BudgetDecision { outcome: Ok(Box::new(account)), audit }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let Some(budget) = self.budget else { return BTreeMap::from([("removed".to_owned(), "true".to_owned())]) };
        let cost = budget.max_cost.map(|most| ("maxCostUsd".to_owned(), most.to_string()));
        let tokens = budget.max_tokens.map(|most| ("maxTokens".to_owned(), most.to_string()));
        cost.into_iter().chain(tokens).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, attribution, session_id};
    use crate::text::MissionId;

    fn dollars(amount: f64) -> Cost {
        Cost::try_from(amount).expect("an amount")
    }

    #[test]
    fn the_limit_that_is_reached_first_counts() {
        let budget = Budget::new(Some(dollars(1.0)), Some(100)).expect("a budget");
        let totals = |cost, tokens| Totals { cost: dollars(cost), output_tokens: tokens, ..Totals::default() };
        assert!(!budget.is_reached(&totals(0.99, 99)));
        assert!(budget.is_reached(&totals(1.0, 0)));
        assert!(budget.is_reached(&totals(0.0, 100)));
        assert_eq!(Budget::new(None, None), Err(EmptyBudget));
    }

    #[test]
    fn the_reason_says_whose_budget_and_how_much() {
        let mission = AccountKey::Mission(MissionId::new("apollo").expect("valid"));
        let budget = Budget::new(Some(dollars(1.0)), None).ok();
        let account = Account::open(mission, at(0)).budgeted(budget, at(0));
        assert_eq!(account.why_paused(), None);
        let used = Totals { cost: dollars(1.25), reports: 1, ..Totals::default() };
        let (account, _) = account.book(used, session_id(1), at(1));
        let why = account.why_paused().expect("used up");
        assert_eq!(why.as_str(), "the budget of mission apollo is used up: 1.25 of 1.00 US dollars");
    }

    #[test]
    fn setting_one_stands_on_the_record_and_so_does_a_refusal() {
        let action = BudgetAction {
            key: AccountKey::Subtree(session_id(1)),
            budget: Budget::new(Some(dollars(2.5)), None).ok(),
            by: attribution("careful"),
        };
        let decision = action.decide(None, true);
        assert_eq!(decision.audit.details["maxCostUsd"], "2.50");
        assert_eq!(decision.outcome.expect("allowed").budget, action.budget);
        let refused = action.decide(None, false);
        assert_eq!(refused.outcome, Err(BudgetRefused::UnknownSession(session_id(1))));
        assert_eq!(refused.audit.outcome, AuditOutcome::Refused);
        let removal = BudgetAction { budget: None, ..action }.decide(None, true);
        assert_eq!(removal.audit.details["removed"], "true");
    }
}
