//! Budgets, and how they are set.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Account, AccountKey, Cost, Limits, Span, Spent, Windows};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::ids::SessionId;
use crate::text::Reason;
use crate::time::Timestamp;

/// What may be used: in all, in a month and in a day. The limit that is reached first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    total: Limits,
    per_month: Limits,
    per_day: Limits,
    warn_at: u8,
}

/// Why limits are no budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBudget {
    /// There is none.
    #[error("limits nothing: give maxCostUsd or maxTokens, for the total, perDay or perMonth")]
    Empty,
    /// The warning comes at no such share.
    #[error("warnAtPercent is {0}: a number from 1 to 99, or 0 for no warning")]
    WarnAt(u64),
}

impl Budget {
    /// The share at which a warning comes unless another one is asked for, in hundredths.
    pub const WARN_AT: u8 = 80;

    /// A budget with limits for all time alone.
    ///
    /// # Errors
    /// Both limits are missing.
    pub fn new(max_cost: Option<Cost>, max_tokens: Option<u64>) -> Result<Self, InvalidBudget> {
        let total = Limits { max_cost, max_tokens };
        Self::of(total, Limits::default(), Limits::default(), u64::from(Self::WARN_AT))
    }

    /// A budget with at least one limit. The warning comes when so many hundredths of a limit are used; 0 for none.
    ///
    /// # Errors
    /// There is no limit, or the share is above 99.
    pub fn of(total: Limits, per_month: Limits, per_day: Limits, warn_at: u64) -> Result<Self, InvalidBudget> {
        if total.is_empty() && per_month.is_empty() && per_day.is_empty() {
            return Err(InvalidBudget::Empty);
        }
        let share = u8::try_from(warn_at).ok().filter(|share| *share < 100);
        let warn_at = share.ok_or(InvalidBudget::WarnAt(warn_at))?;
        let kept = |limits: Limits| {
            let max_tokens = limits.max_tokens.map(|most| most.min(i64::MAX.unsigned_abs()));
            Limits { max_tokens, ..limits }
        };
        Ok(Self { total: kept(total), per_month: kept(per_month), per_day: kept(per_day), warn_at })
    }

    /// The limits for a time.
    #[must_use]
    pub const fn limits(&self, span: Span) -> Limits {
        match span {
            Span::Total => self.total,
            Span::Month => self.per_month,
            Span::Day => self.per_day,
        }
    }

    /// Whether it has limits for this time.
    #[must_use]
    pub const fn has(&self, span: Span) -> bool {
        !self.limits(span).is_empty()
    }

    /// The largest cost in all.
    #[must_use]
    pub const fn max_cost(&self) -> Option<Cost> {
        self.total.max_cost
    }

    /// The largest number of tokens in all, of all kinds together.
    #[must_use]
    pub const fn max_tokens(&self) -> Option<u64> {
        self.total.max_tokens
    }

    /// The share of a limit at which a warning comes, in hundredths; 0 for no warning.
    #[must_use]
    pub const fn warn_at(&self) -> u8 {
        self.warn_at
    }

    /// Whether the line of the warning is reached.
    #[must_use]
    pub fn is_near(&self, span: Span, spent: &Spent) -> bool {
        self.warn_at > 0 && self.limits(span).is_share_reached(self.warn_at, spent)
    }
}

impl Account {
    /// Whose budget for which time it is, in words.
    fn whose(&self, span: Span) -> String {
        let owner = match &self.key {
            AccountKey::Mission(mission) => format!("mission {mission}"),
            AccountKey::Session(id) | AccountKey::Subtree(id) => format!("session {id}"),
        };
        let since = self.windows.of(span).map(|window| window.since.to_string());
        match (span, since) {
            (Span::Day, Some(day)) => format!("the budget of {owner} for {day}"),
            (Span::Month, Some(month)) => format!("the budget of {owner} for {}", month.get(..7).unwrap_or(&month)),
            _ => format!("the budget of {owner}"),
        }
    }

    /// The reason of the pause, for the audit log and for the conversations.
    #[must_use]
    pub fn why_paused(&self) -> Option<Reason> {
        let (budget, by) = (self.budget?, self.exhausted?.by);
        let used = budget.limits(by).told(&self.spent(by));
        Some(Reason::trusted(format!("{} is used up: {used}", self.whose(by))))
    }

