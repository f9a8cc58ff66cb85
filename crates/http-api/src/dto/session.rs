//! Sessions.

use chrono::{DateTime, Utc};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{
    AgentType, GateProfile, JsonObject, MessageContent, MissionId, ProviderName, ProviderSessionId, Reason, TaskId,
    TaskSource,
};
use flightdeck_domain::use_cases::{NewSession, Providers};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ControlView;

/// Registers a session that runs elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// Its id; give one to make the call safe to repeat. `agentId` is read as the same.
    #[serde(alias = "agentId")]
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// The session that spawned it. `parentAgentId` is read as the same.
    #[serde(alias = "parentAgentId")]
    #[schema(value_type = Option<Uuid>)]
    parent_session_id: Option<SessionId>,
    /// What runs it; `internal` when missing.
    #[schema(value_type = Option<String>, max_length = 50)]
    provider: Option<ProviderName>,
    /// The provider's own id of it.
    #[schema(value_type = Option<String>, max_length = 200)]
    provider_session_id: Option<ProviderSessionId>,
    /// The mission; a child without one inherits its parent's.
    #[schema(value_type = Option<String>, max_length = 200)]
    mission_id: Option<MissionId>,
    /// The work item.
    #[schema(value_type = String, max_length = 200)]
    task_id: TaskId,
    /// Where the work item comes from; `manual` when missing.
    #[schema(value_type = Option<String>, max_length = 100)]
    task_source: Option<TaskSource>,
    /// What kind of agent it is.
    #[schema(value_type = String, max_length = 100)]
    agent_type: AgentType,
    /// `running` (when missing) or `spawning`.
    #[schema(value_type = Option<String>)]
    status: Option<SessionStatus>,
    /// The quality gate profile for its work.
    #[schema(value_type = Option<String>, max_length = 100)]
    gate_profile: Option<GateProfile>,
    /// What it was given to work with; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: JsonObject,
    /// Whatever else is to be kept; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: JsonObject,
}

impl RegisterBody {
    pub(crate) fn into_session(self) -> (NewSession, SessionStatus) {
        let new = NewSession {
            session_id: self.session_id,
            parent_id: self.parent_session_id,
            provider: self.provider.unwrap_or_else(ProviderName::internal),
            provider_session_id: self.provider_session_id,
            replica: None,
            mission_id: self.mission_id,
            task_id: self.task_id,
            task_source: self.task_source.unwrap_or_default(),
            agent_type: self.agent_type,
            gate_profile: self.gate_profile,
            context: self.context,
            metadata: self.metadata,
        };
        (new, self.status.unwrap_or(SessionStatus::Running))
    }
}

/// Starts an agent through a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SpawnBody {
    /// The work item.
    #[schema(value_type = String, max_length = 200)]
    task_id: TaskId,
    /// What kind of agent it is.
    #[schema(value_type = String, max_length = 100)]
    agent_type: AgentType,
    /// What it is given to work with; at most 256 KiB of JSON. What must be in it depends on the provider.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: JsonObject,
    /// The session that spawns it. `parentSessionId` is read as the same.
    #[serde(alias = "parentSessionId")]
    #[schema(value_type = Option<Uuid>)]
    parent_agent_id: Option<SessionId>,
    /// The mission; a child without one inherits its parent's.
    #[schema(value_type = Option<String>, max_length = 200)]
    mission_id: Option<MissionId>,
    /// Where the work item comes from; `manual` when missing.
    #[schema(value_type = Option<String>, max_length = 100)]
    task_source: Option<TaskSource>,
    /// The quality gate profile for its work.
    #[schema(value_type = Option<String>, max_length = 100)]
    gate_profile: Option<GateProfile>,
    /// What is to run it. When missing it is the provider that runs agents of this type, `internal` where there is none.
    #[schema(value_type = Option<String>, max_length = 50)]
    provider: Option<ProviderName>,
    /// What to tell it first.
    #[schema(value_type = Option<String>)]
    prompt: Option<MessageContent>,
    /// Whatever else is to be kept; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: JsonObject,
}

