//! Sums of usage, and budgets over them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::guard::GuardSwitch;
use crate::ids::{AuditSeq, SessionId};
use crate::mission_set::MissionSet;
use crate::session::SessionStatus;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, BudgetAction, BudgetRefused, Totals, UsageLine, UsageQuery};

/// The usage of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionUsage {
    /// What it used by itself.
    pub own: Totals,
    /// The account of the session and all below it, with the budget over them.
    pub subtree: Account,
}

/// A mission as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct MissionSummary {
    /// The mission.
    pub id: MissionId,
    /// How many of its sessions are in each status; statuses without sessions are missing.
    pub sessions: BTreeMap<SessionStatus, u64>,
    /// What all its sessions used, with the budget over it.
    pub account: Account,
}

/// A place in the order of missions: newest first, equal times by id, highest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissionCursor {
    /// When the mission at the place was opened: by its first session, or by its budget.
    pub opened_at: Timestamp,
    /// Its id.
    pub id: MissionId,
}

/// One page of missions, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissionQuery {
    /// Only missions after this place.
    pub after: Option<MissionCursor>,
    /// Only these missions.
    pub missions: Option<MissionSet>,
    /// The largest number of missions.
    pub limit: usize,
}

/// A page of missions.
#[derive(Clone, Debug, PartialEq)]
pub struct MissionPage {
    /// The missions, newest first.
    pub missions: Vec<MissionSummary>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<MissionCursor>,
}

/// A budget that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetCommitted {
    /// The account in its current state.
    pub account: Account,
    /// Its place on the audit log.
    pub audit_seq: AuditSeq,
}

/// Why a budget was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetBudgetError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] BudgetRefused),
    /// The store is not available. Neither the budget nor an entry was written.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps sums of usage. Because sums are stored, the cost of reading them does not grow with the number of reports.
/// [`super::MessageRepository::append`] books them; [`super::SessionRepository::register`] opens the account of a
/// mission with its first session, at the time of that registration.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UsageRepository: Send + Sync {
    /// Gives the usage of a session; zero if nothing was reported. `None` when there is no such session.
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable>;

    /// Gives the usage of all sessions together. It reads each session that has reported anything.
    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable>;

    /// Gives the sums of usage that a query asks for, in its order. They begin with the release that books them.
    async fn broken_down(&self, query: UsageQuery) -> Result<Vec<UsageLine>, StoreUnavailable>;

    /// Gives a mission; `None` when it has neither a session nor a budget.
    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable>;

    /// Gives a page of missions, newest first, all read at one moment.
    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable>;

    /// Sets a budget under the rules of [`BudgetAction::decide`], with the account locked. The account and the audit
    /// entry are written in one transaction; a refusal writes only its audit entry. If the entry cannot be written,
    /// nothing is written.
    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError>;

    /// Switches the guard for a mission, under the rule of [`GuardSwitch::decide`], with its audit entry.
    async fn switch_guard(&self, action: GuardSwitch) -> Result<BudgetCommitted, StoreUnavailable>;

    /// Gives at most `limit` accounts whose budget is used up and whose pause was not asked for yet, the earliest
    /// first.
    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable>;

    /// Notes under the rule of [`Account::enforced`] that the pause was asked for.
    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable>;
}
