//! Sealing credentials.

use crate::provider_config::{ConfigName, CredentialName, SealedCredential, SealedFault, Secret};

/// Seals credentials for the store and opens them for agents. What is sealed belongs to the name of its configuration
/// and to its own name: under another name it does not open.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait SecretSealer: Send + Sync {
    /// Seals a credential with the newest key.
    ///
    /// # Errors
    /// There is no key that can be used.
    fn seal(
        &self,
        config: &ConfigName,
        name: &CredentialName,
        secret: &Secret,
    ) -> Result<SealedCredential, SealedFault>;

    /// Opens a credential, with whichever key it was sealed with.
    ///
    /// # Errors
    /// The key is not there, or the credential was changed or belongs elsewhere.
    fn open(
        &self,
        config: &ConfigName,
        name: &CredentialName,
        sealed: &SealedCredential,
    ) -> Result<Secret, SealedFault>;

    /// Whether a credential is sealed with the newest key.
    ///
    /// # Errors
    /// There is no key that can be used.
    fn is_current(&self, sealed: &SealedCredential) -> Result<bool, SealedFault>;
}
