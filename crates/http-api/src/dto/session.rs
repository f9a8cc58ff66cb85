//! Sessions.

use chrono::{DateTime, Utc};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::Capabilities;
use flightdeck_domain::provider_config::StartedBy;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{
    AgentType, GateProfile, JsonObject, MessageContent, MissionId, ProviderName, ProviderSessionId, Reason, TaskId,
    TaskSource,
};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{NewSession, Providers};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ControlView, PlacementView, SpawnOptions, texts, words};
use crate::problem::ApiError;

/// Registers a session that runs elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "taskId": "FD-12",
    "agentType": "worker",
    "missionId": "release-2",
    "gateProfile": "standard",
    "context": {"branch": "main"}
}))]
pub(crate) struct RegisterBody {
    /// Its id; give one to make the call safe to repeat.
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// The same; give one of the two.
    #[schema(value_type = Option<Uuid>)]
    agent_id: Option<SessionId>,
    /// The session that spawned it.
    #[schema(value_type = Option<Uuid>)]
    parent_session_id: Option<SessionId>,
    /// The same; give one of the two.
    #[schema(value_type = Option<Uuid>)]
    parent_agent_id: Option<SessionId>,
    /// What runs it; `internal` when missing.
    #[schema(value_type = Option<texts::ProviderName>)]
    provider: Option<ProviderName>,
    /// The provider's own id of it.
    #[schema(value_type = Option<texts::ProviderSessionId>)]
    provider_session_id: Option<ProviderSessionId>,
    /// The mission; a child without one inherits its parent's.
    #[schema(value_type = Option<texts::MissionId>)]
    mission_id: Option<MissionId>,
    /// The work item.
    #[schema(value_type = texts::TaskId)]
    task_id: TaskId,
    /// Where the work item comes from; `manual` when missing.
    #[schema(value_type = Option<texts::TaskSource>)]
    task_source: Option<TaskSource>,
    /// What kind of agent it is.
    #[schema(value_type = texts::AgentType)]
    agent_type: AgentType,
    /// `running` when missing.
    #[schema(value_type = Option<words::OpeningStatus>)]
    status: Option<SessionStatus>,
    /// The quality gate profile for its work.
    #[schema(value_type = Option<words::GateProfile>)]
    #[serde(default, deserialize_with = "known_gate")]
    gate_profile: Option<GateProfile>,
    /// What it was given to work with; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    context: JsonObject,
    /// Whatever else is to be kept; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    metadata: JsonObject,
}

