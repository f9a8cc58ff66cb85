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
    /// Their configurations, sorted by name; none from an older server.
    pub configurations: Vec<ProviderConfig>,
}

/// A configuration of a provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderConfig {
    /// Its name.
    pub name: String,
    /// What runs its agents.
    pub kind: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether agents may be started from it.
    pub enabled: bool,
    /// By the schema of its kind.
    pub settings: Map<String, Value>,
    /// The names of its credentials.
    pub credentials: Vec<String>,
    /// The labels that a server needs.
    pub labels: Vec<String>,
    /// The limits of its agents: `atOnce` and the like.
    pub limits: Map<String, Value>,
    /// Rises with each change.
    pub revision: u64,
    /// `file` or `stored`.
    pub source: String,
    /// Who changed it last.
    pub changed_by: Option<String>,
    /// The name of the key that did.
    pub changed_by_name: Option<String>,
    /// Why the server starts nothing from it.
    pub hindrance: Option<String>,
}

/// What a trial of a configuration has shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderTrial {
    /// Whether an agent was started.
    pub started: bool,
    /// The name that it gave.
    pub agent: Option<String>,
    /// What it says that it can do.
    pub offers: Vec<String>,
}
