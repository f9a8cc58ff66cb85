//! Usage, budgets and missions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use flightdeck_domain::number::whole;
use flightdeck_domain::ports::{MissionSummary, SessionUsage};
use flightdeck_domain::text::Reason;
use flightdeck_domain::usage::{Account, Budget, Cost, InvalidBudget, Limits, Span, Totals, UsageBy, UsageLine};
use flightdeck_domain::use_cases::BrokenDown;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{texts, words};
use crate::extract::MOST;
use crate::problem::ApiError;

/// What an agent used for a message, since it last said so. At least one number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the domain reads")]
pub(crate) struct UsageBody {
    /// The model that was used, where the agent names it; it is kept with the message.
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
    /// What the model was given, besides what came out of a cache or went into one.
    #[schema(maximum = 1_000_000_000_000_i64)]
    input_tokens: Option<u64>,
    /// What the model wrote.
    #[schema(maximum = 1_000_000_000_000_i64)]
    output_tokens: Option<u64>,
    #[schema(maximum = 1_000_000_000_000_i64)]
    cache_read_tokens: Option<u64>,
    #[schema(maximum = 1_000_000_000_000_i64)]
    cache_write_tokens: Option<u64>,
    /// What it cost, in US dollars, where the agent knows; kept to a billionth.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    cost_usd: Option<f64>,
}

/// A sum of reports.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotalsView {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    /// Tokens of all four kinds.
    total_tokens: u64,
    cost_usd: f64,
    /// How many messages said what was used.
    reports: u64,
    /// How many of them said what it cost; when these are fewer, `costUsd` is a part of the whole.
    priced_reports: u64,
}

impl From<&Totals> for TotalsView {
    fn from(totals: &Totals) -> Self {
        Self {
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            cache_read_tokens: totals.cache_read_tokens,
            cache_write_tokens: totals.cache_write_tokens,
            total_tokens: totals.tokens(),
            cost_usd: totals.cost.into(),
            reports: totals.reports,
            priced_reports: totals.priced_reports,
        }
    }
}

/// What all agents used together, and by day, model, mission or agent where that is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetUsageView {
    #[serde(flatten)]
    totals: TotalsView,
    /// There with `by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BreakdownView, required = false)]
    breakdown: Option<BreakdownView>,
}

impl FleetUsageView {
    pub(crate) fn new(totals: &Totals, breakdown: Option<BreakdownView>) -> Self {
        Self { totals: totals.into(), breakdown }
    }
}

/// Sums of usage by what was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BreakdownView {
    /// The first day, in UTC.
    #[schema(value_type = texts::Day)]
    from: String,
    /// The last day.
    #[schema(value_type = texts::Day)]
    to: String,
    #[schema(value_type = Vec<words::UsageBy>)]
    by: Vec<&'static str>,
    /// In the order of days, models, missions and agents; at most 5,000.
    #[schema(max_items = 5_000)]
    lines: Vec<UsageLineView>,
    /// Whether there are more lines, which are left out: ask for fewer days.
    truncated: bool,
}

impl BreakdownView {
    pub(crate) fn new(by: &BTreeSet<UsageBy>, found: &BrokenDown) -> Self {
        Self {
            from: found.from.to_string(),
            to: found.to.to_string(),
            by: by.iter().map(|by| by.as_str()).collect(),
            lines: found.lines.iter().map(|line| UsageLineView::new(by, line)).collect(),
            truncated: found.truncated,
        }
    }
}

/// A sum of usage. It has the fields that the usage is broken down by; a model and a mission are null for usage without one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsageLineView {
    /// In UTC, by the times of the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = texts::Day, required = false)]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    model: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    mission_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    agent_id: Option<Uuid>,
    #[serde(flatten)]
    totals: TotalsView,
}

