//! Who may do this, and on which session.

use std::sync::Arc;

use super::Ports;
use crate::ids::SessionId;
use crate::operator::{Permission, Principal};
use crate::ports::{SessionRepository, StoreUnavailable};

/// Why something was denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The role may not do it anywhere.
    #[error("a key with the role {0} may not do this")]
    Role(&'static str),
    /// The role may do it, but not on this session.
    #[error("this key is bound to session {bound_to} and those below it")]
    OutsideSubtree {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// An agent's key without a session is good for nothing.
    #[error("this agent key is bound to no session")]
    Unbound,
}

/// Why access was not given.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The rules deny it.
    #[error(transparent)]
    Denied(#[from] AccessDenied),
    /// The store cannot tell.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Decides access.
#[derive(Clone)]
pub struct Authorize {
    sessions: Arc<dyn SessionRepository>,
}

impl Authorize {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { sessions: Arc::clone(&ports.sessions) }
    }

    /// Whether the role may do it at all.
    ///
    /// # Errors
    /// It may not.
    pub const fn role(&self, principal: &Principal, permission: Permission) -> Result<(), AccessDenied> {
        if principal.role.may(permission) { Ok(()) } else { Err(AccessDenied::Role(principal.role.as_str())) }
    }

    /// Whether the principal may do it on this session: a bound key only on its own subtree.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn on_session(
        &self,
        principal: &Principal,
        permission: Permission,
        session: SessionId,
    ) -> Result<(), AuthorizeError> {
        self.role(principal, permission)?;
        match bound(principal)? {
            Some(bound_to) if bound_to != session && !self.sessions.is_within(session, bound_to).await? => {
                Err(AccessDenied::OutsideSubtree { bound_to }.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether the principal may put a session into the tree there: a bound key may register its own session, and
    /// children within its subtree.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn spawn(
        &self,
        principal: &Principal,
        session: Option<SessionId>,
        parent: Option<SessionId>,
    ) -> Result<(), AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        let Some(bound_to) = bound(principal)? else { return Ok(()) };
        if session == Some(bound_to) {
            return Ok(());
        }
        match parent {
            Some(parent) => self.on_session(principal, Permission::Spawn, parent).await,
            None => Err(AccessDenied::OutsideSubtree { bound_to }.into()),
        }
    }
}

fn bound(principal: &Principal) -> Result<Option<SessionId>, AccessDenied> {
    match (principal.role, principal.bound_to) {
        (crate::operator::Role::Agent, None) => Err(AccessDenied::Unbound),
        (_, bound_to) => Ok(bound_to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key::KeyId;
    use crate::fixtures::session_id;
    use crate::operator::Role;
    use crate::use_cases::testing::MockPorts;

    fn principal(role: Role, bound_to: Option<SessionId>) -> Principal {
        Principal { key_id: KeyId::new("0102030405ab").expect("valid"), role, bound_to }
    }

    #[tokio::test]
    async fn a_role_alone_decides_for_an_unbound_key() {
        let authorize = Authorize::new(&MockPorts::default().ports());
        let operator = principal(Role::Operator, None);
        assert!(authorize.on_session(&operator, Permission::Control, session_id(1)).await.is_ok());
        let viewer = principal(Role::Viewer, None);
        let denied = authorize.on_session(&viewer, Permission::Control, session_id(1)).await;
        assert!(matches!(denied, Err(AuthorizeError::Denied(AccessDenied::Role("viewer")))));
    }

    #[tokio::test]
    async fn an_agent_reaches_its_own_subtree_only() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_is_within().returning(|id, top| Ok(top == session_id(1) && id == session_id(2)));
        let authorize = Authorize::new(&mocks.ports());
        let agent = principal(Role::Agent, Some(session_id(1)));
        for (session, allowed) in [(1, true), (2, true), (3, false)] {
            let result = authorize.on_session(&agent, Permission::Report, session_id(session)).await;
            assert_eq!(result.is_ok(), allowed, "session {session}");
        }
        assert!(authorize.on_session(&agent, Permission::Control, session_id(1)).await.is_err());
        assert!(authorize.spawn(&agent, Some(session_id(1)), None).await.is_ok());
        assert!(authorize.spawn(&agent, None, Some(session_id(2))).await.is_ok());
        assert!(authorize.spawn(&agent, None, Some(session_id(3))).await.is_err());
        assert!(authorize.spawn(&agent, None, None).await.is_err());
    }

    #[tokio::test]
    async fn an_unbound_agent_key_is_good_for_nothing() {
        let authorize = Authorize::new(&MockPorts::default().ports());
        let agent = principal(Role::Agent, None);
        assert!(authorize.on_session(&agent, Permission::Report, session_id(1)).await.is_err());
        assert!(authorize.spawn(&agent, Some(session_id(1)), None).await.is_err());
    }
}