    /// The event of a warning, which a booking of this session has raised.
    #[must_use]
    pub fn warning(&self, span: Span, session: SessionId, at: Timestamp) -> Option<FleetEventDraft> {
        let budget = self.budget?;
        let (limits, spent) = (budget.limits(span), self.spent(span));
        let why = format!("{} % of {} is used: {}", budget.warn_at, self.whose(span), limits.told(&spent));
        let (about, mission) = match &self.key {
            AccountKey::Mission(mission) => (None, Some(mission)),
            AccountKey::Session(id) | AccountKey::Subtree(id) => (Some(*id), None),
        };
        let data = json!({
            "change": "warned",
            "scope": self.key.scope(),
            "missionId": mission,
            "lastSessionId": session,
            "span": span.as_str(),
            "percent": budget.warn_at,
            "costUsd": spent.cost,
            "tokens": spent.tokens,
            "maxCostUsd": limits.max_cost,
            "maxTokens": limits.max_tokens,
            "why": why,
        });
        Some(FleetEventDraft::new(FleetEventKind::Budget, about, at, data))
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
    /// mission may get a budget before its first session. `used` is what was used in the current month and on this day.
    #[must_use]
    pub fn decide(&self, account: Option<Account>, session_is_there: bool, used: Windows) -> BudgetDecision {
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
        let account = account.budgeted(self.budget, used, self.by.at);
        let audit = self.by.audit(ActionName::BudgetSet, target, AuditOutcome::Accepted, details);
        BudgetDecision { outcome: Ok(Box::new(account)), audit }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let Some(budget) = self.budget else { return BTreeMap::from([("removed".to_owned(), "true".to_owned())]) };
        let mut details = BTreeMap::new();
        for (span, cost, tokens) in [
            (Span::Total, "maxCostUsd", "maxTokens"),
            (Span::Month, "perMonth.maxCostUsd", "perMonth.maxTokens"),
            (Span::Day, "perDay.maxCostUsd", "perDay.maxTokens"),
        ] {
            let Limits { max_cost, max_tokens } = budget.limits(span);
            details.extend(max_cost.map(|most| (cost.to_owned(), most.to_string())));
            details.extend(max_tokens.map(|most| (tokens.to_owned(), most.to_string())));
        }
        if budget.warn_at != Budget::WARN_AT {
            details.insert("warnAtPercent".to_owned(), budget.warn_at.to_string());
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Day;
    use crate::fixtures::{at, attribution, session_id};
    use crate::text::MissionId;
    use crate::usage::Totals;

    fn dollars(amount: f64) -> Cost {
        Cost::try_from(amount).expect("an amount")
    }

    #[test]
    fn a_budget_limits_something_and_warns_before_its_end() {
        assert_eq!(Budget::new(None, None), Err(InvalidBudget::Empty));
        let day = Limits { max_tokens: Some(u64::MAX), ..Limits::default() };
        let budget = Budget::of(Limits::default(), Limits::default(), day, 0).expect("a budget");
        assert_eq!(budget.limits(Span::Day).max_tokens, Some(i64::MAX.unsigned_abs()), "what a store can keep");
        assert!(!budget.is_near(Span::Day, &Spent { cost: Cost::ZERO, tokens: u64::MAX }), "without a warning");
        assert_eq!(Budget::of(day, day, day, 100), Err(InvalidBudget::WarnAt(100)));
    }

    #[test]
    fn the_reason_says_whose_budget_and_how_much() {
        let mission = AccountKey::Mission(MissionId::new("apollo").expect("valid"));
        let budget = Budget::new(Some(dollars(1.0)), None).ok();
        let account = Account::open(mission, at(0)).budgeted(budget, Windows::default(), at(0));
        assert_eq!(account.why_paused(), None);
        let used = Totals { cost: dollars(1.25), reports: 1, ..Totals::default() };
        let (account, _) = account.book(used, session_id(1), at(1));
        let why = account.why_paused().expect("used up");
        assert_eq!(why.as_str(), "the budget of mission apollo is used up: 1.25 of 1.00 US dollars");
    }

    #[test]
    fn the_reason_and_the_warning_say_for_which_time() {
        let limits = Limits { max_tokens: Some(10), ..Limits::default() };
        let budget = Budget::of(Limits::default(), limits, limits, 50).ok();
        let account =
            Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(budget, Windows::default(), at(0));
        let tokens = |n| Totals { input_tokens: n, reports: 1, ..Totals::default() };
        let (account, booked) = account.book(tokens(5), session_id(2), at(1));
        assert_eq!((booked.exhausted, &*booked.warned), (false, &[Span::Month, Span::Day][..]));
        let event = account.warning(Span::Day, session_id(2), at(1)).expect("a budget");
        let day = Day::of(at(1));
        let words = format!("50 % of the budget of session {} for {day} is used: 5 of 10 tokens", session_id(1));
        assert_eq!(event.data.as_map()["why"], json!(words));
        assert_eq!((event.kind, event.session_id), (FleetEventKind::Budget, Some(session_id(1))));
        let (account, booked) = account.book(tokens(5), session_id(2), at(2));
        assert_eq!((booked.exhausted, booked.warned.len()), (true, 0));
        let month = &day.to_string()[..7];
        let words = format!("the budget of session {} for {month} is used up: 10 of 10 tokens", session_id(1));
        assert_eq!(account.why_paused().expect("used up").as_str(), words);
    }

    #[test]
    fn setting_one_stands_on_the_record_and_so_does_a_refusal() {
        let action = BudgetAction {
            key: AccountKey::Subtree(session_id(1)),
            budget: Budget::new(Some(dollars(2.5)), None).ok(),
            by: attribution("careful"),
        };
        let decision = action.decide(None, true, Windows::default());
        assert_eq!(decision.audit.details["maxCostUsd"], "2.50");
        assert_eq!(decision.outcome.expect("allowed").budget, action.budget);
        let refused = action.decide(None, false, Windows::default());
        assert_eq!(refused.outcome, Err(BudgetRefused::UnknownSession(session_id(1))));
        assert_eq!(refused.audit.outcome, AuditOutcome::Refused);
        let removal = BudgetAction { budget: None, ..action }.decide(None, true, Windows::default());
        assert_eq!(removal.audit.details["removed"], "true");
    }
}
