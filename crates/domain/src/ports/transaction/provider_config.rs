//! Configurations of providers.

use super::Rows;
use crate::provider_config::{ConfigName, ProviderConfig};

/// The rows of configurations. A transaction that locks one of these locks nothing else except the audit log.
pub trait ProviderConfigRows: Send {
    /// Writes a configuration; `false` when its name is taken.
    fn insert_provider_config(&mut self, config: &ProviderConfig) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads a configuration.
    fn provider_config(&mut self, name: &ConfigName) -> impl Future<Output = Rows<Option<ProviderConfig>>> + Send;

    /// Reads and locks a configuration.
    fn lock_provider_config(&mut self, name: &ConfigName) -> impl Future<Output = Rows<Option<ProviderConfig>>> + Send {
        self.provider_config(name)
    }

    /// All configurations, by name, in the order of the bytes.
    fn provider_configs(&mut self) -> impl Future<Output = Rows<Vec<ProviderConfig>>> + Send;

    /// Writes everything of a configuration but its name.
    fn save_provider_config(&mut self, config: &ProviderConfig) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes a configuration.
    fn remove_provider_config(&mut self, name: &ConfigName) -> impl Future<Output = Rows<()>> + Send;
}
