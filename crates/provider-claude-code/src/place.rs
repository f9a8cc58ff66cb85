//! Where a hook belongs in the tree.

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::{Scope, Wish};
use flightdeck_domain::ports::{
    HookCall, HookError, OperationQuery, OperationRepository, RegisterError, SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{DesiredStatus, RegistrationRefused, Session, SessionPlace, SessionStatus};
use flightdeck_domain::text::{
    AgentType, InvalidText, JsonObject, ProviderName, ProviderSessionId, Reason, TaskId, TaskSource,
};
use flightdeck_domain::use_cases::{NewSession, RegisterSession};
use serde_json::{Map, Value};

use crate::hook::{Event, Hook, shortened};
use crate::ids;

/// How often a session of Claude Code's can end and be resumed.
const MOST_TURNS: u32 = 1_000;
/// How many of the newest operations are looked at for one that a session missed while it had ended.
const OPERATIONS: usize = 200;

/// What a hook found.
pub(crate) enum Place {
    /// Its session, at work.
    At(Box<Here>),
    /// Nothing may work there any more.
    Stopped(Box<Stopped>),
    /// Its session has ended or is not known, and this does not begin one. What is above it, where that is known.
    Nowhere(Option<SessionId>),
}

/// A session at work.
pub(crate) struct Here {
    pub(crate) session: Session,
    /// Of a sub-agent: the session of the Claude Code that it is a part of.
    pub(crate) top: Option<Session>,
}

/// What keeps a session from working.
pub(crate) struct Stopped {
    pub(crate) why: Option<Reason>,
    /// The session that was killed. Where nothing may register there is none.
    pub(crate) killed: Option<Session>,
    /// The session that can tell of what came, where there is one.
    pub(crate) witness: Option<SessionId>,
}

/// Finds places.
pub(crate) struct Places<'a> {
    pub(crate) sessions: &'a dyn SessionRepository,
    pub(crate) operations: &'a dyn OperationRepository,
    pub(crate) register: &'a RegisterSession,
    pub(crate) call: &'a HookCall,
    pub(crate) hook: &'a Hook,
}

