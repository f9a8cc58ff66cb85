//! How a configuration is changed, and when not.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::expected::{Conflict, CredentialChanges, changed_credentials, digests, resealed};
use super::{
    Changed, ConfigLimits, ConfigName, CredentialName, DisplayName, Expected, Label, ProviderConfig, SealedCredential,
};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::hex::hex;
use crate::text::{JsonObject, ProviderName};

/// What somebody wants a configuration to be.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigDraft {
    /// The provider that runs its agents.
    pub kind: ProviderName,
    /// Its name for people.
    pub display_name: Option<DisplayName>,
    /// Whether agents may be started from it.
    pub enabled: bool,
    /// What the kind wants to know.
    pub settings: JsonObject,
    /// Credentials to set, or to remove (`None`). Those that are not named stay: nobody can read them to send them
    /// again.
    pub credentials: CredentialChanges,
    /// The labels that a server needs.
    pub labels: BTreeSet<Label>,
    /// The limits of its agents.
    pub limits: ConfigLimits,
}

/// A change of a stored configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigChange {
    /// Its name.
    pub name: ConfigName,
    /// What it is to be; `None` removes it.
    pub draft: Option<ConfigDraft>,
    /// What the caller knows of it.
    pub expected: Expected,
    /// Who wants it.
    pub by: Attribution,
}

/// Why a configuration was not changed. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigRefused {
    /// There is none of this name.
    #[error("there is no stored provider configuration {0:?}")]
    Unknown(ConfigName),
    /// There is one already.
    #[error("there is a provider configuration {name:?} already, at revision {revision}; send If-Match to change it")]
    Exists {
        /// Its name.
        name: ConfigName,
        /// Its revision.
        revision: u64,
    },
    /// Somebody else has changed it.
    #[error("provider configuration {name:?} is at revision {current}, not {expected}; read it again")]
    Stale {
        /// Its name.
        name: ConfigName,
        /// The revision that the caller knows.
        expected: u64,
        /// The revision that it has.
        current: u64,
    },
    /// The kind cannot be changed: its credentials were given for another one.
    #[error("the kind of {name:?} is {kind}; remove the configuration and make another one to change it")]
    OtherKind {
        /// Its name.
        name: ConfigName,
        /// Its kind.
        kind: ProviderName,
    },
    /// It would have more credentials than are allowed.
    #[error("at most {} credentials are allowed", ProviderConfig::MOST_CREDENTIALS)]
    TooManyCredentials,
}

/// What an accepted change writes.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigEffect {
    /// A new configuration.
    Create(ProviderConfig),
    /// The configuration in its new state.
    Change(ProviderConfig),
    /// The configuration that is removed, as it was.
    Remove(ProviderConfig),
}

impl ConfigEffect {
    /// The configuration, after the change or before its removal.
    #[must_use]
    pub fn into_config(self) -> ProviderConfig {
        match self {
            Self::Create(config) | Self::Change(config) | Self::Remove(config) => config,
        }
    }
}

