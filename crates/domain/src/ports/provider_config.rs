//! Stored configurations of providers.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::provider_config::{ConfigChange, ConfigName, ConfigRefused, ProviderConfig, Resealing};

/// Why a configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigChangeError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] ConfigRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps the configurations of providers that are changed over the API.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ProviderConfigRepository: Send + Sync {
    /// One configuration, or `None`.
    async fn provider_config(&self, name: ConfigName) -> Result<Option<ProviderConfig>, StoreUnavailable>;

    /// All configurations, by name, in the order of the bytes. There are few.
    async fn provider_configs(&self) -> Result<Vec<ProviderConfig>, StoreUnavailable>;

    /// Makes, changes or removes a configuration under the rules of [`ConfigChange::decide`], with the configuration
    /// locked. The change and the audit entry are written in one transaction; a refusal writes only its audit entry. If
    /// the entry cannot be written, nothing is written. Gives the configuration after the change, or as it was before
    /// its removal.
    async fn change_provider_config(&self, change: ConfigChange) -> Result<ProviderConfig, ConfigChangeError>;

    /// Replaces sealed credentials by the same ones, sealed with another key, under the rule of [`Resealing::decide`],
    /// with the audit entry in the same transaction. `false`: the configuration was changed in the meantime, and nothing
    /// was written.
    async fn reseal_credentials(&self, resealing: Resealing) -> Result<bool, StoreUnavailable>;
}
