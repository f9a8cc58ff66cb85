//! Keys are given out and ended.

use std::sync::Arc;
use std::time::Duration;

use super::Ports;
use crate::action::Origin;
use crate::api_key::{ApiKey, KeyId, PlainKey};
use crate::ids::SessionId;
use crate::operator::{Actor, Role};
use crate::ports::{ApiKeyRepository, Clock, IdGenerator, RevokeKeyError, StoreUnavailable};
use crate::text::{KeyName, RequestId};

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it.
    pub name: KeyName,
    /// What it is for.
    pub role: Role,
    /// For the role `agent`: the session whose subtree it is bound to. A session that is not registered yet will do;
    /// minted when missing. Ignored for every other role.
    pub bound_to: Option<SessionId>,
    /// How long it is good; for ever when missing.
    pub lifetime: Option<Duration>,
}

/// Makes keys.
#[derive(Clone)]
pub struct CreateKey {
    keys: Arc<dyn ApiKeyRepository>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl CreateKey {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { keys: Arc::clone(&ports.keys), clock: Arc::clone(&ports.clock), ids: Arc::clone(&ports.ids) }
    }

    /// Makes a key, with an audit entry. The clear text is in the result and nowhere else.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        new: NewKey,
        actor: Actor,
        request_id: RequestId,
    ) -> Result<(PlainKey, ApiKey), StoreUnavailable> {
        let (plain, key) = self.prepare(new);
        self.store(key.clone(), actor, request_id).await?;
        Ok((plain, key))
    }

    /// Makes a key without storing it: it opens nothing until [`CreateKey::store`]. For callers that must have the clear
    /// text in a safe place first.
    #[must_use]
    pub fn prepare(&self, new: NewKey) -> (PlainKey, ApiKey) {
        let now = self.clock.now();
        let plain = PlainKey::from_random(self.ids.random_bytes(), self.ids.random_bytes());
        let bound_to = match new.role {
            Role::Agent => Some(new.bound_to.unwrap_or_else(|| self.ids.session_id())),
            Role::Viewer | Role::Operator | Role::Admin => None,
        };
        let key = ApiKey {
            id: plain.id.clone(),
            name: new.name,
            role: new.role,
            bound_to,
            secret_hash: plain.secret_hash(),
            created_at: now,
            expires_at: new.lifetime.map(|lifetime| now.saturating_add(lifetime)),
            revoked_at: None,
        };
        (plain, key)
    }

    /// Stores a key that was prepared, with an audit entry.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn store(&self, key: ApiKey, actor: Actor, request_id: RequestId) -> Result<(), StoreUnavailable> {
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.keys.create(key, by).await
    }

    /// Stores a key that was prepared if there is no key at all, with an audit entry. `false`: there is one, and this one
    /// will never open anything.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn store_first(
        &self,
        key: ApiKey,
        actor: Actor,
        request_id: RequestId,
    ) -> Result<bool, StoreUnavailable> {
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.keys.create_first(key, by).await
    }
}

/// Lists keys.
#[derive(Clone)]
pub struct ListKeys {
    keys: Arc<dyn ApiKeyRepository>,
}

impl ListKeys {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { keys: Arc::clone(&ports.keys) }
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        self.keys.list().await
    }
}

/// Ends keys.
#[derive(Clone)]
pub struct RevokeKey {
    keys: Arc<dyn ApiKeyRepository>,
    clock: Arc<dyn Clock>,
}

impl RevokeKey {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { keys: Arc::clone(&ports.keys), clock: Arc::clone(&ports.clock) }
    }

    /// Ends a key, with an audit entry.
    ///
    /// # Errors
    /// There is no such key, or the store is not available.
    pub async fn execute(&self, id: KeyId, actor: Actor, request_id: RequestId) -> Result<ApiKey, RevokeKeyError> {
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.keys.revoke(id, by).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session_id};
    use crate::use_cases::testing::MockPorts;

    fn request() -> RequestId {
        RequestId::new("req-1").expect("valid")
    }

    #[tokio::test]
    async fn a_key_is_stored_as_its_hash_and_an_agent_key_is_bound() {
        let mut mocks = MockPorts::default();
        mocks
            .keys
            .expect_create()
            .withf(|key, by| key.bound_to == Some(session_id(900)) && by.actor == Actor::local_cli())
            .times(1)
            .returning(|_, _| Ok(()));
        let new = NewKey {
            name: KeyName::new("worker").expect("valid"),
            role: Role::Agent,
            bound_to: None,
            lifetime: Some(Duration::from_mins(1)),
        };
        let made = CreateKey::new(&mocks.ports()).execute(new, Actor::local_cli(), request()).await;
        let (plain, key) = made.expect("made");
        assert!(key.admit(&plain, at(59)).is_ok());
        assert!(key.admit(&plain, at(60)).is_err());
    }

    #[tokio::test]
    async fn revoking_an_unknown_key_says_so() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_revoke().returning(|id, _| Err(RevokeKeyError::UnknownKey(id)));
        let id = KeyId::new("0102030405ab").expect("valid");
        let gone = RevokeKey::new(&mocks.ports()).execute(id, Actor::local_cli(), request()).await;
        assert!(matches!(gone, Err(RevokeKeyError::UnknownKey(_))));
    }
}
