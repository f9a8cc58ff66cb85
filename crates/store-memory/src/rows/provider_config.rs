//! Configurations of providers.

use flightdeck_domain::ports::{ProviderConfigRows, Rows};
use flightdeck_domain::provider_config::{ConfigName, ProviderConfig};

use crate::state::{State, put};

fn set(state: &mut State, name: ConfigName, config: Option<ProviderConfig>) -> Option<ProviderConfig> {
    put(&mut state.provider_configs, name, config)
}

impl ProviderConfigRows for State {
    async fn insert_provider_config(&mut self, config: &ProviderConfig) -> Rows<bool> {
        if self.provider_configs.contains_key(&config.name) {
            return Ok(false);
        }
        self.save_provider_config(config).await?;
        Ok(true)
    }

    async fn provider_config(&mut self, name: &ConfigName) -> Rows<Option<ProviderConfig>> {
        Ok(self.provider_configs.get(name).cloned())
    }

    async fn provider_configs(&mut self) -> Rows<Vec<ProviderConfig>> {
        Ok(self.provider_configs.values().cloned().collect())
    }

    async fn save_provider_config(&mut self, config: &ProviderConfig) -> Rows<()> {
        self.change(set, config.name.clone(), Some(config.clone()));
        Ok(())
    }

    async fn remove_provider_config(&mut self, name: &ConfigName) -> Rows<()> {
        self.change(set, name.clone(), None);
        Ok(())
    }
}
