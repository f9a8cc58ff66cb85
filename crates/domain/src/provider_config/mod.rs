//! Configurations of providers: which agents may be run, how, with which credentials and limits.
//!
//! A configuration has a name and a *kind*: the provider that runs its agents. Stored configurations are changed over
//! the API, each change raises the revision, and each change is on the audit log. Configurations of the configuration
//! file have the same form, but nobody can change them here.

mod change;
pub(crate) mod expected;
mod record;
mod schema;
mod sealed;
mod secret;
mod started;
mod text;

pub use change::{ConfigChange, ConfigDecision, ConfigDraft, ConfigEffect, ConfigRefused, Resealing};
pub use expected::{CredentialChanges, Expected};
pub use record::{Changed, ConfigLimits, ConfigSource, Credentials, ProviderConfig};
pub use schema::{ConfigFault, SettingsSchema, UncheckedWord};
pub use sealed::{CredentialDigest, SealedCredential, SealedFault};
pub use secret::{Secret, SecretFault};
pub use started::StartedBy;
pub use text::{ConfigName, CredentialName, DisplayName, Label};
