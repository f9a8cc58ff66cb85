//! Operations: what was asked for, and what became of it.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Told;

/// One wish for one or many agents, and how far it has come: `GET /operations/{id}`. Lists leave its agents out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// Its id.
    pub operation_id: String,
    /// `pause`, `resume`, `interrupt` or `kill`.
    pub action: String,
    /// `self`, `subtree`, `mission` or `fleet`.
    pub scope: String,
    /// The agent that was named, with the scopes `self` and `subtree`.
    pub agent_id: Option<String>,
    /// The mission that was named.
    pub mission_id: Option<String>,
    /// The id of the key that asked.
    pub operator: String,
    /// The name of that key.
    pub operator_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// `open`, `done` or `closed`.
    pub state: String,
    /// How many agents it is for.
    pub total: u64,
    /// Of how many nothing final is known.
    pub open: u64,
    /// How many were seen to be as wished.
    pub observed: u64,
    /// How many were seen to have ended in another way.
    pub ended: u64,
    /// How many refused.
    pub refused: u64,
    /// For how many a newer wish took its place.
    pub superseded: u64,
    /// When it was asked for.
    pub requested_at: Option<DateTime<Utc>>,
    /// When nothing of it was open any more.
    pub completed_at: Option<DateTime<Utc>>,
    /// The agents, leaves first.
    pub targets: Vec<Target>,
}

/// One agent of an operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Target {
    /// The agent.
    pub agent_id: String,
    /// `observed`, `ended`, `refused` or `superseded`; missing while nothing final is known.
    pub outcome: Option<String>,
    /// How it ended, or why it was refused.
    pub detail: Option<String>,
    /// When its runtime first said that it has the command.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When the effect, or another end, was seen.
    pub observed_at: Option<DateTime<Utc>>,
}

/// A page of operations, newest first: `GET /operations`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operations {
    /// The operations.
    pub operations: Vec<Told<Operation>>,
    /// Where the next page begins.
    pub next_after: Option<String>,
}
