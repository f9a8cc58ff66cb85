//! API keys.

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::action::{ActionName, Attribution};
use flightdeck_domain::api_key::{ApiKey, KeyId};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ports::{ApiKeyRepository, RevokeKeyError, StoreUnavailable};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{api_keys, audit_log};

#[async_trait]
impl ApiKeyRepository for SqliteStore {
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable> {
        self.writer.write(move |connection| Ok(create(connection, &key, &by)?)).await
    }

    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable> {
        self.writer.write(move |connection| Ok(create_first(connection, &key, &by)?)).await
    }

    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| api_keys::get(connection, &id)).await?)
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        Ok(self.readers.read(api_keys::list).await?)
    }

    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError> {
        self.writer.write(move |connection| revoke(connection, id, &by)).await
    }
}

fn create(connection: &mut SqliteConnection, key: &ApiKey, by: &Attribution) -> Result<(), StoreError> {
    api_keys::insert(connection, key)?;
    record(connection, ActionName::KeyCreate, key, by)
}

/// There is one writer, so nobody makes another one meanwhile.
fn create_first(connection: &mut SqliteConnection, key: &ApiKey, by: &Attribution) -> Result<bool, StoreError> {
    let first = !api_keys::any(connection)?;
    if first {
        create(connection, key, by)?;
    }
    Ok(first)
}

fn revoke(connection: &mut SqliteConnection, id: KeyId, by: &Attribution) -> Result<ApiKey, RevokeKeyError> {
    let mut key = api_keys::get(connection, &id)?.ok_or(RevokeKeyError::UnknownKey(id))?;
    key.revoked_at = key.revoked_at.or(Some(by.at));
    api_keys::save(connection, &key)?;
    record(connection, ActionName::KeyRevoke, &key, by)?;
    Ok(key)
}

fn record(
    connection: &mut SqliteConnection,
    action: ActionName,
    key: &ApiKey,
    by: &Attribution,
) -> Result<(), StoreError> {
    let target = AuditTarget::Key(key.id.to_string());
    let details = if action == ActionName::KeyCreate { key.audit_details() } else { BTreeMap::new() };
    audit_log::append(connection, by.audit(action, target, AuditOutcome::Accepted, details))?;
    Ok(())
}
