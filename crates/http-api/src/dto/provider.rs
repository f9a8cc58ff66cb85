//! Providers and their configurations.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use flightdeck_domain::ports::ProviderTrial;
use flightdeck_domain::provider_config::{ConfigLimits, ConfigName, DisplayName, Label, SettingsSchema};
use flightdeck_domain::runner::WhenLost;
use flightdeck_domain::text::{AgentType, JsonObject, ProviderName, Reason};
use flightdeck_domain::usage::{Budget, Cost};
use flightdeck_domain::use_cases::{DescribedConfig, KeyNames, NewProviderConfig, ProviderOffer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::credentials::CredentialsBody;
use super::session::CapabilitiesView;
use super::{texts, words};
use crate::problem::{ApiError, FieldFault};

/// What a provider can start, and what can be asked of its agents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderView {
    /// The name under which sessions refer to it, which is the kind of its configurations.
    #[schema(value_type = texts::ProviderName)]
    name: String,
    /// Whether it starts agents. The agents of the others are started elsewhere and report by themselves.
    spawns: bool,
    /// The types of the agents that it can start, as the server is configured, sorted. Empty when it does not tell agents
    /// apart by their type: one that spawns then takes any type, and has to be named.
    #[schema(value_type = Vec<texts::AgentType>)]
    agent_types: Vec<AgentType>,
    /// What its agents take from an operator. Where they differ it is what all of them take, and a session tells its own.
    capabilities: CapabilitiesView,
    /// The JSON Schema of the settings of its configurations; null when it has none.
    #[schema(required = true, value_type = Option<texts::JsonObject>)]
    settings_schema: Option<Value>,
}

impl ProviderView {
    pub(crate) fn new(schema: Option<SettingsSchema>, offer: ProviderOffer) -> Self {
        Self {
            name: offer.name.into(),
            spawns: offer.spawns,
            agent_types: offer.agent_types,
            capabilities: offer.capabilities.into(),
            settings_schema: schema.map(|schema| schema.as_value().clone()),
        }
    }
}

/// The providers of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvidersView {
    /// Sorted by name.
    pub(crate) providers: Vec<ProviderView>,
    /// Sorted by name. One of the server's file hides a stored one of the same name.
    pub(crate) configurations: Vec<ProviderConfigView>,
}

/// The limits of the agents of a configuration.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ConfigLimitsBody {
    /// How many of them run at once on one server. Further agents of `acp` wait for their turn; those of `scripted` are
    /// refused.
    #[schema(minimum = 1, maximum = 1000)]
    at_once: Option<u32>,
    /// What each of them may use with all below it, in US dollars.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    max_cost_usd: Option<f64>,
    /// What each of them may use with all below it, in tokens of all kinds.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// A session whose runner is gone is failed after so many seconds as `lost`; 600 when missing, null for never.
    #[schema(minimum = 1, maximum = 2_592_000)]
    fail_lost_after_secs: Option<u32>,
    /// Whether an agent whose start its runner has not confirmed in time is given to another runner; true when missing.
    /// Otherwise its session fails.
    requeue: bool,
}

impl Default for ConfigLimitsBody {
    fn default() -> Self {
        ConfigLimits::default().into()
    }
}

impl ConfigLimitsBody {
    fn limits(&self) -> Result<ConfigLimits, FieldFault> {
        let cost = self.max_cost_usd.map(|cost| {
            Cost::try_from(cost)
                .map_err(|error| FieldFault { field: "/limits/maxCostUsd".to_owned(), detail: error.to_string() })
        });
        let cost = cost.transpose()?;
        if self.max_tokens == Some(0) {
            return Err(FieldFault { field: "/limits/maxTokens".to_owned(), detail: "must be at least 1".to_owned() });
        }
        if self.fail_lost_after_secs.is_some_and(|secs| !(1..=WhenLost::LONGEST).contains(&secs)) {
            let detail = format!("must be from 1 to {} seconds, or null for never", WhenLost::LONGEST);
            return Err(FieldFault { field: "/limits/failLostAfterSecs".to_owned(), detail });
        }
        let when_lost = WhenLost { fail_after: self.fail_lost_after_secs, requeue: self.requeue };
        Ok(ConfigLimits { at_once: self.at_once, budget: Budget::new(cost, self.max_tokens).ok(), when_lost })
    }
}

impl From<ConfigLimits> for ConfigLimitsBody {
    fn from(limits: ConfigLimits) -> Self {
        let budget = limits.budget;
        Self {
            at_once: limits.at_once,
            max_cost_usd: budget.and_then(|budget| budget.max_cost()).map(f64::from),
            max_tokens: budget.and_then(|budget| budget.max_tokens()),
            fail_lost_after_secs: limits.when_lost.fail_after,
            requeue: limits.when_lost.requeue,
        }
    }
}

