//! API keys.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flightdeck_domain::action::{ActionName, Attribution};
use flightdeck_domain::api_key::{ApiKey, KeyId};
use flightdeck_domain::audit::{AuditDraft, AuditOutcome, AuditTarget};
use flightdeck_domain::ports::{ApiKeyRepository, RevokeKeyError, StoreUnavailable};

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl ApiKeyRepository for MemoryStore {
    async fn create(&self, key: ApiKey, by: Attribution) -> Result<(), StoreUnavailable> {
        create(&mut self.state(), key, &by)
    }

    async fn create_first(&self, key: ApiKey, by: Attribution) -> Result<bool, StoreUnavailable> {
        let mut state = self.state();
        let first = state.keys.is_empty();
        if first {
            create(&mut state, key, &by)?;
        }
        Ok(first)
    }

    async fn find(&self, id: KeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(self.state().keys.get(&id).cloned())
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        let mut keys: Vec<ApiKey> = self.state().keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    async fn revoke(&self, id: KeyId, by: Attribution) -> Result<ApiKey, RevokeKeyError> {
        let mut state = self.state();
        let Some(key) = state.keys.get(&id) else { return Err(RevokeKeyError::UnknownKey(id)) };
        let revoked = ApiKey { revoked_at: key.revoked_at.or(Some(by.at)), ..key.clone() };
        let sealed = state.seal(entry(ActionName::KeyRevoke, &revoked, &by))?;
        state.audit.push(sealed);
        state.keys.insert(id, revoked.clone());
        Ok(revoked)
    }
}

fn create(state: &mut State, key: ApiKey, by: &Attribution) -> Result<(), StoreUnavailable> {
    if state.keys.contains_key(&key.id) {
        return Err(StoreUnavailable::new("the id of the key is taken"));
    }
    let sealed = state.seal(entry(ActionName::KeyCreate, &key, by))?;
    state.audit.push(sealed);
    state.keys.insert(key.id.clone(), key);
    Ok(())
}

fn entry(action: ActionName, key: &ApiKey, by: &Attribution) -> AuditDraft {
    let details = if action == ActionName::KeyCreate { key.audit_details() } else { BTreeMap::new() };
    by.audit(action, AuditTarget::Key(key.id.to_string()), AuditOutcome::Accepted, details)
}