/// One fact under two names: the value, and the name under which it came.
fn either(
    (name, value): (&'static str, Option<SessionId>),
    (alias, other): (&'static str, Option<SessionId>),
) -> Result<(Option<SessionId>, &'static str), ApiError> {
    match (value, other) {
        (Some(value), Some(other)) if value != other => {
            Err(ApiError::field(format!("/{alias}"), format!("is not the same as {name}; give one of the two")))
        }
        (None, Some(other)) => Ok((Some(other), alias)),
        (value, _) => Ok((value, name)),
    }
}

fn known_gate<'de, D: Deserializer<'de>>(value: D) -> Result<Option<GateProfile>, D::Error> {
    let word: Option<String> = Option::deserialize(value)?;
    word.map(|word| GateProfile::known(&word)).transpose().map_err(D::Error::custom)
}

impl RegisterBody {
    /// The session, its first status, and the name under which the parent was given.
    pub(crate) fn into_session(self) -> Result<(NewSession, SessionStatus, &'static str), ApiError> {
        let (session_id, _) = either(("sessionId", self.session_id), ("agentId", self.agent_id))?;
        let (parent_id, parent) =
            either(("parentSessionId", self.parent_session_id), ("parentAgentId", self.parent_agent_id))?;
        let new = NewSession {
            session_id,
            parent_id,
            provider: self.provider.unwrap_or_else(ProviderName::internal),
            provider_session_id: self.provider_session_id,
            replica: None,
            started_by: None,
            mission_id: self.mission_id,
            task_id: self.task_id,
            task_source: self.task_source.unwrap_or_default(),
            agent_type: self.agent_type,
            gate_profile: self.gate_profile,
            context: self.context,
            metadata: self.metadata,
        };
        Ok((new, self.status.unwrap_or(SessionStatus::Running), parent))
    }
}

/// Starts an agent through a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "taskId": "FD-12",
    "agentType": "worker",
    "prompt": "Fix the flaky test.",
    "options": {"model": "large", "cwd": "web", "worktree": true}
}))]
pub(crate) struct SpawnBody {
    /// The work item.
    #[schema(value_type = texts::TaskId)]
    task_id: TaskId,
    /// What kind of agent it is.
    #[schema(value_type = texts::AgentType)]
    agent_type: AgentType,
    /// What it is given to work with; at most 256 KiB of JSON. What must be in it depends on the provider.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    context: JsonObject,
    /// How it is set for this session. One that is in the context, too, is refused.
    options: Option<SpawnOptions>,
    /// The session that spawns it.
    #[schema(value_type = Option<Uuid>)]
    parent_agent_id: Option<SessionId>,
    /// The same; give one of the two.
    #[schema(value_type = Option<Uuid>)]
    parent_session_id: Option<SessionId>,
    /// The mission; a child without one inherits its parent's.
    #[schema(value_type = Option<texts::MissionId>)]
    mission_id: Option<MissionId>,
    /// Where the work item comes from; `manual` when missing.
    #[schema(value_type = Option<texts::TaskSource>)]
    task_source: Option<TaskSource>,
    /// The quality gate profile for its work.
    #[schema(value_type = Option<words::GateProfile>)]
    #[serde(default, deserialize_with = "known_gate")]
    gate_profile: Option<GateProfile>,
    /// What is to run it: a configuration or a kind (`GET /providers`). Where a kind starts agents of configured types, its
    /// configuration that is called like the type is taken. When missing it is the configuration that is called so, `internal`
    /// where there is none: nothing runs the agent then until a program reports as it.
    #[schema(value_type = Option<texts::ProviderName>)]
    provider: Option<ProviderName>,
    /// What to tell it first.
    #[schema(value_type = Option<texts::MessageContent>)]
    prompt: Option<MessageContent>,
    /// Whatever else is to be kept; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    metadata: JsonObject,
}

/// An agent that is to be started.
pub(crate) struct Spawn {
    pub(crate) new: NewSession,
    /// What is named to run it.
    pub(crate) provider: Option<ProviderName>,
    /// What to tell it first.
    pub(crate) prompt: Option<MessageContent>,
    /// The name under which the parent was given.
    pub(crate) parent: &'static str,
    /// The members of the context that were given as options.
    pub(crate) options: Vec<String>,
}

impl SpawnBody {
    /// What is asked for.
    pub(crate) fn into_session(self) -> Result<Spawn, ApiError> {
        let (parent_id, parent) =
            either(("parentAgentId", self.parent_agent_id), ("parentSessionId", self.parent_session_id))?;
        let (context, options) = self.options.unwrap_or_default().put_into(self.context)?;
        let new = NewSession {
            session_id: None,
            parent_id,
            provider: ProviderName::internal(),
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: self.mission_id,
            task_id: self.task_id,
            task_source: self.task_source.unwrap_or_default(),
            agent_type: self.agent_type,
            gate_profile: self.gate_profile,
            context,
            metadata: self.metadata,
        };
        Ok(Spawn { new, provider: self.provider, prompt: self.prompt, parent, options })
    }
}

/// An agent that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpawnReply {
    pub(crate) agent_id: Uuid,
    /// `spawning`
    #[schema(value_type = words::SessionStatus)]
    pub(crate) status: &'static str,
}

/// What an agent takes from an operator, as the provider that runs it says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent abilities, each a plain yes or no")]
pub(crate) struct CapabilitiesView {
    /// It can be paused.
    can_pause: bool,
    /// It takes a message into a running turn (`delivery` is `steer`).
    can_steer: bool,
    /// It takes a message with its next turn (`delivery` is `queue`).
    can_queue: bool,
    /// It goes on after a pause.
    can_resume: bool,
    /// It may be given another model or mode while it works; it may still refuse one.
    can_configure: bool,
    /// It waits for the decision of its permission requests.
    can_approve: bool,
}

