//! Decides who may do what, and on which session.

mod denied;
mod within_missions;

use std::sync::Arc;

pub use denied::{AccessDenied, AuthorizeError};
use within_missions::WithinMissions;

use super::{Has, NewSession};
use crate::audit::AuditTarget;
use crate::ids::SessionId;
use crate::mission_set::MissionSet;
use crate::operation::{Operation, Scope};
use crate::operator::{Permission, Principal};
use crate::ports::{ApprovalRepository, SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::{Session, SessionPlace};
use crate::text::{MissionId, ProviderName, ProviderSessionId};

/// Decides access.
#[derive(Clone)]
pub struct Authorize {
    sessions: Arc<dyn SessionRepository>,
    approvals: Arc<dyn ApprovalRepository>,
}

impl Authorize {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn ApprovalRepository>,
    {
        Self { sessions: ports.port(), approvals: ports.port() }
    }

    /// Whether the role may do it at all. A key with missions may nothing that concerns all missions.
    ///
    /// # Errors
    /// The principal may not do it.
    pub fn role(&self, principal: &Principal, permission: Permission) -> Result<(), AccessDenied> {
        if !principal.role.may(permission) {
            return Err(AccessDenied::Role(principal.role.as_str()));
        }
        match &principal.missions {
            Some(missions) if permission.concerns_all_missions() => {
                Err(AccessDenied::WholeFleet { missions: missions.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the principal may do it on the whole fleet: no key with missions may.
    ///
    /// # Errors
    /// The principal may not do it.
    pub fn on_fleet(&self, principal: &Principal, permission: Permission) -> Result<(), AccessDenied> {
        self.role(principal, permission)?;
        match &principal.missions {
            Some(missions) => Err(AccessDenied::WholeFleet { missions: missions.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the principal may do it on a mission as a whole.
    ///
    /// # Errors
    /// The principal may not do it.
    pub fn on_mission(
        &self,
        principal: &Principal,
        permission: Permission,
        mission: &MissionId,
    ) -> Result<(), AccessDenied> {
        self.role(principal, permission)?;
        match &principal.missions {
            Some(missions) if !missions.holds(Some(mission)) => {
                Err(AccessDenied::OutsideMissions { missions: missions.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the principal may do it on what the audit log would name as the target.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn on_target(
        &self,
        principal: &Principal,
        permission: Permission,
        target: &AuditTarget,
    ) -> Result<(), AuthorizeError> {
        match target {
            AuditTarget::Session(session) => self.on_session(principal, permission, *session).await,
            AuditTarget::Mission(mission) => Ok(self.on_mission(principal, permission, mission)?),
            AuditTarget::Fleet => Ok(self.on_fleet(principal, permission)?),
            AuditTarget::AuditLog
            | AuditTarget::Key(_)
            | AuditTarget::Provider(_)
            | AuditTarget::Runner(_)
            | AuditTarget::Sink(_) => Ok(self.role(principal, permission)?),
            AuditTarget::Approval(id) => {
                self.role(principal, permission)?;
                let Some(missions) = &principal.missions else { return Ok(()) };
                match self.approvals.get(*id).await? {
                    Some(approval) => self.on_session(principal, permission, approval.session_id).await,
                    None => Err(AccessDenied::OutsideMissions { missions: missions.clone() }.into()),
                }
            }
        }
    }

    /// Whether the principal may see an operation: with missions, one on a session of theirs, or on one of them.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn on_operation(&self, principal: &Principal, operation: &Operation) -> Result<(), AuthorizeError> {
        let permission = Permission::ReadFleet;
        match &operation.scope {
            Scope::Session(id) | Scope::Subtree(id) => self.on_session(principal, permission, *id).await,
            Scope::Mission(mission) => Ok(self.on_mission(principal, permission, mission)?),
            Scope::Fleet => Ok(self.on_fleet(principal, permission)?),
        }
    }

    /// Whether the principal may do it on this session and all below it that have not ended.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn on_subtree(
        &self,
        principal: &Principal,
        permission: Permission,
        top: SessionId,
    ) -> Result<(), AuthorizeError> {
        self.on_session(principal, permission, top).await?;
        match &principal.missions {
            Some(missions) => self.within(missions).all_below(top).await,
            None => Ok(()),
        }
    }

    /// The missions to which what the principal reads is restricted; `None` for all sessions. What is asked for by name has
    /// to be within them.
    ///
    /// # Errors
    /// The principal may not see the session or the mission that is named, or the store is not available.
    pub async fn narrowed(
        &self,
        principal: &Principal,
        session: Option<SessionId>,
        mission: Option<&MissionId>,
    ) -> Result<Option<MissionSet>, AuthorizeError> {
        let Some(missions) = &principal.missions else { return Ok(None) };
        if let Some(mission) = mission {
            self.on_mission(principal, Permission::ReadFleet, mission)?;
        }
        if let Some(session) = session {
            self.within(missions).session(session).await?;
        }
        Ok(Some(missions.clone()))
    }

    fn within<'a>(&'a self, missions: &'a MissionSet) -> WithinMissions<'a> {
        WithinMissions { sessions: &*self.sessions, missions }
    }

    /// Whether the principal may do it on this session: a bound key only in its own subtree, and a key with missions only on
    /// their sessions.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn on_session(
        &self,
        principal: &Principal,
        permission: Permission,
        session: SessionId,
    ) -> Result<(), AuthorizeError> {
        self.role(principal, permission)?;
        if let Some(missions) = &principal.missions {
            self.within(missions).session(session).await?;
        }
        match bound(principal)? {
            Some(bound_to) if bound_to != session && !self.sessions.is_within(session, bound_to).await? => {
                Err(AccessDenied::OutsideSubtree { bound_to }.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether the principal may put this session into the tree. Gives the session with its place filled in. A bound
    /// key registers its own session at the place that was fixed when the key was made, and other sessions below it, on
    /// the mission of their parent. A session that is already in the tree stays at its place, whatever the key says. A key
    /// with missions puts sessions into one of them, by name or by the parent.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn register(&self, principal: &Principal, new: NewSession) -> Result<NewSession, AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        let (bound_to, missions) = (bound(principal)?, &principal.missions);
        if bound_to.is_none() && missions.is_none() {
            return Ok(new);
        }
        let existing = match new.session_id {
            Some(id) => self.sessions.get(id).await?,
            None => None,
        };
        if is_servers(&new.provider) && existing.as_ref().is_none_or(|session| session.provider != new.provider) {
            return Err(AccessDenied::ServersProvider(new.provider).into());
        }
        if let Some(missions) = missions {
            self.within(missions).register(&new, existing.as_ref()).await?;
        }
        let Some(bound_to) = bound_to else { return Ok(new) };
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

    /// Whether the principal may have this session started. Gives the session with its place filled in: a bound key
    /// starts sessions only below its own. `resumes` is the agent's own id of a conversation that the session resumes.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn spawn(
        &self,
        principal: &Principal,
        new: NewSession,
        resumes: Option<ProviderSessionId>,
    ) -> Result<NewSession, AuthorizeError> {
        self.role(principal, Permission::Spawn)?;
        if let Some(missions) = &principal.missions {
            self.within(missions).spawn(&new, resumes.as_ref()).await?;
        }
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

    /// Whether a session may be registered below the key's own with this mission, for callers that put it there
    /// themselves.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
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

    /// Whether the principal may set the provider's own id of a session. A bound key, or one with missions, may not for
    /// sessions that the server looks after, because the server finds by that id what a later session resumes.
    ///
    /// # Errors
    /// The principal may not do it, or the store is not available.
    pub async fn own_id(&self, principal: &Principal, session: SessionId) -> Result<(), AuthorizeError> {
        if bound(principal)?.is_none() && principal.missions.is_none() {
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

/// Whether the server looks after sessions of this provider: it runs their agents, or accepts their hooks, and finds
/// them by the provider's own id.
fn is_servers(provider: &ProviderName) -> bool {
    [ProviderName::acp(), ProviderName::claude_code(), ProviderName::scripted()].contains(provider)
}

fn bound(principal: &Principal) -> Result<Option<SessionId>, AccessDenied> {
    match (principal.role, principal.bound_to) {
        (crate::operator::Role::Agent, None) => Err(AccessDenied::Unbound),
        (crate::operator::Role::Runner, None) => Err(AccessDenied::NoAssignment),
        (_, bound_to) => Ok(bound_to),
    }
}

#[cfg(test)]
mod tests;
