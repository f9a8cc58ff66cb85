//! Programs on other machines that start agents.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A runner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Runner {
    /// Its name.
    pub name: String,
    /// `active`, `draining`, `left` or `gone`.
    pub state: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// What it can start.
    pub offers: Vec<String>,
    /// How many agents it runs at once.
    pub capacity: u32,
    /// How many it has.
    pub load: u64,
    /// Its program.
    pub version: String,
    /// When it was heard of.
    pub last_seen_at: DateTime<Utc>,
    /// How far its clock is ahead of the server's, in milliseconds.
    pub clock_ahead_ms: i64,
}

/// The runners, sorted by name: `GET /runners`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Runners {
    /// The runners.
    pub runners: Vec<Runner>,
}

/// An agent that waits for a runner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitingAgent {
    /// Its session.
    pub agent_id: String,
    /// The configuration that it is started from.
    pub configuration: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why no runner has it.
    pub reason: String,
}

/// The agents that wait, the oldest first: `GET /waiting-agents`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WaitingAgents {
    /// The agents.
    pub waiting: Vec<WaitingAgent>,
}
