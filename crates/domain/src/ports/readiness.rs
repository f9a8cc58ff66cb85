//! Whether a store can be worked with.

use async_trait::async_trait;

use super::StoreUnavailable;

/// Whether the store can be worked with, beyond that it answers.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Tries a write, as far as there is one that changes nothing. Says why it failed.
    async fn ready(&self) -> Result<(), StoreUnavailable>;
}
