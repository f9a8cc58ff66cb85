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

    /// Puts `next` in the place of `known`, unless another one stands there by now. Gives the one that holds then.
    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable>;

    /// Puts `next` in the place of a server's mark, if that is one of `known`; with none known it is put there whatever
    /// there is. `false` when the mark is another one, or missing: then nothing is changed.
    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable>;
}

/// What a server remembers of its store, where a restore of the store does not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStore {
    /// The epoch that held.
    pub epoch: Epoch,
    /// The mark that was left last; two of them while nobody knows whether the second got there.
    pub marks: Vec<StoreMark>,
}

/// Remembers [`KnownStore`] beside the store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait StoreMemory: Send + Sync {
    /// What was remembered last; `None` at the first start.
    async fn known(&self) -> Result<Option<KnownStore>, StoreUnavailable>;

    /// Remembers it; durable when this returns.
    async fn remember(&self, known: KnownStore) -> Result<(), StoreUnavailable>;
}
