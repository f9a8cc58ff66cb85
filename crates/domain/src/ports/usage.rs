//! Sums of usage, and budgets over them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::{AuditSeq, SessionId};
use crate::session::SessionStatus;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, BudgetAction, BudgetRefused, Totals};

/// The usage of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionUsage {
    /// What it used by itself.
    pub own: Totals,
    /// The account of it and all below it, with the budget over that.
    pub subtree: Account,
}

/// A mission as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct MissionSummary {
    /// Which.
    pub id: MissionId,
    /// How many of its sessions are in each status; those without any are missing.
    pub sessions: BTreeMap<SessionStatus, u64>,
    /// What all of its sessions used, with the budget over that.
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
    /// Only those behind this place.
    pub after: Option<MissionCursor>,
    /// At most so many.
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

/// A budget that is set, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetCommitted {
    /// The account as it is now.
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
    /// The store cannot. Nothing was written, neither the budget nor an entry.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps sums of usage. They are kept as sums: what they cost to read does not grow with what was reported. Booked by
/// [`super::MessageRepository::append`]; the account of a mission is opened by [`super::SessionRepository::register`] with
/// its first session, at the moment of that registration.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UsageRepository: Send + Sync {
    /// The usage of a session; zero where nothing was reported. `None` when there is no such session.
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable>;

    /// What all sessions used together. Costs a look at each that has reported anything.
    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable>;

    /// A mission; `None` when it has neither a session nor a budget.
    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable>;

    /// A page of missions, newest first, all read at one moment.
    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable>;

    /// Sets a budget under the rules of [`BudgetAction::decide`], with the account locked. The account and the audit entry
    /// are written in one transaction; a refusal writes its audit entry alone. If the entry cannot be written, nothing is.
    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError>;

    /// At most `limit` accounts whose budget is used up and whose pause was not asked for yet, the earliest first.
    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable>;

    /// Notes under the rule of [`Account::enforced`] that the pause was asked for.
    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable>;
}