impl SpawnBody {
    pub(crate) fn into_session(self, providers: &Providers) -> (NewSession, Option<MessageContent>) {
        let new = NewSession {
            session_id: None,
            parent_id: self.parent_agent_id,
            provider: self.provider.unwrap_or_else(|| providers.for_agent(&self.agent_type)),
            provider_session_id: None,
            replica: None,
            mission_id: self.mission_id,
            task_id: self.task_id,
            task_source: self.task_source.unwrap_or_default(),
            agent_type: self.agent_type,
            gate_profile: self.gate_profile,
            context: self.context,
            metadata: self.metadata,
        };
        (new, self.prompt)
    }
}

/// An agent that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpawnReply {
    pub(crate) agent_id: Uuid,
    /// `spawning`
    pub(crate) status: &'static str,
}

/// One session, whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The session's id.
    agent_id: Uuid,
    /// The same.
    session_id: Uuid,
    parent_session_id: Option<Uuid>,
    root_session_id: Uuid,
    provider: String,
    provider_session_id: Option<String>,
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    agent_type: String,
    /// What was last observed.
    status: &'static str,
    /// What an operator last asked for.
    desired_status: &'static str,
    status_reason: Option<String>,
    gate_profile: Option<String>,
    #[schema(value_type = Object)]
    context: JsonObject,
    #[schema(value_type = Object)]
    metadata: JsonObject,
    /// The seq of the newest message, and the number of messages.
    last_seq: u64,
    revision: u64,
    spawned_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            agent_id: *session.id.as_uuid(),
            session_id: *session.id.as_uuid(),
            parent_session_id: session.parent_id.map(|id| *id.as_uuid()),
            root_session_id: *session.root_id.as_uuid(),
            provider: session.provider.into(),
            provider_session_id: session.provider_session_id.map(Into::into),
            mission_id: session.mission_id.map(Into::into),
            task_id: session.task_id.into(),
            task_source: session.task_source.into(),
            agent_type: session.agent_type.into(),
            status: session.status.as_str(),
            desired_status: session.desired_status.as_str(),
            status_reason: session.status_reason.map(Into::into),
            gate_profile: session.gate_profile.map(Into::into),
            context: session.context,
            metadata: session.metadata,
            last_seq: session.last_seq.get(),
            revision: session.revision,
            spawned_at: session.spawned_at.as_datetime(),
            started_at: session.started_at.map(|at| at.as_datetime()),
            completed_at: session.completed_at.map(|at| at.as_datetime()),
            last_seen_at: session.last_seen_at.map(|at| at.as_datetime()),
        }
    }
}

/// One node of the session tree.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TreeEntry {
    session_id: Uuid,
    parent_session_id: Option<Uuid>,
    root_session_id: Uuid,
    status: &'static str,
    desired_status: &'static str,
    agent_type: String,
    provider: String,
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    last_seq: u64,
    spawned_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<Session> for TreeEntry {
    fn from(session: Session) -> Self {
        Self {
            session_id: *session.id.as_uuid(),
            parent_session_id: session.parent_id.map(|id| *id.as_uuid()),
            root_session_id: *session.root_id.as_uuid(),
            status: session.status.as_str(),
            desired_status: session.desired_status.as_str(),
            agent_type: session.agent_type.into(),
            provider: session.provider.into(),
            mission_id: session.mission_id.map(Into::into),
            task_id: session.task_id.into(),
            task_source: session.task_source.into(),
            last_seq: session.last_seq.get(),
            spawned_at: session.spawned_at.as_datetime(),
            completed_at: session.completed_at.map(|at| at.as_datetime()),
        }
    }
}

/// What a runtime sees of its session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StatusBody {
    /// `running`, `idle`, `waiting`, `paused`, `completed`, `failed`, `killed` or `lost`.
    #[schema(value_type = String)]
    pub(crate) status: SessionStatus,
    /// Why, in a sentence.
    #[schema(value_type = Option<String>, max_length = 2_000)]
    pub(crate) reason: Option<Reason>,
    /// The id under which the agent's own runtime knows the session, once it is known: it is kept from then on.
    #[schema(value_type = Option<String>, max_length = 200)]
    pub(crate) provider_session_id: Option<ProviderSessionId>,
}

/// A session after its status was reported.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReply {
    pub(crate) agent_id: Uuid,
    pub(crate) status: &'static str,
    pub(crate) control: ControlView,
}
