//! API keys.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::Attribution;
use crate::api_key::ApiKey;
use crate::ids::KeyId;

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// There is no such key.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps API keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Stores a new key, with an audit entry in the same transaction.
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable>;

    /// The same, if there is no key at all, not even a revoked one; decided in the transaction, so that of many that try
    /// it at once one does. `false`: there is one, and nothing was written.
    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable>;

    /// One key, or `None`.
    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable>;

    /// All keys, oldest first, revoked ones too. There are few.
    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable>;

    /// Ends a key, with an audit entry in the same transaction. Revoking twice keeps the first time.
    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError>;
}
