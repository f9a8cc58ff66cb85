//! An administrator changes and tries out the configurations of providers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resolve_provider::{ResolveError, ResolveProvider};
use super::{Has, MayHave, Providers, UnknownKind, credentials};
use crate::action::{ActionName, Origin};
use crate::audit::{AuditOutcome, AuditTarget};
use crate::ports::{
    Clock, ConfigChangeError, OperatorActions, ProviderConfigRepository, ProviderTrial, SecretSealer, StoreUnavailable,
    TrialFailed,
};
use crate::provider_config::{
    ConfigChange, ConfigDraft, ConfigFault, ConfigLimits, ConfigName, ConfigRefused, CredentialName, DisplayName,
    Expected, Label, ProviderConfig, SealedFault, Secret,
};
use crate::text::{JsonObject, ProviderName};

/// What somebody wants a configuration to be, with credentials in clear text.
#[derive(Clone, Debug, PartialEq)]
pub struct NewProviderConfig {
    /// The provider that runs its agents.
    pub kind: ProviderName,
    /// Its name for people.
    pub display_name: Option<DisplayName>,
    /// Whether agents may be started from it.
    pub enabled: bool,
    /// What the kind wants to know.
    pub settings: JsonObject,
    /// Credentials to set, or to remove (`None`). Those that are not named stay.
    pub credentials: BTreeMap<CredentialName, Option<Secret>>,
    /// The labels that a server needs.
    pub labels: BTreeSet<Label>,
    /// The limits of its agents.
    pub limits: ConfigLimits,
}

