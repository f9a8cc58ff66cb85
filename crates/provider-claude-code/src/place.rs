//! Where a hook belongs in the tree.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{HookCall, HookError, RegisterError, SessionRepository};
use flightdeck_domain::session::{RegistrationRefused, Session, SessionStatus};
use flightdeck_domain::text::{
    AgentType, InvalidText, JsonObject, ProviderName, ProviderSessionId, TaskId, TaskSource,
};
use flightdeck_domain::use_cases::{NewSession, RegisterSession};
use serde_json::{Map, Value};

use crate::hook::{Hook, one_line};
use crate::ids;

/// How often a session of Claude Code's can end and be resumed.
const MOST_TURNS: u32 = 1_000;

/// What a hook found.
pub(crate) enum Place {
    /// Its session, at work.
    At(Box<Session>),
    /// Its session was killed.
    Killed(Box<Session>),
    /// Its session has ended, and this does not begin it anew.
    Over,
    /// Nothing may spawn there.
    Fenced(RegistrationRefused),
}

/// Finds the session of a hook, and puts it into the tree when it is not there yet: a hook may be the first that is heard.
pub(crate) async fn find(
    sessions: &dyn SessionRepository,
    register: &RegisterSession,
    call: &HookCall,
    hook: &Hook,
) -> Result<Place, HookError> {
    let top = one(sessions, register, call, hook, None).await?;
    let (Some(agent), Place::At(parent)) = (&hook.agent_id, &top) else { return Ok(top) };
    one(sessions, register, call, hook, Some((parent, agent))).await
}

async fn one(
    sessions: &dyn SessionRepository,
    register: &RegisterSession,
    call: &HookCall,
    hook: &Hook,
    below: Option<(&Session, &str)>,
) -> Result<Place, HookError> {
    for turn in 1..=MOST_TURNS {
        let id = match below {
            None => ids::session(&hook.session_id, turn),
            Some((parent, agent)) => ids::sub_agent(parent.id, agent, turn),
        };
        let session = match sessions.get(id).await? {
            Some(session) => session,
            None if turn > 1 && !hook.event.begins() => return Ok(Place::Over),
            None => match registered(sessions, register, call, hook, below, id).await? {
                Ok(session) => session,
                Err(fenced) => return Ok(Place::Fenced(fenced)),
            },
        };
        if let Some(bound_to) = call.bound_to
            && session.id != bound_to
            && !sessions.is_within(session.id, bound_to).await?
        {
            return Err(HookError::OutsideSubtree { bound_to });
        }
        match session.status {
            SessionStatus::Killed => return Ok(Place::Killed(Box::new(session))),
            status if status.is_terminal() => {}
            _ => return Ok(Place::At(Box::new(session))),
        }
    }
    Ok(Place::Over)
}

async fn registered(
    sessions: &dyn SessionRepository,
    register: &RegisterSession,
    call: &HookCall,
    hook: &Hook,
    below: Option<(&Session, &str)>,
    id: SessionId,
) -> Result<Result<Session, RegistrationRefused>, HookError> {
    let new = described(call, hook, below, id)?;
    match register.execute(new, SessionStatus::Running).await {
        Ok(registered) => Ok(Ok(registered.session)),
        Err(RegisterError::Refused(
            refused @ (RegistrationRefused::KillSwitchEngaged | RegistrationRefused::Fenced(_)),
        )) => Ok(Err(refused)),
        // Another hook was first, and saw another folder.
        Err(RegisterError::Refused(refused @ RegistrationRefused::Conflict { .. })) => match sessions.get(id).await? {
            Some(session) => Ok(Ok(session)),
            None => Err(HookError::Register(refused.into())),
        },
        Err(error) => Err(HookError::Register(error)),
    }
}

fn described(
    call: &HookCall,
    hook: &Hook,
    below: Option<(&Session, &str)>,
    id: SessionId,
) -> Result<NewSession, HookError> {
    let kind = hook.agent_type.as_deref().map(|kind| one_line(kind, AgentType::LIMIT));
    let (own, parent_id, task_id) = match below {
        None => (hook.session_id.as_str(), call.bound_to, call.task_id.clone().or_else(|| folder(hook))),
        Some((parent, agent)) => (agent, Some(parent.id), Some(parent.task_id.clone())),
    };
    let plain = if below.is_some() { "sub-agent" } else { "claude-code" };
    // Of a sub-agent's hook the type is the sub-agent's; the session's own was told by its own hooks.
    let kind = kind.filter(|_| below.is_some() || hook.agent_id.is_none());
    let invalid = |error: InvalidText| HookError::Invalid { field: "session_id", problem: error.to_string() };
    let agent_type = AgentType::new(kind.unwrap_or_else(|| plain.to_owned())).map_err(invalid)?;
    let task_id = match task_id {
        Some(task_id) => task_id,
        None => TaskId::new(one_line(&hook.session_id, TaskId::LIMIT)).map_err(invalid)?,
    };
    let told: Map<String, Value> = ["cwd", "model", "permission_mode", "transcript_path", "agent_transcript_path"]
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), hook.value(field)?.clone())))
        .collect();
    Ok(NewSession {
        session_id: Some(id),
        parent_id,
        provider: ProviderName::claude_code(),
        provider_session_id: ProviderSessionId::new(one_line(own, ProviderSessionId::LIMIT)).ok(),
        mission_id: call.mission_id.clone(),
        task_source: TaskSource::new("claude-code").unwrap_or_default(),
        metadata: JsonObject::new(told).unwrap_or_default(),
        ..NewSession::new(task_id, agent_type)
    })
}

/// The folder that it works in: what people would call the work when nobody says.
fn folder(hook: &Hook) -> Option<TaskId> {
    let path = hook.text("cwd")?.trim_end_matches(['/', '\\']);
    let name = path.rsplit(['/', '\\']).next()?;
    TaskId::new(one_line(name, TaskId::LIMIT)).ok()
}
