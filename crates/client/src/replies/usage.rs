//! What agents used, and what they may use.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A sum of reports: `GET /fleet/usage`, and a part of the others.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// The tokens that models read, without those read from a cache or written to one.
    pub input_tokens: u64,
    /// What models wrote.
    pub output_tokens: u64,
    /// What came out of a cache.
    pub cache_read_tokens: u64,
    /// What went into a cache.
    pub cache_write_tokens: u64,
    /// All of these.
    pub total_tokens: u64,
    /// What it cost, in US dollars.
    pub cost_usd: f64,
    /// How many messages said what was used.
    pub reports: u64,
    /// How many of them said what it cost.
    pub priced_reports: u64,
}

/// What may be used, and whether it is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Budget {
    /// The most that may be spent, in US dollars.
    pub max_cost_usd: Option<f64>,
    /// The most tokens.
    pub max_tokens: Option<u64>,
    /// The limits of a month, and what is used of them.
    pub per_month: Option<Window>,
    /// The limits of a day, and what is used of them.
    pub per_day: Option<Window>,
    /// Since when nothing of it is left.
    pub exhausted_at: Option<DateTime<Utc>>,
}

/// The limits of a month or a day, and what is used of them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Window {
    /// The most that may be spent, in US dollars.
    pub max_cost_usd: Option<f64>,
    /// The most tokens.
    pub max_tokens: Option<u64>,
    /// What was spent.
    pub cost_usd: f64,
    /// The tokens that were used.
    pub tokens: u64,
}

/// Sums of usage by what was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Breakdown {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The sums.
    pub lines: Vec<UsageLine>,
    /// Whether there are more.
    pub truncated: bool,
}

/// A sum of usage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageLine {
    /// The day.
    pub day: Option<String>,
    /// The model; none for usage without one.
    pub model: Option<String>,
    /// The mission; none for usage without one.
    pub mission_id: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// What was used.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Usage with its sums, of whomever.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BrokenDown {
    /// The sums.
    pub breakdown: Breakdown,
}

/// The usage of an agent: `GET /agents/{id}/usage`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AgentUsage {
    /// What it used by itself.
    pub own: Totals,
    /// What it and all below it used.
    pub subtree: Totals,
    /// Over the subtree.
    pub budget: Option<Budget>,
}

/// A mission as a whole: `GET /missions/{id}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mission {
    /// Its name.
    pub mission_id: String,
    /// What its sessions used together.
    pub usage: Totals,
    /// What they may use together.
    pub budget: Option<Budget>,
    /// Whether agents of it that run wild are warned and paused.
    pub guarded: bool,
}
