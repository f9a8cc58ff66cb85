//! API keys.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::run::run;
use crate::action::{ActionName, Attribution};
use crate::api_key::{ApiKey, LastAdminKey};
use crate::audit::{AuditOutcome, AuditTarget};
use crate::ids::KeyId;
use crate::ports::{AccessRows, ApiKeyRepository, RevokeKeyError, Rows, StoreUnavailable, Transactional, Tx};

/// Stores a key: [`ApiKeyRepository::create`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn create<T: Tx>(tx: &mut T, key: &ApiKey, by: &Attribution) -> Rows<()> {
    tx.insert_key(key).await?;
    record(tx, ActionName::KeyCreate, key, by).await
}

/// Stores the first key: [`ApiKeyRepository::create_first`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn create_first<T: Tx>(tx: &mut T, key: &ApiKey, by: &Attribution) -> Rows<bool> {
    tx.lock_keys().await?;
    let first = !tx.any_key().await?;
    if first {
        create(tx, key, by).await?;
    }
    Ok(first)
}

/// Ends a key: [`ApiKeyRepository::revoke`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn revoke<T: Tx>(
    tx: &mut T,
    id: &KeyId,
    by: &Attribution,
) -> Result<Result<ApiKey, LastAdminKey>, RevokeKeyError> {
    // The other keys must not end before this one has.
    tx.lock_keys().await?;
    let mut key = tx.lock_key(id).await?.ok_or_else(|| RevokeKeyError::UnknownKey(id.clone()))?;
    if let Err(refused) = key.may_be_revoked(&tx.keys().await?, &by.actor, by.at) {
        let details = BTreeMap::from([("refusal".to_owned(), refused.to_string())]);
        let target = AuditTarget::Key(key.id.to_string());
        tx.record(by.audit(ActionName::KeyRevoke, target, AuditOutcome::Refused, details)).await?;
        return Ok(Err(refused));
    }
    key.revoked_at = key.revoked_at.or(Some(by.at));
    tx.save_key(&key).await?;
    record(tx, ActionName::KeyRevoke, &key, by).await?;
    Ok(Ok(key))
}

async fn record<T: Tx>(tx: &mut T, action: ActionName, key: &ApiKey, by: &Attribution) -> Rows<()> {
    let target = AuditTarget::Key(key.id.to_string());
    let details = if action == ActionName::KeyCreate { key.audit_details() } else { BTreeMap::new() };
    tx.record(by.audit(action, target, AuditOutcome::Accepted, details)).await?;
    Ok(())
}

#[async_trait]
impl<S: Transactional> ApiKeyRepository for S {
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable> {
        run!(self.write, (key, by), |tx| create(tx, &key, &by)).await
    }

    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable> {
        run!(self.write, (key, by), |tx| create_first(tx, &key, &by)).await
    }

    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        run!(self.read, (id), |tx| tx.key(&id)).await
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.keys()).await
    }

    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError> {
        let done: Result<_, RevokeKeyError> = run!(self.write, (id, by), |tx| revoke(tx, &id, &by)).await;
        Ok(done??)
    }
}
