//! Space of a store that nothing needs any more.

use async_trait::async_trait;

use super::StoreUnavailable;

/// A store that can give space back to the disk.
#[async_trait]
pub trait StoreSpace: Send + Sync {
    /// Gives back at most so many pages that are free, in one short write. Gives the number of pages that are still free and
    /// can be given back.
    async fn give_back(&self, pages: u32) -> Result<u64, StoreUnavailable>;
}