impl UsageLineView {
    fn new(by: &BTreeSet<UsageBy>, line: &UsageLine) -> Self {
        // Null where there is none, and no field where it is not asked for.
        let (model, mission) = (|| json!(line.model), || json!(line.mission_id));
        Self {
            day: line.day.map(|day| day.to_string()),
            model: by.contains(&UsageBy::Model).then(model),
            mission_id: by.contains(&UsageBy::Mission).then(mission),
            agent_id: line.session_id.map(|id| *id.as_uuid()),
            totals: (&line.totals).into(),
        }
    }
}

/// Limits for a month or a day, and what is used of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WindowView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    max_cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    max_tokens: Option<u64>,
    /// What was spent since then.
    cost_usd: f64,
    /// The tokens that were used since then, of all kinds.
    tokens: u64,
    /// The first day of this month, or this day, in UTC.
    #[schema(value_type = texts::Day, required = true)]
    since: Option<String>,
}

impl WindowView {
    fn of(account: &Account, budget: Budget, span: Span) -> Option<Self> {
        let (limits, spent) = (budget.limits(span), account.spent(span));
        budget.has(span).then(|| Self {
            max_cost_usd: limits.max_cost.map(f64::from),
            max_tokens: limits.max_tokens,
            cost_usd: spent.cost.into(),
            tokens: spent.tokens,
            since: account.windows.of(span).map(|window| window.since.to_string()),
        })
    }
}

/// What may be used, and whether it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BudgetView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    max_cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = WindowView, required = false)]
    per_month: Option<WindowView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = WindowView, required = false)]
    per_day: Option<WindowView>,
    /// The share of a limit at which the fleet feed has a warning; 0 for none.
    #[schema(maximum = 99)]
    warn_at_percent: u8,
    /// The times of whose limits there was a warning, or which are used up.
    #[schema(value_type = Vec<words::BudgetSpan>)]
    warned: Vec<&'static str>,
    /// Since when nothing of it is left.
    #[schema(required = true)]
    exhausted_at: Option<DateTime<Utc>>,
    /// The limits of which time are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::BudgetSpan, required = false)]
    exhausted_by: Option<&'static str>,
    /// Whether the pause was asked for that follows.
    pause_requested: bool,
}

impl BudgetView {
    fn of(account: &Account) -> Option<Self> {
        let budget = account.budget?;
        Some(Self {
            max_cost_usd: budget.max_cost().map(f64::from),
            max_tokens: budget.max_tokens(),
            per_month: WindowView::of(account, budget, Span::Month),
            per_day: WindowView::of(account, budget, Span::Day),
            warn_at_percent: budget.warn_at(),
            warned: account.warned.iter().map(|span| span.as_str()).collect(),
            exhausted_at: account.exhausted.map(|used_up| used_up.at.as_datetime()),
            exhausted_by: account.exhausted.map(|used_up| used_up.by.as_str()),
            pause_requested: account.exhausted.is_some_and(|used_up| used_up.enforced),
        })
    }
}

/// The usage of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentUsageView {
    agent_id: Uuid,
    /// What it used by itself.
    own: TotalsView,
    /// What it and all below it used.
    subtree: TotalsView,
    /// Over the subtree; null when there is none.
    #[schema(required = true)]
    budget: Option<BudgetView>,
    /// Of the subtree; there with `by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BreakdownView, required = false)]
    breakdown: Option<BreakdownView>,
}

impl AgentUsageView {
    pub(crate) fn new(agent_id: Uuid, usage: &SessionUsage, breakdown: Option<BreakdownView>) -> Self {
        let budget = BudgetView::of(&usage.subtree);
        Self { agent_id, own: (&usage.own).into(), subtree: (&usage.subtree.totals).into(), budget, breakdown }
    }
}

