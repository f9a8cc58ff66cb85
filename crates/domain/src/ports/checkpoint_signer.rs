//! The signer of checkpoints of the audit log.

use crate::audit::{CheckpointKey, CheckpointSignature};

/// Signs checkpoints. The secret is not in the database.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait CheckpointSigner: Send + Sync {
    /// The key that verifies its signatures.
    fn public_key(&self) -> CheckpointKey;

    /// Signs bytes.
    fn sign(&self, bytes: &[u8]) -> CheckpointSignature;
}
