//! Whether the store is still the one that a server knows, and which history it holds.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::epoch::{Epoch, StoreMark};

/// Keeps the epoch of a deployment, and a mark of each of its servers.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EpochRepository: Send + Sync {
    /// The epoch; `None` before the first.
    async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable>;

    /// Replaces `known` by `next`, unless another one is stored by now. Gives the stored one.
    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable>;

    /// Replaces a server's mark by `next`, if the stored mark is one of `known`; with none known it is always replaced.
    /// `false` when the stored mark is another one, or is missing: then nothing is changed.
    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable>;
}

/// What a server remembers of its store, where a restore of the store does not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStore {
    /// The last known epoch.
    pub epoch: Epoch,
    /// The mark that was written last; two marks while it is not known whether the second reached the store.
    pub marks: Vec<StoreMark>,
}

/// Remembers [`KnownStore`] beside the store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait StoreMemory: Send + Sync {
    /// Gives what was remembered last; `None` at the first start.
    async fn known(&self) -> Result<Option<KnownStore>, StoreUnavailable>;

    /// Remembers the store; durable when this returns.
    async fn remember(&self, known: KnownStore) -> Result<(), StoreUnavailable>;
}
