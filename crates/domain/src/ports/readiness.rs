//! Whether a store works.

use async_trait::async_trait;

use super::StoreUnavailable;

/// Whether the store can also be written, and not only answers.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Tries a write that changes nothing, if the store has one. Returns why it failed.
    async fn ready(&self) -> Result<(), StoreUnavailable>;
}
