//! Rows of `accounts`.

use std::collections::BTreeSet;

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::MissionCursor;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{
    Account, AccountKey, Budget, Cost, Exhaustion, Limits, Span, Spent, Totals, Window, Windows,
};
use serde::{Deserialize, Serialize};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::accounts;
use crate::values::{Flag, Id, Key, counted, moment};

/// A sum of usage with its budget. The same row is read and written.
#[derive(Debug, QueryableByName, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
pub struct AccountRow {
    scope: String,
    key: String,
    opened_at: i64,
    #[diesel(embed)]
    totals: TotalsRow,
    last_session: Option<Id>,
    max_cost: Option<i64>,
    max_tokens: Option<i64>,
    exhausted_at: Option<i64>,
    enforced: Flag,
    more: Option<String>,
}

/// What stands in `more`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct More {
    #[serde(skip_serializing_if = "Limits::is_empty")]
    per_month: Limits,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    per_day: Limits,
    warn_at: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<Kept>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    warned: BTreeSet<Span>,
    exhausted_by: Span,
    #[serde(skip_serializing_if = "is_false")]
    spared: bool,
    #[serde(skip_serializing_if = "is_false")]
    by_telemetry: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(it: &bool) -> bool {
    !*it
}

/// What was used since a day.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    since: String,
    // Whole numbers, for a sum must be read as it was written.
    cost: u64,
    tokens: u64,
}

impl Default for More {
    fn default() -> Self {
        Self {
            per_month: Limits::default(),
            per_day: Limits::default(),
            warn_at: Budget::WARN_AT,
            month: None,
            day: None,
            warned: BTreeSet::new(),
            exhausted_by: Span::Total,
            spared: false,
            by_telemetry: false,
        }
    }
}

impl From<Window> for Kept {
    fn from(window: Window) -> Self {
        let Spent { cost, tokens } = window.spent;
        Self { since: window.since.to_string(), cost: cost.nanos(), tokens }
    }
}

impl Kept {
    fn read(self) -> Result<Window, Fault> {
        let spent = Spent { cost: Cost::from_nanos(self.cost), tokens: self.tokens };
        Ok(Window { since: self.since.parse().column("more")?, spent })
    }
}

impl More {
    /// `None` where there is nothing to be kept.
    fn of(account: &Account) -> Option<String> {
        if account.budget.is_none() && !account.spared && !account.by_telemetry {
            return None;
        }
        let limits = |span| account.budget.map(|budget| budget.limits(span)).unwrap_or_default();
        let more = Self {
            per_month: limits(Span::Month),
            per_day: limits(Span::Day),
            warn_at: account.budget.map_or(Budget::WARN_AT, |budget| budget.warn_at()),
            month: account.windows.month.map(Kept::from),
            day: account.windows.day.map(Kept::from),
            warned: account.warned.clone(),
            exhausted_by: account.exhausted.map_or(Span::Total, |used_up| used_up.by),
            spared: account.spared,
            by_telemetry: account.by_telemetry,
        };
        serde_json::to_string(&more).ok()
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = BrokenRow;

    fn try_from(row: AccountRow) -> Result<Self, BrokenRow> {
        let name = format!("{}/{}", row.scope, row.key);
        row.read().map_err(|fault| fault.of("accounts", name))
    }
}

impl AccountRow {
    /// Its columns.
    pub const COLUMNS: &str = "scope, key, opened_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, \
         cost, reports, priced_reports, last_session, max_cost, max_tokens, exhausted_at, enforced, more";