/// Why a configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageProviderError {
    /// Fields are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<ConfigFault>),
    /// It is in the configuration file.
    #[error("{0:?} is in the configuration file of this server; change it there")]
    OfFile(ConfigName),
    /// There is none of this name.
    #[error("there is no provider configuration {0:?}")]
    Unknown(ConfigName),
    /// A rule forbids it; the refusal is on the audit log.
    #[error(transparent)]
    Refused(ConfigRefused),
    /// A credential cannot be sealed.
    #[error("the credential was not sealed: {0}")]
    Sealing(SealedFault),
    /// Nothing can be started from it.
    #[error(transparent)]
    Unusable(ResolveError),
    /// The trial failed.
    #[error(transparent)]
    Trial(TrialFailed),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl From<ConfigChangeError> for ManageProviderError {
    fn from(error: ConfigChangeError) -> Self {
        match error {
            ConfigChangeError::Refused(refused) => Self::Refused(refused),
            ConfigChangeError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// Changes and tries out configurations.
#[derive(Clone)]
pub struct ManageProviders {
    configs: Arc<dyn ProviderConfigRepository>,
    sealer: Option<Arc<dyn SecretSealer>>,
    actions: Arc<dyn OperatorActions>,
    clock: Arc<dyn Clock>,
    resolve: ResolveProvider,
    providers: Providers,
}

impl ManageProviders {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn ProviderConfigRepository>
            + Has<dyn OperatorActions>
            + Has<dyn Clock>
            + MayHave<Arc<dyn SecretSealer>>,
    {
        Self {
            configs: ports.port(),
            sealer: ports.optional(),
            actions: ports.port(),
            clock: ports.port(),
            resolve: ResolveProvider::new(ports, providers),
            providers: providers.clone(),
        }
    }

    /// Makes or changes a configuration, with its audit entry.
    ///
    /// # Errors
    /// A field is wrong, the configuration is another one than expected or of the file, or the store is not available.
    pub async fn set(
        &self,
        name: ConfigName,
        new: NewProviderConfig,
        expected: Expected,
        origin: Origin,
    ) -> Result<ProviderConfig, ManageProviderError> {
        if self.providers.config_of_file(&name).is_some() {
            return Err(ManageProviderError::OfFile(name));
        }
        let existing = self.configs.provider_config(name.clone()).await?;
        let faults = self.faults(&name, &new, existing.as_ref());
        if !faults.is_empty() {
            return Err(ManageProviderError::Invalid(faults));
        }
        let credentials =
            credentials::seal(&self.sealer, &name, &new.credentials).map_err(ManageProviderError::Sealing)?;
        let NewProviderConfig { kind, display_name, enabled, settings, labels, limits, .. } = new;
        let draft = ConfigDraft { kind, display_name, enabled, settings, credentials, labels, limits };
        let change = ConfigChange { name, draft: Some(draft), expected, by: origin.at(self.clock.now()) };
        Ok(self.configs.change_provider_config(change).await?)
    }

    /// What is wrong with the fields of a configuration.
    fn faults(
        &self,
        name: &ConfigName,
        new: &NewProviderConfig,
        existing: Option<&ProviderConfig>,
    ) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        if !name.is_plain() {
            let right = "is not a name of at most 50 letters, digits, _, - and . that begins with a letter or digit";
            faults.push(ConfigFault::new("name", right));
        }
        let is_taken = ProviderName::new(name.as_str()).is_ok_and(|name| self.providers.is_a_kind(&name));
        if is_taken {
            faults.push(ConfigFault::new("name", format!("{name} is the name of a kind; choose another one")));
        }
        if new.labels.len() > ProviderConfig::MOST_LABELS {
            faults.push(ConfigFault::new("labels", format!("at most {} are allowed", ProviderConfig::MOST_LABELS)));
        }
        if new.limits.at_once.is_some_and(|most| !(1..=ConfigLimits::MOST_AT_ONCE).contains(&most)) {
            let right = format!("1 to {} is allowed", ConfigLimits::MOST_AT_ONCE);
            faults.push(ConfigFault::new("limits.atOnce", right));
        }
        let kind = match self.providers.kind(&new.kind) {
            Ok(kind) => kind,
            Err(unknown) => {
                faults.push(ConfigFault::new("kind", unknown.to_string()));
                return faults;
            }
        };
        let kept = existing.into_iter().flat_map(|config| config.credentials.keys());
        let credentials = credentials::names_after(kept, &new.credentials);
        if !kind.takes_credentials()
            && let Some(name) = credentials.first()
        {
            let problem = format!("the kind {} takes no credentials", new.kind);
            faults.push(ConfigFault::new(format!("credentials.{name}"), problem));
        }
        let of_schema = kind.schema().faults(new.settings.as_map());
        if of_schema.is_empty() {
            let config = ProviderConfig {
                name: name.clone(),
                kind: new.kind.clone(),
                display_name: new.display_name.clone(),
                enabled: new.enabled,
                settings: new.settings.clone(),
                credentials: BTreeMap::new(),
                labels: new.labels.clone(),
                limits: new.limits,
                revision: 1,
                changed: None,
            };
            faults.extend(kind.check(&config, &credentials));
        }
        faults.extend(of_schema);
        faults
    }

    /// Removes a stored configuration, with its audit entry. Agents that were started from it go on.
    ///
    /// # Errors
    /// There is none, it has another revision or is of the file, or the store is not available.
    pub async fn remove(
        &self,
        name: ConfigName,
        revision: u64,
        origin: Origin,
    ) -> Result<ProviderConfig, ManageProviderError> {
        if self.providers.config_of_file(&name).is_some() {
            return Err(ManageProviderError::OfFile(name));
        }
        let (expected, by) = (Expected::Revision(revision), origin.at(self.clock.now()));
        Ok(self.configs.change_provider_config(ConfigChange { name, draft: None, expected, by }).await?)
    }

    /// Starts an agent of a configuration, also of a disabled one, has it introduce itself, and ends it. The audit entry
    /// is written before, so that no program runs that is not on record.
    ///
    /// # Errors
    /// There is no such configuration, nothing can be started from it, it did not introduce itself, or the store is not
    /// available.
    pub async fn test(&self, name: ConfigName, origin: Origin) -> Result<ProviderTrial, ManageProviderError> {
        let config = match self.providers.config_of_file(&name) {
            Some(config) => Some(config),
            None => self.configs.provider_config(name.clone()).await?,
        };
        let Some(config) = config else { return Err(ManageProviderError::Unknown(name)) };
        let unusable = ManageProviderError::Unusable;
        let of_config = |unknown: UnknownKind| ResolveError::UnknownKind { config: config.name.clone(), unknown };
        let kind = self.providers.kind(&config.kind).map_err(|unknown| unusable(of_config(unknown)))?;
        let lacking: Vec<Label> = config.lacks(self.providers.labels()).into_iter().cloned().collect();
        if !lacking.is_empty() {
            return Err(unusable(ResolveError::Elsewhere { config: name, lacking }));
        }
        let credentials = self.resolve.credentials(&config).map_err(unusable)?;
        let details = [("revision".to_owned(), config.revision.to_string())].into();
        let target = AuditTarget::Provider(config.name.clone());
        let by = origin.at(self.clock.now());
        self.actions.record(by.audit(ActionName::ProviderTest, target, AuditOutcome::Accepted, details)).await?;
        let trial = kind.test(&config, credentials.clone()).await;
        let without = |text: String| credentials::without(text, &credentials);
        match trial {
            Ok(ProviderTrial { started, agent, offers }) => Ok(ProviderTrial {
                started,
                agent: agent.map(without),
                offers: offers.into_iter().map(without).collect(),
            }),
            Err(TrialFailed(text)) => Err(ManageProviderError::Trial(TrialFailed(without(text)))),
        }
    }
}

#[cfg(test)]
mod tests;