/// What a configuration is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "claude", "kind": "acp", "settings": {"command": "claude-agent-acp"}, "limits": {"atOnce": 4}}))]
pub(crate) struct ProviderBody {
    /// Its name, where it is not in the path: letters, digits, `_`, `-` and `.`. It is not the name of a kind.
    #[schema(value_type = Option<texts::ConfigName>)]
    name: Option<ConfigName>,
    /// The provider that runs its agents. It cannot be changed.
    #[schema(value_type = texts::ProviderName)]
    kind: ProviderName,
    /// Its name for people.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    display_name: Option<DisplayName>,
    /// Whether agents may be started from it; true when missing.
    enabled: Option<bool>,
    /// What the kind wants to know, by its schema (`GET /providers`). Everybody who sees providers can read it.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    settings: JsonObject,
    /// Credentials by name, to be set, or null to be removed. Those that are not named stay. They are sealed, and given to
    /// agents alone.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<String>>, required = false)]
    credentials: CredentialsBody,
    /// The labels that a server needs to run its agents.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 50)]
    labels: BTreeSet<Label>,
    #[serde(default)]
    #[schema(required = false)]
    limits: ConfigLimitsBody,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    reason: Option<Reason>,
}

impl ProviderBody {
    /// The name, what the configuration is to be, and why.
    pub(crate) fn into_config(self) -> Result<(Option<ConfigName>, NewProviderConfig, Option<Reason>), ApiError> {
        let mut faults = self.credentials.faults;
        let limits = self.limits.limits().map_err(|fault| faults.push(fault));
        let (true, Ok(limits)) = (faults.is_empty(), limits) else { return Err(ApiError::Invalid(faults)) };
        let new = NewProviderConfig {
            kind: self.kind,
            display_name: self.display_name,
            enabled: self.enabled.unwrap_or(true),
            settings: self.settings,
            credentials: self.credentials.given,
            labels: self.labels,
            limits,
        };
        Ok((self.name, new, self.reason))
    }
}

/// A configuration of a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderConfigView {
    name: String,
    /// The provider that runs its agents.
    kind: String,
    #[schema(required = true)]
    display_name: Option<String>,
    /// Whether agents may be started from it.
    enabled: bool,
    /// By the schema of its kind. Of a configuration of the file no variable, header or argument is shown.
    #[schema(value_type = texts::JsonObject)]
    settings: JsonObject,
    /// The names of its credentials.
    credentials: Vec<String>,
    labels: Vec<String>,
    limits: ConfigLimitsBody,
    /// Rises by one with each change; 0 for a configuration of the server's file.
    revision: u64,
    #[schema(value_type = words::ConfigSource)]
    source: &'static str,
    /// Who changed it last; null for one of the file.
    #[schema(required = true)]
    changed_by: Option<String>,
    /// What people call the key that did; missing for `cli`, and for a key that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    changed_by_name: Option<String>,
    #[schema(required = true)]
    changed_at: Option<DateTime<Utc>>,
    /// What its agents take from an operator; null when this server does not have its kind.
    #[schema(required = true)]
    capabilities: Option<CapabilitiesView>,
    /// Why this server starts nothing from it; null when it does.
    #[schema(required = true)]
    hindrance: Option<String>,
}

impl ProviderConfigView {
    pub(crate) fn new(described: DescribedConfig, names: &KeyNames) -> Self {
        let DescribedConfig { config, capabilities, hindrance } = described;
        let source = config.source().as_str();
        let changed_by_name = config.changed.as_ref().and_then(|changed| names.get(changed.by.as_str()));
        let changed_by_name = changed_by_name.map(ToString::to_string);
        Self {
            name: config.name.into(),
            kind: config.kind.into(),
            display_name: config.display_name.map(Into::into),
            enabled: config.enabled,
            settings: config.settings,
            credentials: config.credentials.into_keys().map(Into::into).collect(),
            labels: config.labels.into_iter().map(Into::into).collect(),
            limits: config.limits.into(),
            revision: config.revision,
            source,
            changed_by: config.changed.as_ref().map(|changed| changed.by.to_string()),
            changed_by_name,
            changed_at: config.changed.map(|changed| changed.at.as_datetime()),
            capabilities: capabilities.map(Into::into),
            hindrance,
        }
    }
}

/// What a trial has shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderTrialView {
    /// Whether an agent was started. Kinds whose agents are started elsewhere start none.
    started: bool,
    /// The name and version that the agent gave.
    #[schema(required = true)]
    agent: Option<String>,
    /// What the agent says that it can do, in the words of its protocol, sorted.
    offers: Vec<String>,
}

impl From<ProviderTrial> for ProviderTrialView {
    fn from(trial: ProviderTrial) -> Self {
        Self { started: trial.started, agent: trial.agent, offers: trial.offers }
    }
}
