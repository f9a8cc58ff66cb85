//! Who may do this, and on which session.

use std::sync::Arc;

use super::{Has, NewSession};
use crate::ids::SessionId;
use crate::operator::{Permission, Principal};
use crate::ports::{SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::{PlaceRefused, Session, SessionPlace};
use crate::text::{MissionId, ProviderName, ProviderSessionId};

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
    /// The place that it names is not the one that the key was made for.
    #[error(transparent)]
    Place(#[from] PlaceRefused),
    /// A session that is not the key's own needs a parent.
    #[error(
        "parentAgentId: is missing; this key is bound to session {bound_to}: name it, or a session below it, as the parent, \
         or register session {bound_to} itself"
    )]
    ParentMissing {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// The parent is a stranger's.
    #[error(
        "parentAgentId: session {parent} is not below session {bound_to}, which this key is bound to; name that session, or \
         one below it, as the parent"
    )]
    ParentOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The parent that was named.
        parent: SessionId,
    },
    /// The id belongs to a stranger's session.
    #[error("sessionId: {session} is not below session {bound_to}, which this key is bound to; take another id")]
    SessionOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The id that was named.
        session: SessionId,
    },
    /// A session that the server, or a hook, looks after cannot be made up.
    #[error("provider: sessions of {0} are registered by the server itself; leave provider out, or name your own")]
    ServersProvider(ProviderName),
    /// Of an agent that the server runs, it knows the own id itself.
    #[error("providerSessionId: the server knows this of sessions of {0} by itself; leave it out")]
    ServersOwnId(ProviderName),
    /// The conversation to be taken up is a stranger's.
    #[error(
        "context.resume: {resumed:?} is not the own id of a session below session {bound_to}, which this key is bound to; an \
         operator can take it up"
    )]
    ResumeOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The agent's own id of the conversation.
        resumed: ProviderSessionId,
    },
}

