//! Credentials as they are stored.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A digest of a credential under a key of the deployment. It says whether two values are the same to those who see
/// both, and nothing about the value to those who do not have the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialDigest(pub String);

impl fmt::Display for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A credential, sealed. Only a [`SecretSealer`](crate::ports::SecretSealer) with the key can open it, and only under
/// the name of its configuration and its own name. All texts are hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealedCredential {
    /// Which key it is sealed with.
    pub key_id: String,
    /// The number that was used once.
    pub nonce: String,
    /// What can be opened.
    pub ciphertext: String,
    /// What the audit log says of it.
    pub digest: CredentialDigest,
}

impl fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedCredential").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Why a credential was not sealed or opened. None says anything about the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedFault {
    /// The key that it was sealed with is not there.
    #[error("there is no secrets key {0}; give this server the key that the credential was sealed with")]
    UnknownKey(String),
    /// It was changed, or belongs to another configuration or another name.
    #[error("the sealed credential was changed, or was copied from another configuration")]
    Broken,
    /// There is no key that can be used.
    #[error("the secrets key cannot be used: {0}")]
    Keys(String),
}
