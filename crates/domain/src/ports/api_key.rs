//! API keys.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::Attribution;
use crate::api_key::{ApiKey, LastAdminKey};
use crate::ids::KeyId;

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// There is no such key.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] LastAdminKey),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps API keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Stores a new key, with an audit entry in the same transaction.
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable>;

    /// The same, if there is no key at all, not even a revoked one. This is decided in the transaction, so that of many
    /// simultaneous calls one succeeds. `false`: there is a key already, and nothing was written.
    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable>;

    /// One key, or `None`.
    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable>;

    /// All keys, oldest first, including revoked ones. There are few.
    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable>;

    /// Revokes a key under the rule of [`ApiKey::may_be_revoked`], with an audit entry in the same transaction. Of two
    /// admins that revoke each other at the same time one stays. A second call keeps the first time.
    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError>;
}
