//! A session that runs elsewhere enters the tree.

use std::sync::Arc;

use super::Has;
use crate::ids::SessionId;
use crate::ports::{Clock, IdGenerator, RegisterError, Registered, SessionRepository, WakeUps};
use crate::provider_config::StartedBy;
use crate::session::{Registration, RegistrationRefused, Session, SessionStatus};
use crate::text::{
    AgentType, GateProfile, JsonObject, MissionId, ProviderName, ProviderSessionId, ReplicaName, TaskId, TaskSource,
};

/// What is known of a session when it registers.
///
/// ```
/// use flightdeck_domain::use_cases::NewSession;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parent = "0197f2a4-0000-7000-8000-000000000001".parse()?;
/// let new = NewSession {
///     parent_id: Some(parent),
///     mission_id: Some("apollo".parse()?),
///     ..NewSession::new("FD-1".parse()?, "worker".parse()?)
/// };
/// assert_eq!(new.provider.as_str(), "internal");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// Its id; minted when missing. Give one to make the call safe to repeat.
    pub session_id: Option<SessionId>,
    /// The session that spawned it.
    pub parent_id: Option<SessionId>,
    /// What runs it.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub provider_session_id: Option<ProviderSessionId>,
    /// The replica whose process runs its agent, if several replicas share one database.
    pub replica: Option<ReplicaName>,
    /// The configuration that it is started from, if it is started from one.
    pub started_by: Option<StartedBy>,
    /// The mission it belongs to.
    pub mission_id: Option<MissionId>,
    /// The work item.
    pub task_id: TaskId,
    /// Where the work item comes from.
    pub task_source: TaskSource,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// The quality gate profile for its work.
    pub gate_profile: Option<GateProfile>,
    /// The context for its work.
    pub context: JsonObject,
    /// Other data that its author wants to keep.
    pub metadata: JsonObject,
}

impl NewSession {
    /// An agent that runs elsewhere, without parent; everything else can be set on it.
    #[must_use]
    pub fn new(task_id: TaskId, agent_type: AgentType) -> Self {
        Self {
            session_id: None,
            parent_id: None,
            provider: ProviderName::internal(),
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: None,
            task_id,
            task_source: TaskSource::default(),
            agent_type,
            gate_profile: None,
            context: JsonObject::default(),
            metadata: JsonObject::default(),
        }
    }
}

impl NewSession {
    /// The first fact that differs from the session's own and that a repeated registration cannot change.
    fn unlike(&self, session: &Session) -> Option<&'static str> {
        let other_gate = self.gate_profile.is_some() && self.gate_profile != session.gate_profile;
        let other_id = self.provider_session_id.is_some() && self.provider_session_id != session.provider_session_id;
        let differs = [
            ("gateProfile", other_gate),
            ("providerSessionId", other_id),
            ("context", !self.context.is_empty() && !self.context.says_the_same(&session.context)),
            ("metadata", !self.metadata.is_empty() && !self.metadata.says_the_same(&session.metadata)),
        ];
        differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
    }
}

