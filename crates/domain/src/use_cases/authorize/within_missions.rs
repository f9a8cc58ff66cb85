//! What a key with missions may see and act on: the sessions of its missions.

use super::denied::{AccessDenied, AuthorizeError};
use crate::ids::SessionId;
use crate::mission_set::MissionSet;
use crate::ports::{SessionFilter, SessionQuery, SessionRepository};
use crate::session::{Session, SessionStatus};
use crate::text::ProviderSessionId;
use crate::use_cases::NewSession;

/// The rules for a key with missions. The mission of a session never changes, so what was allowed once stays allowed.
pub(super) struct WithinMissions<'a> {
    pub(super) sessions: &'a dyn SessionRepository,
    pub(super) missions: &'a MissionSet,
}

impl WithinMissions<'_> {
    /// Whether a session is of the key's missions. A session that is not there is not, so that the answer does not tell
    /// which ids there are elsewhere.
    pub(super) async fn session(&self, id: SessionId) -> Result<(), AuthorizeError> {
        match self.sessions.get(id).await? {
            Some(session) if self.holds(&session) => Ok(()),
            _ => Err(AccessDenied::OutsideMissions { missions: self.missions.clone() }.into()),
        }
    }

    /// Whether all sessions below one that have not ended are of the key's missions. Another session that is put there at
    /// the same moment is not seen.
    pub(super) async fn all_below(&self, top: SessionId) -> Result<(), AuthorizeError> {
        let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
        let all = SessionFilter { subtree: Some(top), statuses, ..SessionFilter::default() };
        let own = SessionFilter { missions: Some(self.missions.clone()), ..all.clone() };
        // In this order: a session of its own that comes between the two must not make a stranger of itself.
        let all = self.sessions.count(all).await?;
        if self.sessions.count(own).await? < all {
            return Err(AccessDenied::OthersBelow { missions: self.missions.clone(), top }.into());
        }
        Ok(())
    }

    /// Whether a session may be registered there. One that is in the tree already stays where it is.
    pub(super) async fn register(&self, new: &NewSession, existing: Option<&Session>) -> Result<(), AuthorizeError> {
        match existing {
            Some(session) if !self.holds(session) => {
                Err(AccessDenied::SessionElsewhere { missions: self.missions.clone(), session: session.id }.into())
            }
            Some(_) if new.parent_id.is_none() && new.mission_id.is_none() => Ok(()),
            _ => self.place(new).await,
        }
    }

    /// Whether a session may be started there, and may resume a conversation.
    pub(super) async fn spawn(
        &self,
        new: &NewSession,
        resumes: Option<&ProviderSessionId>,
    ) -> Result<(), AuthorizeError> {
        if let Some(resumed) = resumes {
            let filter = SessionFilter {
                missions: Some(self.missions.clone()),
                provider: Some(new.provider.clone()),
                provider_session_id: Some(resumed.clone()),
                ..SessionFilter::default()
            };
            let query = SessionQuery { filter, after: None, limit: 1, heads_only: true };
            if self.sessions.list(query).await?.sessions.is_empty() {
                let missions = self.missions.clone();
                return Err(AccessDenied::ResumeElsewhere { missions, resumed: resumed.clone() }.into());
            }
        }
        self.place(new).await
    }

    /// Whether a new session comes into one of the missions: by its name, or by that of its parent.
    async fn place(&self, new: &NewSession) -> Result<(), AuthorizeError> {
        let missions = || self.missions.clone();
        if let Some(parent) = new.parent_id
            && !self.sessions.get(parent).await?.is_some_and(|above| self.holds(&above))
        {
            return Err(AccessDenied::ParentElsewhere { missions: missions(), parent }.into());
        }
        match &new.mission_id {
            Some(mission) if !self.missions.holds(Some(mission)) => {
                Err(AccessDenied::MissionOutside { missions: missions(), mission: mission.clone() }.into())
            }
            None if new.parent_id.is_none() => Err(AccessDenied::MissionMissing { missions: missions() }.into()),
            _ => Ok(()),
        }
    }

    fn holds(&self, session: &Session) -> bool {
        self.missions.holds(session.mission_id.as_ref())
    }
}
