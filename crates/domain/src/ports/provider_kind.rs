//! Kinds of providers that can be configured.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::{AgentProvider, Capabilities, SpawnError};
use crate::provider_config::{ConfigFault, CredentialName, Credentials, ProviderConfig, SettingsSchema};
use crate::text::{JsonObject, ProviderName};

/// What a trial of a configuration has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTrial {
    /// Whether an agent was started for it; a kind whose agents are started elsewhere starts none.
    pub started: bool,
    /// The name and version that the agent gave.
    pub agent: Option<String>,
    /// What the agent says that it can do, in the words of its protocol, sorted.
    pub offers: Vec<String>,
}

/// Why a trial failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TrialFailed(pub String);

/// A kind of provider: it publishes what its configurations look like, and makes providers of them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ProviderKind: Send + Sync {
    /// The name of the kind, which is that of the provider.
    fn kind(&self) -> ProviderName;

    /// The schema of its settings; by default it has none.
    fn schema(&self) -> SettingsSchema {
        SettingsSchema::empty()
    }

    /// Whether its agents are given credentials; by default not.
    fn takes_credentials(&self) -> bool {
        false
    }

    /// What is wrong with settings that fit the schema, and with the names of credentials, which the agents will have.
    fn check(&self, config: &ProviderConfig, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let _ = (config, credentials);
        Vec::new()
    }

    /// Checks the context of an agent as far as it can be checked on another machine than the agent's; by default not at
    /// all.
    ///
    /// # Errors
    /// No agent of this configuration takes it; the field is named.
    fn check_context(&self, config: &ProviderConfig, context: &JsonObject) -> Result<(), SpawnError> {
        let _ = (config, context);
        Ok(())
    }

    /// What the agents of this configuration can do.
    fn capabilities(&self, config: &ProviderConfig) -> Capabilities;

    /// Makes the provider of a configuration. It starts agents with these settings, also when the configuration is
    /// changed afterwards; commands to them go through the provider of the kind.
    ///
    /// # Errors
    /// The settings do not fit. They did when they were stored, perhaps for another version.
    fn build(&self, config: &ProviderConfig, credentials: Credentials) -> Result<Arc<dyn AgentProvider>, ConfigFault>;

    /// Starts an agent of the configuration, has it introduce itself, and ends it. It has no session. By default nothing is
    /// started, as of a kind whose agents are started elsewhere.
    ///
    /// # Errors
    /// It did not start, or did not introduce itself.
    async fn test(&self, config: &ProviderConfig, credentials: Credentials) -> Result<ProviderTrial, TrialFailed> {
        let _ = (config, credentials);
        Ok(ProviderTrial { started: false, agent: None, offers: Vec::new() })
    }

    /// The configurations of the configuration file. Their settings are for readers, without any value that may be a
    /// secret; the kind keeps what it needs to run them.
    fn of_file(&self) -> Vec<ProviderConfig> {
        Vec::new()
    }
}
