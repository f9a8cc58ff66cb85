//! What a spawn is started from: a provider, or a configuration of one.

mod elsewhere;

use std::sync::Arc;

use self::elsewhere::Elsewhere;
use super::{Has, MayHave, Providers, UnknownKind, UnknownProvider, credentials};
use crate::ports::{AgentProvider, ProviderConfigRepository, SecretSealer, StoreUnavailable};
use crate::provider_config::{
    ConfigFault, ConfigName, CredentialName, Credentials, Label, ProviderConfig, SealedFault, StartedBy,
};
use crate::text::{AgentType, ProviderName};
use crate::usage::Budget;

/// Why nothing can be started from what was named.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is neither a provider nor a configuration of that name.
    #[error(transparent)]
    UnknownProvider(#[from] UnknownProvider),
    /// The configuration is of a kind that this server does not have.
    #[error("provider configuration {config:?}: {unknown}")]
    UnknownKind {
        /// The configuration.
        config: ConfigName,
        /// Which kind.
        unknown: UnknownKind,
    },
    /// The configuration was removed.
    #[error("provider configuration {0:?} was removed")]
    Removed(ConfigName),
    /// The configuration is disabled.
    #[error("provider configuration {0:?} is disabled; nothing is started from it until it is enabled")]
    Disabled(ConfigName),
    /// The configuration wants another server.
    #[error(
        "provider configuration {config:?} runs on servers with the labels {}, and this one lacks them",
        .lacking.iter().map(Label::as_str).collect::<Vec<_>>().join(", ")
    )]
    Elsewhere {
        /// The configuration.
        config: ConfigName,
        /// The labels that this server does not have.
        lacking: Vec<Label>,
    },
    /// A credential cannot be opened.
    #[error("credential {credential} of provider configuration {config:?} cannot be opened: {fault}")]
    Sealed {
        /// The configuration.
        config: ConfigName,
        /// The credential.
        credential: CredentialName,
        /// Why not.
        fault: SealedFault,
    },
    /// The stored settings do not fit the kind of this version.
    #[error("provider configuration {config:?}: {fault}")]
    Unfit {
        /// The configuration.
        config: ConfigName,
        /// What does not fit.
        fault: ConfigFault,
    },
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// What a spawn is started from.
#[derive(Clone)]
pub struct Resolved {
    /// The name of the provider, which the session bears.
    pub provider_name: ProviderName,
    /// What starts the agent.
    pub provider: Arc<dyn AgentProvider>,
    /// The configuration, if it is started from one.
    pub started_by: Option<StartedBy>,
    /// What the agent may use.
    pub budget: Option<Budget>,
}

/// Finds what a spawn is started from. Stored configurations are read each time, so a change counts for the next spawn,
/// on every server.
#[derive(Clone)]
pub struct ResolveProvider {
    configs: Arc<dyn ProviderConfigRepository>,
    sealer: Option<Arc<dyn SecretSealer>>,
    providers: Providers,
}

impl ResolveProvider {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn ProviderConfigRepository> + MayHave<Arc<dyn SecretSealer>>,
    {
        Self { configs: ports.port(), sealer: ports.optional(), providers: providers.clone() }
    }

    /// Finds a provider or a configuration by its name. A provider that starts agents of configured types takes the
    /// configuration that is called like the type of the agent. Without a name it is the configuration that is called
    /// so, otherwise `internal`. Configurations of the file go before stored ones.
    ///
    /// # Errors
    /// There is none, or nothing can be started from it now.
    pub async fn execute(
        &self,
        provider: Option<&ProviderName>,
        agent_type: &AgentType,
    ) -> Result<Resolved, ResolveError> {
        let type_name = ConfigName::new(agent_type.as_str()).ok();
        let Some(name) = provider else {
            let of_file = self.providers.for_agent(agent_type);
            if of_file == ProviderName::internal()
                && let Some(name) = &type_name
                && let Some(config) = self.stored(name).await?
            {
                return self.of_config(&config);
            }
            return self.of_provider(of_file, type_name, agent_type).await;
        };
        if self.providers.get(name).is_ok() {
            return self.of_provider(name.clone(), type_name, agent_type).await;
        }
        match self.config(name).await? {
            Some(config) => self.of_config(&config),
            None => Err(self.unknown(name).await?.into()),
        }
    }