/// A mission as a whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MissionView {
    mission_id: String,
    /// When its first session registered, or its budget was set.
    opened_at: DateTime<Utc>,
    sessions: MissionSessionsView,
    usage: TotalsView,
    /// Null when there is none.
    #[schema(required = true)]
    budget: Option<BudgetView>,
    /// Whether the guard over agents that run wild watches its agents, as far as the mission says.
    guarded: bool,
    /// There with `by`, for one mission.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BreakdownView, required = false)]
    breakdown: Option<BreakdownView>,
}

impl MissionView {
    pub(crate) fn with(self, breakdown: Option<BreakdownView>) -> Self {
        Self { breakdown, ..self }
    }
}

/// The sessions of a mission.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MissionSessionsView {
    total: u64,
    /// By status, without those in which there is none.
    by_status: BTreeMap<&'static str, u64>,
}

impl From<&MissionSummary> for MissionView {
    fn from(mission: &MissionSummary) -> Self {
        let by_status = mission.sessions.iter().map(|(status, count)| (status.as_str(), *count)).collect();
        Self {
            mission_id: mission.id.to_string(),
            opened_at: mission.account.opened_at.as_datetime(),
            sessions: MissionSessionsView { total: mission.sessions.values().sum(), by_status },
            usage: (&mission.account.totals).into(),
            budget: BudgetView::of(&mission.account),
            guarded: !mission.account.spared,
            breakdown: None,
        }
    }
}

/// A page of missions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MissionsView {
    pub(crate) missions: Vec<MissionView>,
    /// Give it as `after` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) next_after: Option<String>,
}

/// What may be used in a month or on a day: at least one of the two.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LimitsBody {
    /// The most that may be spent, in US dollars.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    max_cost_usd: Option<Cost>,
    /// The most tokens, of all four kinds together.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    max_tokens: Option<u64>,
}

impl LimitsBody {
    fn read(&self, at: &str) -> Result<Limits, ApiError> {
        if self.max_tokens.is_some_and(|most| most > MOST) {
            return Err(ApiError::field(format!("{at}/maxTokens"), format!("is more than {MOST}")));
        }
        Ok(Limits { max_cost: self.max_cost_usd, max_tokens: self.max_tokens })
    }
}

/// What may be used, in all, in a month and on a day: at least one limit. What is reached first counts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"maxCostUsd": 25.0, "perDay": {"maxCostUsd": 10.0}, "reason": "the cap for this task"}))]
pub(crate) struct BudgetBody {
    /// The most that may be spent, in US dollars.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    max_cost_usd: Option<Cost>,
    /// The most tokens, of all four kinds together.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    max_tokens: Option<u64>,
    /// The limits of each month of the calendar, in UTC.
    per_month: Option<LimitsBody>,
    /// The limits of each day, in UTC.
    per_day: Option<LimitsBody>,
    /// At what share of a limit the fleet feed has a warning, once for each time; 80 when missing, 0 for no warning.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 99)]
    warn_at_percent: Option<u64>,
    /// For the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}

impl BudgetBody {
    pub(crate) fn budget(&self) -> Result<Budget, ApiError> {
        let total = LimitsBody { max_cost_usd: self.max_cost_usd, max_tokens: self.max_tokens }.read("")?;
        let of = |limits: &Option<LimitsBody>, at: &str| limits.as_ref().map(|limits| limits.read(at)).transpose();
        let per_month = of(&self.per_month, "/perMonth")?.unwrap_or_default();
        let per_day = of(&self.per_day, "/perDay")?.unwrap_or_default();
        let warn_at = self.warn_at_percent.unwrap_or(u64::from(Budget::WARN_AT));
        Budget::of(total, per_month, per_day, warn_at).map_err(|error| {
            let field = if matches!(error, InvalidBudget::WarnAt(_)) { "/warnAtPercent" } else { "" };
            ApiError::field(field, error.to_string())
        })
    }
}

/// Whether the agents of a mission are watched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"watched": false, "reason": "its agents poll"}))]
pub(crate) struct GuardBody {
    /// `false` leaves them alone.
    pub(crate) watched: bool,
    /// For the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}