impl From<Capabilities> for CapabilitiesView {
    fn from(able: Capabilities) -> Self {
        Self {
            can_pause: able.pause.is_some(),
            can_steer: able.steer,
            can_queue: able.queue,
            // Whoever can be held can be let go.
            can_resume: able.pause.is_some(),
            can_configure: able.configure,
            can_approve: able.approve,
        }
    }
}

/// The configuration that a session was started from, as it was then.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartedByView {
    name: String,
    /// 0 for a configuration of the server's file.
    revision: u64,
}

impl From<StartedBy> for StartedByView {
    fn from(by: StartedBy) -> Self {
        Self { name: by.name.into(), revision: by.revision }
    }
}

/// One session, whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The session's id.
    agent_id: Uuid,
    /// The same.
    session_id: Uuid,
    #[schema(required = true)]
    parent_session_id: Option<Uuid>,
    root_session_id: Uuid,
    provider: String,
    #[schema(required = true)]
    provider_session_id: Option<String>,
    /// The configuration that it was started from; null when it was started from none.
    #[schema(required = true)]
    provider_configuration: Option<StartedByView>,
    #[schema(required = true)]
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    agent_type: String,
    /// What was last observed.
    #[schema(value_type = words::SessionStatus)]
    status: &'static str,
    /// What an operator last asked for.
    #[schema(value_type = words::DesiredStatus)]
    desired_status: &'static str,
    #[schema(required = true)]
    status_reason: Option<String>,
    #[schema(required = true)]
    gate_profile: Option<String>,
    #[schema(value_type = texts::JsonObject)]
    context: JsonObject,
    #[schema(value_type = texts::JsonObject)]
    metadata: JsonObject,
    /// The seq of the newest message, and the number of messages.
    last_seq: u64,
    revision: u64,
    spawned_at: DateTime<Utc>,
    #[schema(required = true)]
    started_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    completed_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    last_seen_at: Option<DateTime<Utc>>,
    /// When its conversation went to the archive, if it did; it is read from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<DateTime<Utc>>,
    /// What it takes from an operator.
    capabilities: CapabilitiesView,
    /// Where its agent is, if it is assigned to runners; only in the answer for one agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<PlacementView>,
}

impl SessionView {
    /// Says when its conversation went to the archive.
    pub(crate) fn archived(self, at: Option<Timestamp>) -> Self {
        Self { archived_at: at.map(|at| at.as_datetime()), ..self }
    }

    /// Says where the agent is.
    pub(crate) fn placed(self, placement: Option<PlacementView>) -> Self {
        Self { placement, ..self }
    }

    pub(crate) fn new(session: Session, providers: &Providers) -> Self {
        Self {
            capabilities: providers.capabilities_of(&session).into(),
            placement: None,
            archived_at: None,
            agent_id: *session.id.as_uuid(),
            session_id: *session.id.as_uuid(),
            parent_session_id: session.parent_id.map(|id| *id.as_uuid()),
            root_session_id: *session.root_id.as_uuid(),
            provider: session.provider.into(),
            provider_session_id: session.provider_session_id.map(Into::into),
            provider_configuration: session.started_by.map(StartedByView::from),
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
    #[schema(required = true)]
    parent_session_id: Option<Uuid>,
    root_session_id: Uuid,
    #[schema(value_type = words::SessionStatus)]
    status: &'static str,
    #[schema(value_type = words::DesiredStatus)]
    desired_status: &'static str,
    agent_type: String,
    provider: String,
    #[schema(required = true)]
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    last_seq: u64,
    spawned_at: DateTime<Utc>,
    #[schema(required = true)]
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
#[schema(example = json!({"status": "idle", "reason": "the turn ended"}))]
pub(crate) struct StatusBody {
    /// What was seen.
    #[schema(value_type = words::SessionStatus)]
    pub(crate) status: SessionStatus,
    /// Why, in a sentence.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
    /// The id under which the agent's own runtime knows the session, once it is known: it is kept from then on.
    #[schema(value_type = Option<texts::ProviderSessionId>)]
    pub(crate) provider_session_id: Option<ProviderSessionId>,
}

/// A session after its status was reported.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReply {
    pub(crate) agent_id: Uuid,
    #[schema(value_type = words::SessionStatus)]
    pub(crate) status: &'static str,
    pub(crate) control: ControlView,
}
