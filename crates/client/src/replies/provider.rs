//! What runs agents.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a provider can start, and what can be asked of its agents.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Whether it starts agents.
    pub spawns: bool,
    /// The types that it starts agents of. Empty, for one that spawns: any.
    pub agent_types: Vec<String>,
    /// What its agents take from an operator: `canPause` and the like.
    pub capabilities: Map<String, Value>,
}

/// The providers of a server, sorted by name: `GET /providers`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Providers {
    /// The providers.
    pub providers: Vec<Provider>,
}
