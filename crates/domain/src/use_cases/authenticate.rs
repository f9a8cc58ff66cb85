//! Checks keys and logins.

use std::sync::Arc;

use super::Has;
use crate::api_key::{ApiKey, KeyRejected, PlainKey};
use crate::login::{Login, LoginKind, LoginRejected, LoginToken};
use crate::operator::Principal;
use crate::ports::{ApiKeyRepository, Clock, LoginRepository, StoreUnavailable};

/// Why a caller was rejected.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The key is not valid.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
    /// The login is not valid.
    #[error(transparent)]
    Login(#[from] LoginRejected),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Checks keys and logins.
#[derive(Clone)]
pub struct Authenticate {
    keys: Arc<dyn ApiKeyRepository>,
    logins: Arc<dyn LoginRepository>,
    clock: Arc<dyn Clock>,
}

impl Authenticate {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApiKeyRepository> + Has<dyn LoginRepository> + Has<dyn Clock>,
    {
        Self { keys: ports.port(), logins: ports.port(), clock: ports.port() }
    }

    /// Finds the stored key that a client presents, and checks it.
    ///
    /// # Errors
    /// The key is unknown, wrong, revoked or expired; or the store is not available.
    pub async fn execute(&self, presented: &PlainKey) -> Result<(Principal, ApiKey), AuthenticateError> {
        let key = self.keys.find(presented.id.clone()).await?.ok_or(KeyRejected::Unknown)?;
        let principal = self.recheck(&key, presented)?;
        Ok((principal, key))
    }

    /// Checks against a stored key that was read a moment ago.
    ///
    /// # Errors
    /// The secret is wrong, or the key is no longer valid.
    pub fn recheck(&self, key: &ApiKey, presented: &PlainKey) -> Result<Principal, KeyRejected> {
        key.admit(presented, self.clock.now())
    }

    /// Whether a key that was valid is still valid, as the store says.
    ///
    /// # Errors
    /// It is gone, revoked or expired; or the store is not available.
    pub async fn still_good(&self, key: &ApiKey) -> Result<ApiKey, AuthenticateError> {
        let stored = self.keys.find(key.id.clone()).await?.ok_or(KeyRejected::Unknown)?;
        stored.usable_at(self.clock.now())?;
        Ok(stored)
    }

    /// Finds the stored login that a browser presents and the key that it acts as, and checks both.
    ///
    /// # Errors
    /// The login is unknown, wrong or over, or its key is; or the store is not available.
    pub async fn login(&self, presented: &LoginToken) -> Result<(Principal, ApiKey, Login), AuthenticateError> {
        let login = self.logins.login(presented.id.clone()).await?.ok_or(LoginRejected::Unknown)?;
        let key = self.keys.find(login.key_id.clone()).await?.ok_or(LoginRejected::Unknown)?;
        let principal = self.recheck_login(&login, &key, presented)?;
        Ok((principal, key, login))
    }

    /// Checks against a stored login and key that were read a moment ago.
    ///
    /// # Errors
    /// The secret is wrong, or the login or its key is no longer valid.
    pub fn recheck_login(
        &self,
        login: &Login,
        key: &ApiKey,
        presented: &LoginToken,
    ) -> Result<Principal, LoginRejected> {
        login.admit(presented, LoginKind::Session, key, self.clock.now())
    }

    /// Whether a login that was valid is still valid, as the store says. For its key, see [`Authenticate::still_good`].
    ///
    /// # Errors
    /// The login is gone or over; or the store is not available.
    pub async fn login_still_good(&self, login: &Login) -> Result<Login, AuthenticateError> {
        let stored = self.logins.login(login.id.clone()).await?.ok_or(LoginRejected::Unknown)?;
        stored.usable_at(self.clock.now())?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::operator::Role;
    use crate::text::KeyName;
    use crate::use_cases::testing::MockPorts;

    fn plain() -> PlainKey {
        PlainKey::from_random([1; 32], [2; 32])
    }

    fn stored() -> ApiKey {
        ApiKey {
            id: plain().id,
            name: KeyName::new("ops").expect("valid"),
            role: Role::Operator,
            bound_to: None,
            place: crate::session::SessionPlace::default(),
            missions: None,
            secret_hash: plain().secret_hash(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
        }
    }

    #[tokio::test]
    async fn a_good_key_names_its_principal() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().returning(|_| Ok(Some(stored())));
        let (principal, _) = Authenticate::new(&mocks.ports()).execute(&plain()).await.expect("let in");
        assert_eq!((principal.role, principal.actor().as_str()), (Role::Operator, "010101010101"));
    }

    #[tokio::test]
    async fn an_unknown_id_and_a_wrong_secret_get_the_same_answer() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().times(1).returning(|_| Ok(None));
        mocks.keys.expect_find().times(1).returning(|_| Ok(Some(stored())));
        let authenticate = Authenticate::new(&mocks.ports());
        let wrong = PlainKey::from_random([1; 32], [3; 32]);
        for _ in 0..2 {
            let refused = authenticate.execute(&wrong).await;
            assert!(matches!(refused, Err(AuthenticateError::Rejected(KeyRejected::Unknown))));
        }
    }

    #[tokio::test]
    async fn a_revoked_key_is_no_longer_good() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().returning(|_| Ok(Some(ApiKey { revoked_at: Some(at(1)), ..stored() })));
        let gone = Authenticate::new(&mocks.ports()).still_good(&stored()).await;
        assert!(matches!(gone, Err(AuthenticateError::Rejected(KeyRejected::Revoked))));
    }
}