impl Places<'_> {
    /// Finds the session of a hook, and puts it into the tree when it is not there yet: a hook may be the first that is
    /// heard.
    pub(crate) async fn find(&self) -> Result<Place, HookError> {
        let top = self.one(None).await?;
        let Some(agent) = &self.hook.agent_id else { return Ok(top) };
        match top {
            Place::At(here) => self.one(Some((&here.session, agent))).await,
            // What it started before goes the way of the one above, and says so in its own conversation.
            Place::Stopped(stopped) => match &stopped.killed {
                Some(killed) => match self.live_below(killed, agent).await? {
                    Some(session) => Ok(Place::At(Box::new(Here { session, top: Some(killed.clone()) }))),
                    None => Ok(Place::Stopped(stopped)),
                },
                None => Ok(Place::Stopped(stopped)),
            },
            Place::Nowhere(above) => Ok(Place::Nowhere(above)),
        }
    }

    async fn live_below(&self, parent: &Session, agent: &str) -> Result<Option<Session>, StoreUnavailable> {
        for turn in 1..=MOST_TURNS {
            match self.sessions.get(ids::sub_agent(parent.id, agent, turn)).await? {
                Some(session) if session.status.is_terminal() || !is_taken_by_itself(&session, Some(parent)) => {}
                other => return Ok(other),
            }
        }
        Ok(None)
    }

    async fn one(&self, below: Option<(&Session, &str)>) -> Result<Place, HookError> {
        let mut before: Option<Session> = None;
        for turn in 1..=MOST_TURNS {
            let id = match below {
                None => ids::session(&self.hook.session_id, turn),
                Some((parent, agent)) => ids::sub_agent(parent.id, agent, turn),
            };
            let session = match self.sessions.get(id).await? {
                Some(session) => session,
                None => match self.begun(before.as_ref(), below, id).await? {
                    Ok(session) => session,
                    Err(place) => return Ok(place),
                },
            };
            if !is_taken_by_itself(&session, below.map(|(parent, _)| parent)) {
                // Somebody has registered a session of their own under the id: it is not touched, and not asked.
                continue;
            }
            if let Some(bound_to) = self.call.bound_to
                && session.id != bound_to
                && !self.sessions.is_within(session.id, bound_to).await?
            {
                return Err(HookError::OutsideSubtree { bound_to });
            }
            match session.status {
                SessionStatus::Killed => {
                    return Ok(Place::Stopped(Box::new(Stopped {
                        why: session.status_reason.clone(),
                        witness: below.map(|(parent, _)| parent.id),
                        killed: Some(session),
                    })));
                }
                status if status.is_terminal() => before = Some(session),
                _ => return Ok(Place::At(Box::new(Here { session, top: below.map(|(top, _)| top.clone()) }))),
            }
        }
        Err(HookError::Invalid { field: "session_id", problem: "has ended too often".to_owned() })
    }

    /// A session that is not in the tree, or not any more, begins with this hook, or does not.
    async fn begun(
        &self,
        before: Option<&Session>,
        below: Option<(&Session, &str)>,
        id: SessionId,
    ) -> Result<Result<Session, Place>, HookError> {
        let above = below.map(|(parent, _)| parent.id).or(self.call.bound_to);
        if self.hook.event == Event::Unknown {
            return Ok(Err(Place::Nowhere(above)));
        }
        if let Some(before) = before {
            if !self.hook.event.begins() {
                return Ok(Err(Place::Nowhere(before.parent_id)));
            }
            if let Some(why) = self.missed_kill(before).await? {
                return Ok(Err(Place::Stopped(Box::new(Stopped { why, killed: None, witness: above }))));
            }
        }
        match self.registered(below, id).await? {
            Ok(session) => Ok(Ok(session)),
            Err(refused) => {
                let why = self.why(&refused).await?;
                Ok(Err(Place::Stopped(Box::new(Stopped { why, killed: None, witness: above }))))
            }
        }
    }

    async fn registered(
        &self,
        below: Option<(&Session, &str)>,
        id: SessionId,
    ) -> Result<Result<Session, RegistrationRefused>, HookError> {
        let new = self.described(below, id)?;
        if let (Some(bound_to), Some(mission)) = (self.call.bound_to, &new.mission_id)
            && let Some(own) = self.sessions.get(bound_to).await?
        {
            SessionPlace::from(&own).of_child(bound_to, own.mission_id.as_ref(), Some(mission))?;
        }
        match self.register.execute(new, SessionStatus::Running).await {
            Ok(registered) => Ok(Ok(registered.session)),
            Err(RegisterError::Refused(
                refused @ (RegistrationRefused::KillSwitchEngaged | RegistrationRefused::Fenced(_)),
            )) => Ok(Err(refused)),
            // Another hook was first, and saw another folder.
            Err(RegisterError::Refused(refused @ RegistrationRefused::Conflict { .. })) => {
                match self.sessions.get(id).await? {
                    Some(session) => Ok(Ok(session)),
                    None => Err(HookError::Register(refused.into())),
                }
            }
            Err(error) => Err(HookError::Register(error)),
        }
    }

    /// A session that had announced its end was not among those that a kill of its mission, or of all below it, reached.
    /// When it works on after all, and nobody asked it to, the kill is for it, too.
    async fn missed_kill(&self, ended: &Session) -> Result<Option<Option<Reason>>, StoreUnavailable> {
        let asked_anew = match self.hook.event {
            Event::SessionStart => true,
            Event::UserPromptSubmit => !self.hook.is_notice_of_a_task(),
            _ => false,
        };
        if asked_anew {
            return Ok(None);
        }
        let since = ended.completed_at.unwrap_or(ended.spawned_at);
        let query = OperationQuery { open: None, missions: None, after: None, limit: OPERATIONS };
        let page = self.operations.operations(query).await?;
        let newer = page.operations.into_iter().take_while(|operation| operation.requested_at >= since);
        let mut kills =
            newer.filter(|operation| operation.wish == Wish::Kill).filter(|operation| match &operation.scope {
                Scope::Mission(mission) => Some(mission) == ended.mission_id.as_ref(),
                Scope::Subtree(top) => *top == ended.id || Some(*top) == ended.parent_id,
                Scope::Session(_) | Scope::Fleet => false,
            });
        Ok(kills.next().map(|kill| kill.reason))
    }

    /// Why nothing may begin there: in the words of the operator who saw to it, where they are known.
    async fn why(&self, refused: &RegistrationRefused) -> Result<Option<Reason>, StoreUnavailable> {
        let said = match refused {
            RegistrationRefused::KillSwitchEngaged => {
                let query = OperationQuery { open: None, missions: None, after: None, limit: OPERATIONS };
                let page = self.operations.operations(query).await?;
                let kill_all = page.operations.into_iter().find(|operation| operation.scope == Scope::Fleet);
                kill_all.and_then(|operation| operation.reason)
            }
            _ => None,
        };
        let words = said.map_or_else(|| refused.to_string(), |said| format!("{said} ({refused})"));
        Ok(Reason::new(shortened(&words, Reason::LIMIT)).ok())
    }

    fn described(&self, below: Option<(&Session, &str)>, id: SessionId) -> Result<NewSession, HookError> {
        let (call, hook) = (self.call, self.hook);
        let kind = hook.agent_type.as_deref().map(|kind| one_line(kind, AgentType::LIMIT));
        let (own, parent_id, task_id) = match below {
            None => (hook.session_id.as_str(), call.bound_to, call.task_id.clone().or_else(|| folder(hook))),
            Some((parent, agent)) => (agent, Some(parent.id), Some(parent.task_id.clone())),
        };
        let plain = if below.is_some() { "sub-agent" } else { "claude-code" };
        // Of a sub-agent's hook the type is the sub-agent's; the session's own was told by its own hooks.
        let kind = kind.filter(|_| below.is_some() || hook.agent_id.is_none());
        let invalid = |error: InvalidText| HookError::Invalid { field: "session_id", problem: error.to_string() };
        let kind = kind.and_then(|kind| AgentType::new(kind).ok());
        let agent_type = kind.map_or_else(|| AgentType::new(plain).map_err(invalid), Ok)?;
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
            // Below a session of a bound key all are on its mission.
            mission_id: call.mission_id.clone().filter(|_| below.is_none() || call.bound_to.is_none()),
            task_source: TaskSource::new("claude-code").unwrap_or_default(),
            metadata: JsonObject::new(told).unwrap_or_default(),
            ..NewSession::new(task_id, agent_type)
        })
    }
}

/// Whether a session is the one that hooks put into the tree under its id. Ids follow from Claude Code's own, and anybody who
/// may register can take one first.
fn is_taken_by_itself(session: &Session, parent: Option<&Session>) -> bool {
    session.provider == ProviderName::claude_code() && parent.is_none_or(|parent| session.parent_id == Some(parent.id))
}

/// Whether an operator has asked a session to be killed, or it is.
pub(crate) fn is_doomed(session: &Session) -> bool {
    session.status == SessionStatus::Killed || session.desired_status == DesiredStatus::Killed
}

/// The folder that it works in: what people would call the work when nobody says.
fn folder(hook: &Hook) -> Option<TaskId> {
    let path = hook.text("cwd")?.trim_end_matches(['/', '\\']);
    let name = path.rsplit(['/', '\\']).next()?;
    TaskId::new(one_line(name, TaskId::LIMIT)).ok()
}
