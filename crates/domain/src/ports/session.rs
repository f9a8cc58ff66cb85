//! The session tree.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::ids::{FeedPosition, Seq, SessionId};
use crate::message::Control;
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

/// What the admission comes to once it is written.
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
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A session after an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSession {
    /// The session.
    pub session: Session,
    /// Whether its status moved.
    pub changed: bool,
    /// What the agent should know. After an end nothing is pending any more.
    pub control: Control,
}

/// Why an observation was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The status machine forbids it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// The answer to a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the agent should know.
    pub control: Control,
    /// The session's newest seq, when it was lost and came back by this.
    pub came_back: Option<Seq>,
}

/// Which sessions are wanted; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionFilter {
    /// This session and all below it.
    pub subtree: Option<SessionId>,
    /// Those of this mission.
    pub mission_id: Option<MissionId>,
    /// Those in one of these statuses; any when empty.
    pub statuses: Vec<SessionStatus>,
    /// Those that this provider runs.
    pub provider: Option<ProviderName>,
    /// Those that their provider knows under this id: more than one when a later one takes up an earlier.
    pub provider_session_id: Option<ProviderSessionId>,
    /// Agents of this type.
    pub agent_type: Option<AgentType>,
    /// Those about this work item.
    pub task_id: Option<TaskId>,
}

impl SessionFilter {
    /// Whether it holds for a session. `is_within` tells whether the session is a given one or below it, which only the
    /// tree knows.
    #[must_use]
    pub fn holds(&self, session: &Session, is_within: impl FnOnce(SessionId) -> bool) -> bool {
        let Self { subtree, mission_id, statuses, provider, provider_session_id, agent_type, task_id } = self;
        mission_id.as_ref().is_none_or(|mission| session.mission_id.as_ref() == Some(mission))
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
    /// Which sessions.
    pub filter: SessionFilter,
    /// Only those behind this place.
    pub after: Option<SessionCursor>,
    /// At most so many.
    pub limit: usize,
    /// Whether context and metadata may be left out, and are empty then: who lists many looks at neither, and they can be
    /// long.
    pub heads_only: bool,
}

impl SessionQuery {
    /// The page out of all sessions that its filter holds for, in any order; and where the next one begins. For a store
    /// that has them all at hand.
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

/// A page of sessions as they stood at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionPage {
    /// The sessions, newest spawned first.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<SessionCursor>,
    /// The feed position of that moment: the fleet feed after it holds exactly what the page does not show.
    pub as_of: FeedPosition,
}

/// Keeps the session tree.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Puts a session into the tree under the rules of [`Registration::admit`], together with its event on the fleet
    /// feed. The facts are read and the result written in one transaction: two registrations of one id, or a
    /// registration and a kill above it, cannot pass each other.
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError>;

    /// One session, or `None`.
    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable>;

    /// A page of sessions, newest spawned first, all read at one moment.
    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable>;

    /// How many sessions the filter holds for. As given here it lists them, which is slow where there are many.
    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        let query = SessionQuery { filter, after: None, limit: usize::MAX, heads_only: true };
        Ok(self.list(query).await?.sessions.len().try_into().unwrap_or(u64::MAX))
    }

    /// Whether the kill switch is engaged: nothing new comes into the tree until it is released. As given here there is none:
    /// for a store that takes no actions on the whole fleet.
    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(false)
    }

    /// Whether `id` is `top` or below it; `false` when either is unknown. As given here it reads one session after the
    /// other on the way up.
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

    /// Takes in what was observed, under the rules of [`Session::observe`]: status, `system` message and feed event in
    /// one transaction. When the session ends by it, its pending commands are settled
    /// ([`crate::command::Command::settle`]) in the same transaction, each with a `receipt` event, and its open permission
    /// requests are closed ([`crate::approval::Approval::end`]), each with an `approval` event. What is wanted is read in
    /// the same transaction, after all that.
    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError>;

    /// Notes a sign of life; `None` when there is no such session. Never moves the time back. A lost session comes back
    /// by it under the rule of [`Session::come_back`]: status, `system` message and feed event in one transaction.
    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable>;

    /// Loses at most `limit` sessions that were silent for too long, and gives them back as they are then. Each is lost
    /// under the rule of [`Session::lose`], asked in the transaction that writes status, `system` message and feed event:
    /// a sign of life that was noted before is seen, and one that comes after brings the session back.
    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable>;
}