/// Registers sessions.
///
/// ```
/// use flightdeck_domain::ids::SessionId;
/// use flightdeck_domain::session::SessionStatus;
/// use flightdeck_domain::use_cases::{NewSession, Ports, RegisterSession};
///
/// async fn enter(ports: &Ports, parent: SessionId) -> Result<SessionId, Box<dyn std::error::Error>> {
///     let new = NewSession { parent_id: Some(parent), ..NewSession::new("FD-1".parse()?, "worker".parse()?) };
///     let registered = RegisterSession::new(ports).execute(new, SessionStatus::Running).await?;
///     Ok(registered.session.id)
/// }
/// ```
#[derive(Clone)]
pub struct RegisterSession {
    sessions: Arc<dyn SessionRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl RegisterSession {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { sessions: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Puts a session into the tree; a repeated call is harmless.
    ///
    /// # Errors
    /// A rule of the tree forbids it, or the store is not available.
    pub async fn execute(&self, new: NewSession, status: SessionStatus) -> Result<Registered, RegisterError> {
        let registration = Registration {
            id: new.session_id.unwrap_or_else(|| self.ids.session_id()),
            parent_id: new.parent_id,
            provider: new.provider,
            provider_session_id: new.provider_session_id,
            replica: new.replica,
            started_by: new.started_by,
            mission_id: new.mission_id,
            task_id: new.task_id,
            task_source: new.task_source,
            agent_type: new.agent_type,
            status,
            gate_profile: new.gate_profile,
            context: new.context,
            metadata: new.metadata,
            at: self.clock.now(),
        };
        let registered = self.sessions.register(registration).await?;
        if registered.created {
            self.wake_ups.feed_grew();
        }
        Ok(registered)
    }

    /// The same for a caller who has to know that everything was stored. An existing session with another context,
    /// metadata, gate profile or provider's own id is a conflict, like one with another task. Missing or empty values
    /// are not compared.
    ///
    /// # Errors
    /// As [`RegisterSession::execute`]; or a given value differs from that of the session.
    pub async fn in_full(&self, new: NewSession, status: SessionStatus) -> Result<Registered, RegisterError> {
        let given = new.clone();
        let registered = self.execute(new, status).await?;
        match given.unlike(&registered.session) {
            Some(field) if !registered.created => {
                Err(RegistrationRefused::Conflict { session: registered.session.id, field }.into())
            }
            _ => Ok(registered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{session, session_id};
    use crate::use_cases::testing::{MockPorts, new_session};

    #[tokio::test]
    async fn an_id_is_minted_when_none_is_given_and_the_feed_is_woken() {
        let mut mocks = MockPorts::default();
        mocks
            .sessions
            .expect_register()
            .withf(|r| r.id == session_id(900))
            .times(1)
            .returning(|_| Ok(Registered { session: session(900), created: true }));
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        let done = RegisterSession::new(&mocks.ports()).execute(new_session(), SessionStatus::Running).await;
        assert_eq!(done.expect("registered").session.id, session_id(900));
    }

    #[tokio::test]
    async fn what_would_be_dropped_is_a_conflict_that_names_it() {
        let object = |json: serde_json::Value| JsonObject::trusted(json);
        let there = Session {
            gate_profile: GateProfile::known("strict").ok(),
            provider_session_id: ProviderSessionId::new("own-1").ok(),
            context: object(serde_json::json!({"branch": "main", "weight": 100})),
            metadata: object(serde_json::json!({"team": "a"})),
            ..session(1)
        };
        let given = NewSession { session_id: Some(session_id(1)), ..new_session() };
        let again = async |new: NewSession| {
            let (mut mocks, existing) = (MockPorts::default(), there.clone());
            let found = move |_| Ok(Registered { session: existing.clone(), created: false });
            mocks.sessions.expect_register().returning(found);
            match RegisterSession::new(&mocks.ports()).in_full(new, SessionStatus::Running).await {
                Ok(_) => None,
                Err(RegisterError::Refused(RegistrationRefused::Conflict { field, .. })) => Some(field),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(again(given.clone()).await, None, "what is not given is not compared");
        // A database may write a number in another way.
        let same = object(serde_json::json!({"weight": 1e2, "branch": "main"}));
        assert_eq!(again(NewSession { context: same, ..given.clone() }).await, None);
        let other = object(serde_json::json!({"branch": "main", "weight": 101}));
        assert_eq!(again(NewSession { context: other.clone(), ..given.clone() }).await, Some("context"));
        assert_eq!(again(NewSession { metadata: other, ..given.clone() }).await, Some("metadata"));
        let gate_profile = GateProfile::known("minimal").ok();
        assert_eq!(again(NewSession { gate_profile, ..given.clone() }).await, Some("gateProfile"));
        let provider_session_id = ProviderSessionId::new("own-2").ok();
        assert_eq!(again(NewSession { provider_session_id, ..given }).await, Some("providerSessionId"));
    }

    #[tokio::test]
    async fn the_same_again_and_a_refusal_wake_nobody() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_register().times(1).returning(|_| Ok(Registered { session: session(1), created: false }));
        let given = NewSession { session_id: Some(session_id(1)), ..new_session() };
        let done = RegisterSession::new(&mocks.ports()).execute(given.clone(), SessionStatus::Running).await;
        assert!(!done.expect("known").created);

        let mut mocks = MockPorts::default();
        mocks.sessions.expect_register().returning(|_| Err(RegistrationRefused::KillSwitchEngaged.into()));
        let refused = RegisterSession::new(&mocks.ports()).execute(given, SessionStatus::Running).await;
        assert!(matches!(refused, Err(RegisterError::Refused(RegistrationRefused::KillSwitchEngaged))));
    }
}
