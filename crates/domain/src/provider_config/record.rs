//! Configurations as they are kept.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConfigName, CredentialName, DisplayName, Label, SealedCredential, Secret, StartedBy};
use crate::operator::Actor;
use crate::runner::WhenLost;
use crate::text::{JsonObject, ProviderName};
use crate::time::Timestamp;
use crate::usage::Budget;

/// The clear texts of the credentials of a configuration, for the start of an agent.
pub type Credentials = BTreeMap<CredentialName, Secret>;

/// The limits of the agents of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigLimits {
    /// How many of its agents may run at once on one server, at least 1; `None` for as many as the kind allows. Further
    /// agents wait for their turn, first come first served.
    pub at_once: Option<u32>,
    /// What each of its agents may use, together with the sessions below it.
    pub budget: Option<Budget>,
    /// What is done with agents whose runner is gone.
    pub when_lost: WhenLost,
}

impl ConfigLimits {
    /// The largest number of agents at once.
    pub const MOST_AT_ONCE: u32 = 1_000;
}

/// Where a configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The configuration file of the server. It cannot be changed over the API.
    File,
    /// The store.
    Stored,
}

impl ConfigSource {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Stored => "stored",
        }
    }
}

/// Who changed something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A configuration of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderConfig {
    /// Its name. Nothing else has it, of all kinds.
    pub name: ConfigName,
    /// The provider that runs its agents.
    pub kind: ProviderName,
    /// Its name for people.
    pub display_name: Option<DisplayName>,
    /// Whether agents may be started from it.
    pub enabled: bool,
    /// What the kind wants to know, in the form that the kind's schema says.
    pub settings: JsonObject,
    /// Its credentials, sealed. A configuration of the file has none here: its variables are in the settings.
    pub credentials: BTreeMap<CredentialName, SealedCredential>,
    /// The labels that a server needs to run its agents.
    pub labels: BTreeSet<Label>,
    /// The limits of its agents.
    pub limits: ConfigLimits,
    /// Rises by one with each change; the first is 1. A configuration of the file has 0.
    pub revision: u64,
    /// The last change; `None` for a configuration of the file.
    pub changed: Option<Changed>,
}

impl ProviderConfig {
    /// The most credentials of a configuration.
    pub const MOST_CREDENTIALS: usize = 50;
    /// The most labels of a configuration.
    pub const MOST_LABELS: usize = 50;

    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> ConfigSource {
        if self.changed.is_some() { ConfigSource::Stored } else { ConfigSource::File }
    }

    /// What sessions keep of it.
    #[must_use]
    pub fn as_start(&self) -> StartedBy {
        StartedBy { name: self.name.clone(), revision: self.revision }
    }

    /// The labels that a server with these does not have.
    #[must_use]
    pub fn lacks<'a>(&'a self, labels: &'a BTreeSet<Label>) -> Vec<&'a Label> {
        self.labels.difference(labels).collect()
    }
}
