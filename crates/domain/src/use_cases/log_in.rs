//! Logs browsers in, with a key or with a link, and out.

use std::sync::Arc;

use super::{Authenticate, AuthenticateError, Has};
use crate::action::Origin;
use crate::api_key::{ApiKey, KeyRejected, PlainKey};
use crate::login::{Login, LoginId, LoginKind, LoginRejected, LoginToken, NotForPeople};
use crate::operator::{Actor, Principal};
use crate::ports::{ApiKeyRepository, Clock, IdGenerator, LoginRepository, RedeemLinkError, StoreUnavailable};
use crate::text::RequestId;

/// Why a login was refused.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// The key is not valid.
    #[error(transparent)]
    Key(#[from] KeyRejected),
    /// The key is an agent's.
    #[error(transparent)]
    NotForPeople(#[from] NotForPeople),
    /// The link is not valid.
    #[error(transparent)]
    Link(#[from] LoginRejected),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl From<AuthenticateError> for LogInError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Rejected(rejected) => Self::Key(rejected),
            AuthenticateError::Login(rejected) => Self::Link(rejected),
            AuthenticateError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<RedeemLinkError> for LogInError {
    fn from(error: RedeemLinkError) -> Self {
        match error {
            RedeemLinkError::Rejected(rejected) => Self::Link(rejected),
            RedeemLinkError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// Logs browsers in and out.
#[derive(Clone)]
pub struct LogIn {
    authenticate: Authenticate,
    keys: Arc<dyn ApiKeyRepository>,
    logins: Arc<dyn LoginRepository>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl LogIn {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApiKeyRepository> + Has<dyn LoginRepository> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self {
            authenticate: Authenticate::new(ports),
            keys: ports.port(),
            logins: ports.port(),
            clock: ports.port(),
            ids: ports.port(),
        }
    }

    /// Gives a session for a valid key. Its clear text is only in the result.
    ///
    /// # Errors
    /// The key is not valid or is an agent's, or the store is not available.
    pub async fn with_key(
        &self,
        presented: &PlainKey,
        request_id: RequestId,
    ) -> Result<(LoginToken, Login), LogInError> {
        let (principal, key) = self.authenticate.execute(presented).await?;
        self.begin(LoginKind::Session, &key, Origin::new(principal.actor(), request_id)).await
    }

    /// Makes a link for a key that was checked. Its clear text is only in the result.
    ///
    /// # Errors
    /// The key is an agent's, or the store is not available.
    pub async fn make_link(&self, key: &ApiKey, by: Origin) -> Result<(LoginToken, Login), LogInError> {
        self.begin(LoginKind::Link, key, by).await
    }

    /// Gives a session to the first browser that opens a link.
    ///
    /// # Errors
    /// The link or its key is not valid, or the store is not available.
    pub async fn with_link(
        &self,
        presented: &LoginToken,
        request_id: RequestId,
    ) -> Result<(LoginToken, Login), LogInError> {
        let link = self.logins.login(presented.id.clone()).await?.ok_or(LoginRejected::Unknown)?;
        let key = self.keys.find(link.key_id.clone()).await?.ok_or(LoginRejected::Unknown)?;
        let now = self.clock.now();
        link.admit(presented, LoginKind::Link, &key, now)?;
        let token = self.token();
        let session = Login::of(LoginKind::Session, &key, &token, now)?;
        let by = Origin::new(Actor::key(&key.id), request_id).at(now);
        self.logins.redeem_link(link.id, session.clone(), by).await?;
        Ok((token, session))
    }

    /// Ends a session. Ending it again changes nothing.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn out(&self, id: LoginId, principal: &Principal, request_id: RequestId) -> Result<(), StoreUnavailable> {
        let by = Origin::new(principal.actor(), request_id).at(self.clock.now());
        self.logins.end_login(id, by).await.map(drop)
    }

    async fn begin(&self, kind: LoginKind, key: &ApiKey, by: Origin) -> Result<(LoginToken, Login), LogInError> {
        let now = self.clock.now();
        let token = self.token();
        let login = Login::of(kind, key, &token, now)?;
        self.logins.begin_login(login.clone(), by.at(now)).await?;
        Ok((token, login))
    }

    fn token(&self) -> LoginToken {
        LoginToken::from_random(self.ids.random_bytes(), self.ids.random_bytes())
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

    fn key(role: Role) -> ApiKey {
        ApiKey {
            id: plain().id,
            name: KeyName::new("ops").expect("valid"),
            role,
            bound_to: None,
            place: crate::session::SessionPlace::default(),
            missions: None,
            secret_hash: plain().secret_hash(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
        }
    }

    fn request() -> RequestId {
        RequestId::new("req-1").expect("valid")
    }

    fn link() -> (LoginToken, Login) {
        let token = LoginToken::from_random([3; 32], [4; 32]);
        let login = Login::of(LoginKind::Link, &key(Role::Operator), &token, at(0)).expect("allowed");
        (token, login)
    }

    #[tokio::test]
    async fn a_good_key_gets_a_session_that_is_stored_as_its_hash() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().returning(|_| Ok(Some(key(Role::Operator))));
        mocks
            .logins
            .expect_begin_login()
            .withf(|login, by| login.kind == LoginKind::Session && by.actor.as_str() == "010101010101")
            .times(1)
            .returning(|_, _| Ok(()));
        let (token, login) = LogIn::new(&mocks.ports()).with_key(&plain(), request()).await.expect("logged in");
        assert!(login.admit(&token, LoginKind::Session, &key(Role::Operator), at(1)).is_ok());
    }

    #[tokio::test]
    async fn a_bad_key_and_an_agents_key_get_none() {
        for stored in [None, Some(key(Role::Agent))] {
            let mut mocks = MockPorts::default();
            let known = stored.is_some();
            mocks.keys.expect_find().return_once(|_| Ok(stored));
            let refused = LogIn::new(&mocks.ports()).with_key(&plain(), request()).await.expect_err("refused");
            assert_eq!(matches!(refused, LogInError::NotForPeople(_)), known, "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_link_gives_a_session_of_its_key() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().returning(|_| Ok(Some(key(Role::Operator))));
        mocks.logins.expect_login().returning(|_| Ok(Some(link().1)));
        mocks
            .logins
            .expect_redeem_link()
            .withf(|id, session, _| *id == link().1.id && session.kind == LoginKind::Session)
            .times(1)
            .returning(|_, _, _| Ok(()));
        let (_, session) = LogIn::new(&mocks.ports()).with_link(&link().0, request()).await.expect("logged in");
        assert_eq!(session.key_id, plain().id);
    }

    #[tokio::test]
    async fn a_link_of_a_revoked_key_and_a_guessed_one_give_none() {
        let revoked = ApiKey { revoked_at: Some(at(0)), ..key(Role::Operator) };
        let guess = LoginToken::from_random([3; 32], [5; 32]);
        for (key, token) in [(revoked, link().0), (key(Role::Operator), guess)] {
            let mut mocks = MockPorts::default();
            mocks.keys.expect_find().return_once(|_| Ok(Some(key)));
            mocks.logins.expect_login().returning(|_| Ok(Some(link().1)));
            assert!(LogIn::new(&mocks.ports()).with_link(&token, request()).await.is_err());
        }
    }
}