    async fn of_provider(
        &self,
        provider_name: ProviderName,
        type_name: Option<ConfigName>,
        agent_type: &AgentType,
    ) -> Result<Resolved, ResolveError> {
        let provider = Arc::clone(self.providers.get(&provider_name)?);
        let is_kind = self.providers.kind(&provider_name).is_ok();
        let types = if is_kind { provider.agent_types() } else { None };
        let mut started_by = None;
        if let (Some(types), Some(name)) = (types, type_name) {
            if types.contains(agent_type) {
                started_by = Some(StartedBy { name, revision: 0 });
            } else if let Some(config) = self.stored(&name).await?.filter(|config| config.kind == provider_name) {
                return self.of_config(&config);
            }
        }
        Ok(Resolved { provider_name, provider, started_by, budget: None })
    }

    async fn stored(&self, name: &ConfigName) -> Result<Option<ProviderConfig>, StoreUnavailable> {
        if name.is_plain() { self.configs.provider_config(name.clone()).await } else { Ok(None) }
    }

    async fn config(&self, name: &ProviderName) -> Result<Option<ProviderConfig>, StoreUnavailable> {
        let Ok(name) = ConfigName::new(name.as_str()) else { return Ok(None) };
        match self.providers.config_of_file(&name) {
            Some(config) => Ok(Some(config)),
            None => self.stored(&name).await,
        }
    }

    async fn unknown(&self, name: &ProviderName) -> Result<UnknownProvider, StoreUnavailable> {
        let of_file = self.providers.configs_of_file().into_iter().map(|config| config.name.to_string());
        let stored = self.configs.provider_configs().await?.into_iter().map(|config| config.name.to_string());
        let mut known: Vec<String> = self.providers.iter().map(|provider| provider.name().to_string()).collect();
        known.extend(of_file.chain(stored));
        known.dedup();
        Ok(UnknownProvider { name: name.to_string(), known })
    }

    /// What is started from a configuration now.
    ///
    /// # Errors
    /// Nothing can be started from it.
    pub fn of_config(&self, config: &ProviderConfig) -> Result<Resolved, ResolveError> {
        let name = || config.name.clone();
        if !config.enabled {
            return Err(ResolveError::Disabled(name()));
        }
        let lacking: Vec<Label> = config.lacks(self.providers.labels()).into_iter().cloned().collect();
        if config.kind == ProviderName::runner() || !lacking.is_empty() {
            // Credentials are opened when a runner starts the agent.
            if let Ok(runner) = self.providers.kind(&ProviderName::runner()) {
                let provider = runner.build(config, Credentials::new());
                let assigns = provider.map_err(|fault| ResolveError::Unfit { config: name(), fault })?;
                let provider: Arc<dyn AgentProvider> = match self.providers.kind(&config.kind) {
                    Ok(kind) if config.kind != ProviderName::runner() => {
                        Arc::new(Elsewhere { assigns, kind: Arc::clone(kind), config: config.clone() })
                    }
                    // Only the runner knows what its words mean.
                    _ => assigns,
                };
                return Ok(Resolved {
                    provider_name: ProviderName::runner(),
                    provider,
                    started_by: Some(config.as_start()),
                    budget: config.limits.budget,
                });
            }
        }
        if !lacking.is_empty() {
            return Err(ResolveError::Elsewhere { config: name(), lacking });
        }
        let kind = self.providers.kind(&config.kind);
        let kind = kind.map_err(|unknown| ResolveError::UnknownKind { config: name(), unknown })?;
        let provider = kind.build(config, self.credentials(config)?);
        let provider = provider.map_err(|fault| ResolveError::Unfit { config: name(), fault })?;
        Ok(Resolved {
            provider_name: config.kind.clone(),
            provider,
            started_by: Some(config.as_start()),
            budget: config.limits.budget,
        })
    }

    /// The credentials of what a session was started from, as they are now. None of an agent of the file, which has none, and
    /// none of a configuration that is gone.
    ///
    /// # Errors
    /// One of them cannot be opened, or the store is not available.
    pub async fn credentials_of(&self, started_by: &StartedBy) -> Result<Credentials, ResolveError> {
        if started_by.revision == 0 {
            return Ok(Credentials::new());
        }
        match self.stored(&started_by.name).await? {
            Some(config) => self.credentials(&config),
            None => Ok(Credentials::new()),
        }
    }

    /// The clear texts of the credentials of a configuration.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub fn credentials(&self, config: &ProviderConfig) -> Result<Credentials, ResolveError> {
        credentials::open(&self.sealer, &config.name, &config.credentials)
            .map_err(|(credential, fault)| ResolveError::Sealed { config: config.name.clone(), credential, fault })
    }
}

#[cfg(test)]
mod tests;