    fn read(self) -> Result<Account, Fault> {
        let more: Option<More> = maybe(self.more, |more| serde_json::from_str(&more)).column("more")?;
        let more = more.unwrap_or_default();
        let total = Limits {
            max_cost: maybe(self.max_cost, u64::try_from).column("max_cost")?.map(Cost::from_nanos),
            max_tokens: maybe(self.max_tokens, u64::try_from).column("max_tokens")?,
        };
        let has_budget = ![total, more.per_month, more.per_day].iter().all(Limits::is_empty);
        let budget = has_budget.then(|| Budget::of(total, more.per_month, more.per_day, u64::from(more.warn_at)));
        let budget = budget.transpose().column("more")?;
        let windows = Windows { month: maybe(more.month, Kept::read)?, day: maybe(more.day, Kept::read)? };
        let exhausted_at = maybe(self.exhausted_at, moment).column("exhausted_at")?;
        Ok(Account {
            key: AccountKey::read(&self.scope, &self.key).column("key")?,
            opened_at: moment(self.opened_at).column("opened_at")?,
            totals: self.totals.read()?,
            last_session: maybe(self.last_session, SessionId::try_from).column("last_session")?,
            budget,
            windows,
            warned: more.warned,
            spared: more.spared,
            by_telemetry: more.by_telemetry,
            exhausted: exhausted_at.map(|at| Exhaustion { at, by: more.exhausted_by, enforced: self.enforced.0 }),
        })
    }
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        Self {
            scope: account.key.scope().to_owned(),
            key: account.key.key(),
            opened_at: account.opened_at.as_micros(),
            totals: TotalsRow::from(&account.totals),
            last_session: account.last_session.map(|id| id.key()),
            max_cost: account.budget.and_then(|budget| budget.max_cost()).map(|cost| counted(cost.nanos())),
            max_tokens: account.budget.and_then(|budget| budget.max_tokens()).map(counted),
            exhausted_at: account.exhausted.map(|used_up| used_up.at.as_micros()),
            enforced: Flag(account.exhausted.is_some_and(|used_up| used_up.enforced)),
            more: More::of(account),
        }
    }
}

/// Missions with their accounts, and where the next page begins.
pub type MissionsPage = (Vec<(MissionId, Account)>, Option<MissionCursor>);

/// One page of missions.
pub fn missions(rows: Vec<AccountRow>, limit: usize) -> Result<MissionsPage, BrokenRow> {
    let more = rows.len() > limit;
    let page: Vec<Account> = rows.into_iter().take(limit).map(Account::try_from).collect::<Result<_, _>>()?;
    let page: Vec<(MissionId, Account)> = page
        .into_iter()
        .filter_map(|account| match &account.key {
            AccountKey::Mission(id) => Some((id.clone(), account)),
            AccountKey::Session(_) | AccountKey::Subtree(_) => None,
        })
        .collect();
    let last = page.last().map(|(id, account)| MissionCursor { opened_at: account.opened_at, id: id.clone() });
    Ok((page, last.filter(|_| more)))
}

/// What an account, or many together, say was used.
#[derive(Debug, QueryableByName, Insertable)]
#[diesel(table_name = accounts)]
pub struct TotalsRow {
    input_tokens: i64,
    output_tokens: i64,
    cache_read_tokens: i64,
    cache_write_tokens: i64,
    cost: i64,
    reports: i64,
    priced_reports: i64,
}

impl TotalsRow {
    /// Its columns.
    pub const COLUMNS: [&str; 7] = [
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost",
        "reports",
        "priced_reports",
    ];

    pub(super) fn read(self) -> Result<Totals, Fault> {
        Ok(Totals {
            input_tokens: u64::try_from(self.input_tokens).column("input_tokens")?,
            output_tokens: u64::try_from(self.output_tokens).column("output_tokens")?,
            cache_read_tokens: u64::try_from(self.cache_read_tokens).column("cache_read_tokens")?,
            cache_write_tokens: u64::try_from(self.cache_write_tokens).column("cache_write_tokens")?,
            cost: u64::try_from(self.cost).map(Cost::from_nanos).column("cost")?,
            reports: u64::try_from(self.reports).column("reports")?,
            priced_reports: u64::try_from(self.priced_reports).column("priced_reports")?,
        })
    }
}

impl From<&Totals> for TotalsRow {
    fn from(totals: &Totals) -> Self {
        Self {
            input_tokens: counted(totals.input_tokens),
            output_tokens: counted(totals.output_tokens),
            cache_read_tokens: counted(totals.cache_read_tokens),
            cache_write_tokens: counted(totals.cache_write_tokens),
            cost: counted(totals.cost.nanos()),
            reports: counted(totals.reports),
            priced_reports: counted(totals.priced_reports),
        }
    }
}

impl TryFrom<TotalsRow> for Totals {
    type Error = BrokenRow;

    fn try_from(row: TotalsRow) -> Result<Self, BrokenRow> {
        row.read().map_err(|fault| fault.of("accounts", "all of sessions".to_owned()))
    }
}

/// How many sessions are in a status.
#[derive(Debug, QueryableByName)]
pub struct StatusCountRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    status: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

impl TryFrom<StatusCountRow> for (SessionStatus, u64) {
    type Error = BrokenRow;

    fn try_from(row: StatusCountRow) -> Result<Self, BrokenRow> {
        let broken = |fault: Fault| fault.of("sessions", "of a mission".to_owned());
        let status = row.status.parse().column("status").map_err(broken)?;
        Ok((status, u64::try_from(row.n).unwrap_or_default()))
    }
}
