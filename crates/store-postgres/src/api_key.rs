//! API keys.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flightdeck_domain::action::{ActionName, Attribution};
use flightdeck_domain::api_key::{ApiKey, KeyId};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ports::{ApiKeyRepository, RevokeKeyError, StoreUnavailable};

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::locks;
use crate::tables::api_keys;

#[async_trait]
impl ApiKeyRepository for PostgresStore {
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable> {
        Ok(on!(self.write, (key, by), |tx| create(tx, key, by)).await?)
    }

    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable> {
        Ok(on!(self.write, (key, by), |tx| create_first(tx, key, by)).await?)
    }

    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(on!(self.read, (id), |connection| api_keys::get(connection, id)).await?)
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| api_keys::list(connection)).await?)
    }

    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError> {
        on!(self.write, (id, by), |tx| revoke(tx, id, by)).await
    }
}

async fn create(tx: &mut Transaction, key: &ApiKey, by: &Attribution) -> Result<(), StoreError> {
    api_keys::insert(tx, key).await?;
    record(tx, ActionName::KeyCreate, key, by).await
}

async fn create_first(tx: &mut Transaction, key: &ApiKey, by: &Attribution) -> Result<bool, StoreError> {
    locks::all_keys(tx).await?;
    let first = !api_keys::any(tx).await?;
    if first {
        create(tx, key, by).await?;
    }
    Ok(first)
}

async fn revoke(tx: &mut Transaction, id: &KeyId, by: &Attribution) -> Result<ApiKey, RevokeKeyError> {
    let mut key = api_keys::lock(tx, id).await?.ok_or(RevokeKeyError::UnknownKey(id.clone()))?;
    key.revoked_at = key.revoked_at.or(Some(by.at));
    api_keys::save(tx, &key).await?;
    record(tx, ActionName::KeyRevoke, &key, by).await?;
    Ok(key)
}

async fn record(tx: &mut Transaction, action: ActionName, key: &ApiKey, by: &Attribution) -> Result<(), StoreError> {
    let target = AuditTarget::Key(key.id.to_string());
    let details = if action == ActionName::KeyCreate { key.audit_details() } else { BTreeMap::new() };
    tx.record(by.audit(action, target, AuditOutcome::Accepted, details)).await?;
    Ok(())
}