/// The decision, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigDecision {
    /// What to write, or why nothing is written.
    pub outcome: Result<ConfigEffect, ConfigRefused>,
    /// What to write to the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl ConfigChange {
    /// Decides the change. A store calls this under the lock of the configuration.
    #[must_use]
    pub fn decide(&self, existing: Option<&ProviderConfig>) -> ConfigDecision {
        let action = if self.draft.is_some() { ActionName::ProviderSet } else { ActionName::ProviderRemove };
        let target = AuditTarget::Provider(self.name.clone());
        match self.effect(existing) {
            Ok(effect) => {
                let details = self.details(existing, &effect);
                let audit = self.by.audit(action, target, AuditOutcome::Accepted, details);
                ConfigDecision { outcome: Ok(effect), audit }
            }
            Err(refused) => self.refuse(refused),
        }
    }

    /// Refuses the change.
    #[must_use]
    pub fn refuse(&self, refused: ConfigRefused) -> ConfigDecision {
        let action = if self.draft.is_some() { ActionName::ProviderSet } else { ActionName::ProviderRemove };
        let details = [("refusal".to_owned(), refused.to_string())].into();
        let target = AuditTarget::Provider(self.name.clone());
        let audit = self.by.audit(action, target, AuditOutcome::Refused, details);
        ConfigDecision { outcome: Err(refused), audit }
    }

    fn effect(&self, existing: Option<&ProviderConfig>) -> Result<ConfigEffect, ConfigRefused> {
        let name = self.name.clone();
        self.expected.meets(existing.map(|config| config.revision)).map_err(|conflict| match conflict {
            Conflict::Unknown => ConfigRefused::Unknown(name.clone()),
            Conflict::Exists { revision } => ConfigRefused::Exists { name: name.clone(), revision },
            Conflict::Stale { expected, current } => ConfigRefused::Stale { name: name.clone(), expected, current },
        })?;
        match (&self.draft, existing) {
            (None, None) => Err(ConfigRefused::Unknown(name)),
            (None, Some(config)) => Ok(ConfigEffect::Remove(config.clone())),
            (Some(draft), None) => Ok(ConfigEffect::Create(self.config(draft, BTreeMap::new(), 1)?)),
            (Some(draft), Some(config)) if draft.kind != config.kind => {
                Err(ConfigRefused::OtherKind { name, kind: config.kind.clone() })
            }
            (Some(draft), Some(config)) => {
                let kept = config.credentials.clone();
                Ok(ConfigEffect::Change(self.config(draft, kept, config.revision.saturating_add(1))?))
            }
        }
    }

    fn config(
        &self,
        draft: &ConfigDraft,
        kept: BTreeMap<CredentialName, SealedCredential>,
        revision: u64,
    ) -> Result<ProviderConfig, ConfigRefused> {
        let credentials = changed_credentials(kept, &draft.credentials);
        if credentials.len() > ProviderConfig::MOST_CREDENTIALS {
            return Err(ConfigRefused::TooManyCredentials);
        }
        Ok(ProviderConfig {
            name: self.name.clone(),
            kind: draft.kind.clone(),
            display_name: draft.display_name.clone(),
            enabled: draft.enabled,
            settings: draft.settings.clone(),
            credentials,
            labels: draft.labels.clone(),
            limits: draft.limits,
            revision,
            changed: Some(Changed { by: self.by.actor.clone(), at: self.by.at }),
        })
    }

    /// What the entry says: the revision, a digest of the settings and of each credential that was given, and which were
    /// removed. Settings and credentials themselves are never copied.
    fn details(&self, existing: Option<&ProviderConfig>, effect: &ConfigEffect) -> BTreeMap<String, String> {
        let (ConfigEffect::Create(config) | ConfigEffect::Change(config) | ConfigEffect::Remove(config)) = effect;
        let mut details = BTreeMap::from([
            ("kind".to_owned(), config.kind.to_string()),
            ("revision".to_owned(), config.revision.to_string()),
        ]);
        let Some(draft) = &self.draft else { return details };
        details.insert("enabled".to_owned(), config.enabled.to_string());
        details.insert("settingsSha256".to_owned(), hex(&Sha256::digest(config.settings.to_string())));
        if let Some(before) = existing {
            let changed = changes(before, config);
            details.insert("changed".to_owned(), changed.join(","));
        }
        if let Some(given) = digests(&draft.credentials) {
            details.insert("credentials".to_owned(), given);
        }
        details
    }
}

/// The fields that differ, as the API names them.
fn changes(before: &ProviderConfig, after: &ProviderConfig) -> Vec<&'static str> {
    let differs = [
        ("displayName", before.display_name != after.display_name),
        ("enabled", before.enabled != after.enabled),
        ("settings", !before.settings.says_the_same(&after.settings)),
        ("credentials", before.credentials != after.credentials),
        ("labels", before.labels != after.labels),
        ("limits", before.limits != after.limits),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

/// The credentials of a configuration, sealed with another key. Nothing else of it changes, not even its revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Resealing {
    /// The name of the configuration.
    pub name: ConfigName,
    /// The revision whose credentials these are.
    pub revision: u64,
    /// All its credentials.
    pub credentials: BTreeMap<CredentialName, SealedCredential>,
    /// Who wants it.
    pub by: Attribution,
}

impl Resealing {
    /// The configuration with these credentials and the audit entry; `None` when it was changed in the meantime, and the
    /// caller has to read it again.
    #[must_use]
    pub fn decide(&self, existing: Option<&ProviderConfig>) -> Option<(ProviderConfig, AuditDraft)> {
        let config = existing.filter(|config| config.revision == self.revision)?;
        if !config.credentials.keys().eq(self.credentials.keys()) {
            return None;
        }
        let details = resealed(&self.credentials, config.revision);
        let target = AuditTarget::Provider(self.name.clone());
        let audit = self.by.audit(ActionName::SecretsRotate, target, AuditOutcome::Accepted, details);
        Some((ProviderConfig { credentials: self.credentials.clone(), ..config.clone() }, audit))
    }
}

#[cfg(test)]
mod tests;
