//! Rows of `provider_configs`.

use diesel::prelude::*;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::provider_config::{Changed, ConfigLimits, ConfigName, DisplayName, ProviderConfig};
use flightdeck_domain::runner::WhenLost;
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::usage::{Budget, Cost};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::provider_configs;
use crate::values::{Flag, counted, json, moment, object};

row! {
    /// A configuration.
    #[diesel(table_name = provider_configs)]
    pub struct ProviderConfigRow {
        name: String,
        kind: String,
        display_name: Option<String>,
        enabled: Flag,
        settings: String,
        credentials: String,
        labels: String,
        at_once: Option<i64>,
        max_cost: Option<i64>,
        max_tokens: Option<i64>,
        fail_after: Option<i64>,
        requeue: Flag,
        revision: i64,
        changed_by: String,
        changed_at: i64,
    }
}

impl TryFrom<ProviderConfigRow> for ProviderConfig {
    type Error = BrokenRow;

    fn try_from(row: ProviderConfigRow) -> Result<Self, BrokenRow> {
        let name = row.name.clone();
        row.read().map_err(|fault| fault.of("provider_configs", name))
    }
}

impl ProviderConfigRow {
    fn read(self) -> Result<ProviderConfig, Fault> {
        let budget = match (self.max_cost, self.max_tokens) {
            (None, None) => None,
            (cost, tokens) => {
                let cost = maybe(cost, u64::try_from).column("max_cost")?.map(Cost::from_nanos);
                let tokens = maybe(tokens, u64::try_from).column("max_tokens")?;
                Some(Budget::new(cost, tokens).column("max_cost")?)
            }
        };
        Ok(ProviderConfig {
            name: ConfigName::new(self.name).column("name")?,
            kind: ProviderName::new(self.kind).column("kind")?,
            display_name: maybe(self.display_name, DisplayName::new).column("display_name")?,
            enabled: self.enabled.0,
            settings: object(&self.settings).column("settings")?,
            credentials: serde_json::from_str(&self.credentials).column("credentials")?,
            labels: serde_json::from_str(&self.labels).column("labels")?,
            limits: ConfigLimits {
                at_once: maybe(self.at_once, u32::try_from).column("at_once")?,
                budget,
                when_lost: WhenLost {
                    fail_after: maybe(self.fail_after, u32::try_from).column("fail_after")?,
                    requeue: self.requeue.0,
                },
            },
            revision: u64::try_from(self.revision).column("revision")?,
            changed: Some(Changed {
                by: serde_json::from_value::<Actor>(self.changed_by.into()).column("changed_by")?,
                at: moment(self.changed_at).column("changed_at")?,
            }),
        })
    }
}

/// A configuration to be inserted, or everything of it that is saved. It is of the store: somebody has made it.
#[derive(Debug, Insertable)]
#[diesel(table_name = provider_configs, treat_none_as_default_value = false)]
pub struct NewProviderConfigRow<'a> {
    name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) display_name: Option<&'a str>,
    pub(crate) enabled: Flag,
    pub(crate) settings: String,
    pub(crate) credentials: String,
    pub(crate) labels: String,
    pub(crate) at_once: Option<i64>,
    pub(crate) max_cost: Option<i64>,
    pub(crate) max_tokens: Option<i64>,
    pub(crate) fail_after: Option<i64>,
    pub(crate) requeue: Flag,
    pub(crate) revision: i64,
    pub(crate) changed_by: &'a str,
    pub(crate) changed_at: i64,
}

impl<'a> From<&'a ProviderConfig> for NewProviderConfigRow<'a> {
    fn from(config: &'a ProviderConfig) -> Self {
        let budget = config.limits.budget;
        let text = |value: Result<String, serde_json::Error>, empty: &str| value.unwrap_or_else(|_| empty.to_owned());
        Self {
            name: config.name.as_str(),
            kind: config.kind.as_str(),
            display_name: config.display_name.as_ref().map(DisplayName::as_str),
            enabled: Flag(config.enabled),
            settings: json(&config.settings),
            credentials: text(serde_json::to_string(&config.credentials), "{}"),
            labels: text(serde_json::to_string(&config.labels), "[]"),
            at_once: config.limits.at_once.map(i64::from),
            max_cost: budget.and_then(|budget| budget.max_cost()).map(|cost| counted(cost.nanos())),
            max_tokens: budget.and_then(|budget| budget.max_tokens()).map(counted),
            fail_after: config.limits.when_lost.fail_after.map(i64::from),
            requeue: Flag(config.limits.when_lost.requeue),
            revision: counted(config.revision),
            changed_by: config.changed.as_ref().map_or("", |changed| changed.by.as_str()),
            changed_at: config.changed.as_ref().map_or(0, |changed| changed.at.as_micros()),
        }
    }
}