impl AccessDenied {
    /// The field of the request at fault, as the API names it.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Role(_) | Self::OutsideSubtree { .. } | Self::Unbound => None,
            Self::Place(refused) => Some(refused.field()),
            Self::ParentMissing { .. } | Self::ParentOutside { .. } => Some("parentAgentId"),
            Self::SessionOutside { .. } => Some("sessionId"),
            Self::ServersProvider(_) => Some("provider"),
            Self::ServersOwnId(_) => Some("providerSessionId"),
            Self::ResumeOutside { .. } => Some("context/resume"),
        }
    }
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
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository>,
    {
        Self { sessions: ports.port() }
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

    /// Whether the principal may put this session into the tree, and the session with its place filled in. A bound key
    /// registers its own session at the place that was fixed when the key was made, and others below it, on the mission of
    /// their parent. A session that is in the tree already is at its place, whatever the key says.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn register(&self, principal: &Principal, new: NewSession) -> Result<NewSession, AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        let Some(bound_to) = bound(principal)? else { return Ok(new) };
        let existing = match new.session_id {
            Some(id) => self.sessions.get(id).await?,
            None => None,
        };
        if is_servers(&new.provider) && existing.as_ref().is_none_or(|session| session.provider != new.provider) {
            return Err(AccessDenied::ServersProvider(new.provider).into());
        }
        if new.session_id == Some(bound_to) {
            let fixed = match existing {
                Some(session) => SessionPlace::from(&session),
                None => self.planned(principal).await?,
            };
            let asked = SessionPlace { parent_id: new.parent_id, mission_id: new.mission_id.clone() };
            let place = fixed.of_own(bound_to, &asked).map_err(AccessDenied::from)?;
            return Ok(NewSession { parent_id: place.parent_id, mission_id: place.mission_id, ..new });
        }
        if let Some(session) = &existing
            && !self.sessions.is_within(session.id, bound_to).await?
        {
            return Err(AccessDenied::SessionOutside { bound_to, session: session.id }.into());
        }
        self.below(principal, bound_to, new).await
    }

    /// Whether the principal may have this session started, and the session with its place filled in: a bound key below its
    /// own session alone. `resumes` is the agent's own id of a conversation that it takes up.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn spawn(
        &self,
        principal: &Principal,
        new: NewSession,
        resumes: Option<ProviderSessionId>,
    ) -> Result<NewSession, AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        let Some(bound_to) = bound(principal)? else { return Ok(new) };
        if let Some(resumed) = resumes {
            let filter = SessionFilter {
                subtree: Some(bound_to),
                provider: Some(new.provider.clone()),
                provider_session_id: Some(resumed.clone()),
                ..SessionFilter::default()
            };
            let query = SessionQuery { filter, after: None, limit: 1, heads_only: true };
            if self.sessions.list(query).await?.sessions.is_empty() {
                return Err(AccessDenied::ResumeOutside { bound_to, resumed }.into());
            }
        }
        self.below(principal, bound_to, new).await
    }

    /// Whether a session may be registered below the key's own with this mission, for callers that put it there themselves.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn mission_below(
        &self,
        principal: &Principal,
        parent: SessionId,
        mission: Option<&MissionId>,
    ) -> Result<(), AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        let Some(bound_to) = bound(principal)? else { return Ok(()) };
        let own = match self.sessions.get(bound_to).await? {
            Some(session) => SessionPlace::from(&session),
            None => self.planned(principal).await?,
        };
        let inherited = match self.sessions.get(parent).await? {
            Some(session) => session.mission_id,
            None => None,
        };
        Ok(own.of_child(parent, inherited.as_ref(), mission).map_err(AccessDenied::from)?)
    }

    /// Whether the principal may say what a session's provider calls it: a bound key not of sessions that the server looks
    /// after, for by that id it finds what a later session takes up.
    ///
    /// # Errors
    /// It may not, or the store is not available.
    pub async fn own_id(&self, principal: &Principal, session: SessionId) -> Result<(), AuthorizeError> {
        if bound(principal)?.is_none() {
            return Ok(());
        }
        match self.sessions.get(session).await? {
            Some(session) if is_servers(&session.provider) => Err(AccessDenied::ServersOwnId(session.provider).into()),
            _ => Ok(()),
        }
    }

    async fn below(
        &self,
        principal: &Principal,
        bound_to: SessionId,
        new: NewSession,
    ) -> Result<NewSession, AuthorizeError> {
        let Some(parent) = new.parent_id else { return Err(AccessDenied::ParentMissing { bound_to }.into()) };
        if parent != bound_to && !self.sessions.is_within(parent, bound_to).await? {
            return Err(AccessDenied::ParentOutside { bound_to, parent }.into());
        }
        if new.mission_id.is_some() {
            self.mission_below(principal, parent, new.mission_id.as_ref()).await?;
        }
        Ok(new)
    }

    /// The place of a key's session that is not in the tree yet.
    async fn planned(&self, principal: &Principal) -> Result<SessionPlace, StoreUnavailable> {
        let mut place = principal.place.clone();
        if let (None, Some(parent)) = (&place.mission_id, place.parent_id) {
            place.mission_id = self.sessions.get(parent).await?.and_then(|session: Session| session.mission_id);
        }
        Ok(place)
    }
}

/// Whether sessions of this provider are looked after by the server: it runs their agents, or takes in their hooks, and
/// finds them by what the provider calls them.
fn is_servers(provider: &ProviderName) -> bool {
    [ProviderName::acp(), ProviderName::claude_code(), ProviderName::scripted()].contains(provider)
}

fn bound(principal: &Principal) -> Result<Option<SessionId>, AccessDenied> {
    match (principal.role, principal.bound_to) {
        (crate::operator::Role::Agent, None) => Err(AccessDenied::Unbound),
        (_, bound_to) => Ok(bound_to),
    }
}

#[cfg(test)]
mod tests;
