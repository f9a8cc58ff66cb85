//! Reads the configurations of providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Has, Providers};
use crate::ports::{Capabilities, ProviderConfigRepository, StoreUnavailable};
use crate::provider_config::{ConfigName, Label, ProviderConfig};
use crate::text::ProviderName;

/// A configuration, and what its agents can do here.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedConfig {
    /// The configuration, its credentials sealed.
    pub config: ProviderConfig,
    /// What its agents can do; `None` when this server does not have its kind.
    pub capabilities: Option<Capabilities>,
    /// Why nothing is started from it on this server; `None` when it can be.
    pub hindrance: Option<String>,
}

/// Reads configurations.
#[derive(Clone)]
pub struct ReadProviderConfigs {
    configs: Arc<dyn ProviderConfigRepository>,
    providers: Providers,
}

impl ReadProviderConfigs {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn ProviderConfigRepository>,
    {
        Self { configs: ports.port(), providers: providers.clone() }
    }

    /// All configurations of this server, by name: those of its file, and the stored ones. A stored one that is called
    /// like one of the file is not used here and not listed.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn list(&self) -> Result<Vec<DescribedConfig>, StoreUnavailable> {
        let stored = self.configs.provider_configs().await?;
        let all = stored.into_iter().chain(self.providers.configs_of_file());
        let by_name: BTreeMap<ConfigName, ProviderConfig> = all.map(|config| (config.name.clone(), config)).collect();
        Ok(by_name.into_values().map(|config| self.describe(config)).collect())
    }

    /// One configuration, or `None`.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn get(&self, name: &ConfigName) -> Result<Option<DescribedConfig>, StoreUnavailable> {
        let config = match self.providers.config_of_file(name) {
            Some(config) => Some(config),
            None => self.configs.provider_config(name.clone()).await?,
        };
        Ok(config.map(|config| self.describe(config)))
    }

    /// A configuration, with what its agents can do.
    #[must_use]
    pub fn describe(&self, config: ProviderConfig) -> DescribedConfig {
        let kind = self.providers.kind(&config.kind);
        let lacking = config.lacks(self.providers.labels());
        let hindrance = match &kind {
            Err(unknown) => Some(unknown.to_string()),
            Ok(_) if !config.enabled => Some("it is disabled".to_owned()),
            // Runners may have them.
            Ok(_) if !lacking.is_empty() && self.providers.kind(&ProviderName::runner()).is_err() => {
                let lacking: Vec<&str> = lacking.into_iter().map(Label::as_str).collect();
                Some(format!("this server lacks the labels {}", lacking.join(", ")))
            }
            Ok(_) => None,
        };
        DescribedConfig { capabilities: kind.ok().map(|kind| kind.capabilities(&config)), hindrance, config }
    }
}
