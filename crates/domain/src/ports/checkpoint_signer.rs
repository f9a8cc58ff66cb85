//! Who signs checkpoints of the audit log.

use crate::audit::{CheckpointKey, CheckpointSignature};

/// Signs checkpoints. The secret is no part of the database.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait CheckpointSigner: Send + Sync {
    /// The key that its signatures are checked with.
    fn public_key(&self) -> CheckpointKey;

    /// Signs bytes.
    fn sign(&self, bytes: &[u8]) -> CheckpointSignature;
}
