//! Usage, budgets and missions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use flightdeck_domain::number::whole;
use flightdeck_domain::ports::{MissionSummary, SessionUsage};
use flightdeck_domain::text::Reason;
use flightdeck_domain::usage::{Account, Budget, Cost, Totals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::texts;
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
    /// Since when nothing of it is left.
    #[schema(required = true)]
    exhausted_at: Option<DateTime<Utc>>,
    /// Whether the pause was asked for that follows.
    pause_requested: bool,
}

impl BudgetView {
    fn of(account: &Account) -> Option<Self> {
        let budget = account.budget?;
        Some(Self {
            max_cost_usd: budget.max_cost().map(f64::from),
            max_tokens: budget.max_tokens(),
            exhausted_at: account.exhausted.map(|used_up| used_up.at.as_datetime()),
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
}

impl AgentUsageView {
    pub(crate) fn new(agent_id: Uuid, usage: &SessionUsage) -> Self {
        let budget = BudgetView::of(&usage.subtree);
        Self { agent_id, own: (&usage.own).into(), subtree: (&usage.subtree.totals).into(), budget }
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

/// What may be used: at least one of the two. What is reached first counts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"maxCostUsd": 25.0, "maxTokens": 5_000_000, "reason": "the cap for this task"}))]
pub(crate) struct BudgetBody {
    /// The most that may be spent, in US dollars.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    max_cost_usd: Option<Cost>,
    /// The most tokens, of all four kinds together.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    max_tokens: Option<u64>,
    /// For the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}

impl BudgetBody {
    pub(crate) fn budget(&self) -> Result<Budget, ApiError> {
        if self.max_tokens.is_some_and(|most| most > MOST) {
            return Err(ApiError::field("/maxTokens", format!("is more than {MOST}")));
        }
        Budget::new(self.max_cost_usd, self.max_tokens).map_err(|error| ApiError::field("", error.to_string()))
    }
}
