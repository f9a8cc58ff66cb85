//! The session tree.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::{FeedPosition, Seq, SessionId};
use crate::message::Control;
use crate::mission_set::MissionSet;
use crate::session::{
    Admission, IllegalTransition, Observation, Registration, RegistrationRefused, Session, SessionStatus, Silence,
};
use crate::text::{AgentType, JsonObject, MissionId, ProviderName, ProviderSessionId, TaskId};
use crate::time::Timestamp;

/// A session after its registration.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The session.
    pub session: Session,
    /// Whether this call put it into the tree; `false` when it was there already.
    pub created: bool,
}

/// The result of the admission, once it is written.
impl From<Admission> for Registered {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::Create { session, .. } => Self { session: *session, created: true },
            Admission::Exists(session) => Self { session: *session, created: false },
        }
    }
}

/// Why a registration was not done.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] RegistrationRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A session after an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSession {
    /// The session.
    pub session: Session,
    /// Whether its status changed.
    pub changed: bool,
    /// What the agent has to know. After an end nothing is pending any more.
    pub control: Control,
}

/// Why an observation was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The status machine forbids it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// The answer to a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the agent has to know.
    pub control: Control,
    /// The session's newest seq, if it was lost and came back because of this.
    pub came_back: Option<Seq>,
}

/// Which sessions are wanted; every given part must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionFilter {
    /// This session and all below it.
    pub subtree: Option<SessionId>,
    /// Sessions of this mission.
    pub mission_id: Option<MissionId>,
    /// Sessions of one of these missions.
    pub missions: Option<MissionSet>,
    /// Sessions in one of these statuses; any status when empty.
    pub statuses: Vec<SessionStatus>,
    /// Sessions of this provider.
    pub provider: Option<ProviderName>,
    /// Sessions that their provider knows by this id. There are several when a later session resumes an earlier one.
    pub provider_session_id: Option<ProviderSessionId>,
    /// Sessions of this type of agent.
    pub agent_type: Option<AgentType>,
    /// Sessions about this work item.
    pub task_id: Option<TaskId>,
}

impl SessionFilter {
    /// Whether a session matches. `is_within` says whether the session is a given one or below it, which only the tree
    /// knows.
    #[must_use]
    pub fn holds(&self, session: &Session, is_within: impl FnOnce(SessionId) -> bool) -> bool {
        let Self { subtree, mission_id, missions, statuses, provider, provider_session_id, agent_type, task_id } = self;
        mission_id.as_ref().is_none_or(|mission| session.mission_id.as_ref() == Some(mission))
            && missions.as_ref().is_none_or(|missions| missions.holds(session.mission_id.as_ref()))
            && (statuses.is_empty() || statuses.contains(&session.status))
            && provider.as_ref().is_none_or(|provider| session.provider == *provider)
            && provider_session_id.as_ref().is_none_or(|id| session.provider_session_id.as_ref() == Some(id))
            && agent_type.as_ref().is_none_or(|agent_type| session.agent_type == *agent_type)
            && task_id.as_ref().is_none_or(|task| session.task_id == *task)
            && subtree.is_none_or(is_within)
    }
}

/// A place in the order of sessions: newest spawned first, equal times by id, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    /// When the session at the place was spawned.
    pub spawned_at: Timestamp,
    /// Its id.
    pub id: SessionId,
}

/// One page of sessions, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionQuery {
    /// The filter.
    pub filter: SessionFilter,
    /// Only sessions after this place.
    pub after: Option<SessionCursor>,
    /// The largest number of sessions.
    pub limit: usize,
    /// Whether context and metadata may be left out, and are then empty. Readers of long lists need neither, and both
    /// can be long.
    pub heads_only: bool,
}

impl SessionQuery {
    /// Makes the page from all sessions that match its filter, in any order, and says where the next page begins. For a
    /// store that has all sessions in memory.
    #[must_use]
    pub fn page_of(&self, mut found: Vec<Session>) -> (Vec<Session>, Option<SessionCursor>) {
        let place = |session: &Session| (session.spawned_at, session.id);
        found.retain(|session| self.after.is_none_or(|after| place(session) < (after.spawned_at, after.id)));
        found.sort_by_key(|session| Reverse(place(session)));
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        if self.heads_only {
            for session in &mut found {
                (session.context, session.metadata) = (JsonObject::default(), JsonObject::default());
            }
        }
        let last = found.last().filter(|_| more).map(place);
        let next = last.map(|(spawned_at, id)| SessionCursor { spawned_at, id });
        (found, next)
    }
}

/// A page of sessions in their state at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionPage {
    /// The sessions, newest spawned first.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<SessionCursor>,
    /// The feed position of that moment: the fleet feed after it has exactly what the page does not show.
    pub as_of: FeedPosition,
}

/// Keeps the session tree.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Puts a session into the tree under the rules of [`Registration::admit`], together with its event on the fleet
    /// feed. The facts are read and the result is written in one transaction, so two registrations of one id, or a
    /// registration and a kill above it, cannot overtake each other.
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError>;

    /// Gives one session, or `None`.
    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable>;

    /// Gives a page of sessions, newest spawned first, all read at one moment.
    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable>;

    /// Counts the sessions that match the filter. The default implementation lists them, which is slow if there are
    /// many.
    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        let query = SessionQuery { filter, after: None, limit: usize::MAX, heads_only: true };
        Ok(self.list(query).await?.sessions.len().try_into().unwrap_or(u64::MAX))
    }

    /// Whether the kill switch is engaged: then nothing new enters the tree until it is released. The default
    /// implementation has no kill switch, for a store without actions on the whole fleet.
    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(false)
    }

    /// Whether `id` is `top` or below it; `false` when either is unknown. The default implementation reads one session
    /// after the other on the way up.
    async fn is_within(&self, id: SessionId, top: SessionId) -> Result<bool, StoreUnavailable> {
        let mut place = Some(id);
        while let Some(id) = place {
            let Some(session) = self.get(id).await? else { return Ok(false) };
            if id == top {
                return Ok(true);
            }
            place = session.parent_id;
        }
        Ok(false)
    }

    /// Records an observation, under the rules of [`Session::observe`]: status, `system` message and feed event in one
    /// transaction. If the session ends with it, its pending commands are settled ([`crate::command::Command::settle`])
    /// in the same transaction, each with a `receipt` event, and its open permission requests are closed
    /// ([`crate::approval::Approval::end`]), each with an `approval` event. The desired status is read in the same
    /// transaction, after all of that.
    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError>;

    /// Records a sign of life; `None` when there is no such session. The time never moves back. A lost session comes
    /// back under the rule of [`Session::come_back`]: status, `system` message and feed event in one transaction.
    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable>;

    /// Marks at most `limit` sessions as lost that were silent for too long, and gives them in their new state. The
    /// rule of [`Session::lose`] is asked in the transaction that writes status, `system` message and feed event. So it
    /// sees every earlier sign of life, and a later one brings the session back.
    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable>;
}
