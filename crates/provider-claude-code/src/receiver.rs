//! A hook, from its body to its answer.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::ports::{
    ApprovalRepository, HookCall, HookError, HookReceiver, MessageRepository, OperationRepository, SessionRepository,
};
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, IngestMessages, OpenApproval, Ports, ReadCommands, RegisterSession, ReportStatus,
    WithdrawApproval,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::control::{Control, held};
use crate::cover;
use crate::hold::Hold;
use crate::hook::{Event, Hook};
use crate::ids;
use crate::meter::is_end_of_a_turn;
use crate::permission::Permission;
use crate::place::{Here, Place, Places, Stopped, is_doomed};
use crate::record::Record;
use crate::reply::{Verdict, stopped};

/// What is said when nobody can be asked and nothing is to run then.
const AWAY: &str = "Flightdeck cannot be asked just now, and nothing is to run without it. Try again in a while.";

/// Takes in the hooks of Claude Code.
pub struct ClaudeCode {
    sessions: Arc<dyn SessionRepository>,
    messages: Arc<dyn MessageRepository>,
    approvals: Arc<dyn ApprovalRepository>,
    operations: Arc<dyn OperationRepository>,
    register: RegisterSession,
    ingest: IngestMessages,
    report: ReportStatus,
    commands: ReadCommands,
    acknowledge: AcknowledgeCommand,
    open: OpenApproval,
    withdraw: WithdrawApproval,
    ending: CancellationToken,
}

impl std::fmt::Debug for ClaudeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaudeCode").finish_non_exhaustive()
    }
}

impl ClaudeCode {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self {
            sessions: Arc::clone(&ports.sessions),
            messages: Arc::clone(&ports.messages),
            approvals: Arc::clone(&ports.approvals),
            operations: Arc::clone(&ports.operations),
            register: RegisterSession::new(ports),
            ingest: IngestMessages::new(ports),
            report: ReportStatus::new(ports),
            commands: ReadCommands::new(ports),
            acknowledge: AcknowledgeCommand::new(ports),
            open: OpenApproval::new(ports),
            withdraw: WithdrawApproval::new(ports),
            ending: CancellationToken::new(),
        }
    }

    /// Answers what it holds as soon as the server begins to stop: until then a hook is held for as long as its call allows.
    #[must_use]
    pub fn ending_with(self, ending: CancellationToken) -> Self {
        Self { ending, ..self }
    }

    async fn verdict(&self, call: &HookCall, hook: &Hook, hold: &Hold) -> Result<Verdict, HookError> {
        let places =
            Places { sessions: &*self.sessions, operations: &*self.operations, register: &self.register, call, hook };
        Ok(match places.find().await? {
            Place::At(here) => self.at(*here, call, hook, hold).await?,
            Place::Stopped(place) => self.stopped(&place, hook).await?,
            Place::Nowhere(above) => self.uncertain(above, call, hook).await?,
        })
    }

    fn record(&self) -> Record<'_> {
        Record { sessions: &*self.sessions, messages: &*self.messages, ingest: &self.ingest, report: &self.report }
    }

    /// Writes a hook of a session at work down, and finds the answer. When the store takes nothing, what was read of it
    /// still stops or holds the agent.
    async fn at(&self, here: Here, call: &HookCall, hook: &Hook, hold: &Hold) -> Result<Verdict, HookError> {
        let (doomed, paused) = {
            let all = || std::iter::once(&here.session).chain(&here.top);
            (all().any(is_doomed), all().any(|session| session.desired_status == DesiredStatus::Paused))
        };
        match self.answered(here, call, hook, hold).await {
            Err(HookError::Unavailable(error)) if doomed => {
                tracing::warn!(%error, "a hook of a session that is to be killed could not be written down");
                Ok(stopped(None))
            }
            Err(HookError::Unavailable(error)) if paused && hook.event.is_before_a_tool() => {
                tracing::warn!(%error, "a hook of a session that is paused could not be written down");
                Ok(if hook.event == Event::PreToolUse {
                    Verdict::Deny(held(None))
                } else {
                    Verdict::Refuse(held(None))
                })
            }
            answered => answered,
        }
    }

    async fn answered(&self, mut here: Here, call: &HookCall, hook: &Hook, hold: &Hold) -> Result<Verdict, HookError> {
        let record = self.record();
        let control = Control {
            sessions: &*self.sessions,
            messages: &*self.messages,
            commands: &self.commands,
            acknowledge: &self.acknowledge,
            record: &record,
        };
        let permission = Permission {
            sessions: &*self.sessions,
            commands: &self.commands,
            approvals: &*self.approvals,
            open: &self.open,
            withdraw: &self.withdraw,
            record: &record,
        };
        if let Some(why) = &call.unread {
            record.unread(&here.session, hook, why).await?;
        }
        if hook.event == Event::Unknown {
            return self.uncertain(Some(here.session.id), call, hook).await;
        }
        let aside = matches!(hook.event, Event::PermissionRequest | Event::Notification | Event::Other);
        if here.session.status == SessionStatus::Waiting && !aside {
            permission.decided_elsewhere(&here.session).await?;
        }
        control.confirm(&here.session).await?;
        if matches!(here.session.status, SessionStatus::Idle | SessionStatus::Paused)
            && hook.event.is_before_a_tool()
            && let Some(words) = record.interrupt_of(&here.session, hook).await?
        {
            // The model had asked for more than one call: the rest of them comes after the first was broken off.
            record.say(&here.session, hook).await?;
            record.denied(&here.session, hook, &words).await?;
            return Ok(Verdict::Stop(words));
        }
        if is_end_of_a_turn(hook.event) {
            record.meter(&here.session, hook).await?;
        }
        record.write(&here.session, hook).await?;
        loop {
            match control.verdict(&here, hook, hold).await? {
                Verdict::Nothing if hook.event == Event::PermissionRequest => {
                    if let Some(verdict) = permission.ask(&here, hook, hold).await? {
                        return Ok(verdict);
                    }
                    // Somebody stepped in meanwhile.
                    if let Some(top) = here.top.take() {
                        here.top = self.sessions.get(top.id).await?;
                    }
                }
                verdict => return Ok(verdict),
            }
        }
    }

    /// Nobody knows what it asks, or where: it is not let through where anything covers it.
    async fn uncertain(&self, above: Option<SessionId>, call: &HookCall, hook: &Hook) -> Result<Verdict, HookError> {
        match cover::verdict(&*self.sessions, above).await? {
            Verdict::Nothing if hook.event == Event::Unknown && call.unread.is_none() => Err(hook.nameless()),
            // What comes late and begins nothing cannot be held.
            Verdict::Deny(_) if hook.event != Event::Unknown => Ok(Verdict::Nothing),
            verdict => Ok(verdict),
        }
    }

    /// Nothing may work there any more. What came all the same is told where an operator looks.
    async fn stopped(&self, place: &Stopped, hook: &Hook) -> Result<Verdict, HookError> {
        let verdict = stopped(place.why.as_ref());
        if let (Some(witness), Verdict::Stop(words), true) = (place.witness, &verdict, hook.event.begins()) {
            let agent = hook.agent_type.as_deref().or(hook.agent_id.as_deref()).unwrap_or("claude-code");
            let what = if hook.event.is_before_a_tool() { hook.tool() } else { hook.name.clone() };
            let fingerprint = ids::fingerprint(&Value::Object(hook.body.clone()));
            let metadata = json!({"type": "stopped", "hook": hook.name, "hookId": fingerprint,
                "data": {"agent_id": hook.agent_id, "tool_name": hook.value("tool_name")}});
            let told = format!("{agent} was not let through ({what}). {words}");
            let once = format!("stopped/{fingerprint}");
            let noted = self.record().note(witness, &once, (MessageRole::System, &told), metadata).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "a hook that was not let through could not be written down");
            }
        }
        tracing::info!(
            event = hook.name,
            session = hook.session_id,
            agent = hook.agent_id,
            "a hook was answered with a stop"
        );
        Ok(verdict)
    }

    /// Not even the session is known. Whatever covers all of the caller's sessions counts for it.
    async fn nameless(&self, call: &HookCall, fault: HookError) -> Result<Value, HookError> {
        let verdict = cover::verdict(&*self.sessions, call.bound_to).await?;
        match (&verdict, &call.unread) {
            (Verdict::Nothing, None) => Err(fault),
            (Verdict::Nothing, Some(why)) => {
                tracing::warn!(why, %fault, "a hook could not be read, and its agent went on");
                Ok(verdict.answer_to_anything())
            }
            _ => Ok(verdict.answer_to_anything()),
        }
    }
}

#[async_trait]
impl HookReceiver for ClaudeCode {
    async fn take(&self, call: HookCall) -> Result<Value, HookError> {
        let hold = Hold::new(call.hold, self.ending.clone());
        let hook = match Hook::read(call.body.clone()) {
            Ok(hook) => hook,
            Err(fault) => return self.nameless(&call, fault).await,
        };
        let verdict = match self.verdict(&call, &hook, &hold).await {
            Err(HookError::Unavailable(error)) if call.deny_when_away => {
                tracing::warn!(%error, event = hook.name, "a hook was answered without the store");
                match hook.event {
                    Event::PreToolUse | Event::Unknown => Verdict::Deny(AWAY.to_owned()),
                    Event::PermissionRequest => Verdict::Refuse(AWAY.to_owned()),
                    _ => Verdict::Nothing,
                }
            }
            // Whose it is, is not the caller's to say: what covers the caller counts all the same.
            Err(error @ (HookError::OutsideSubtree { .. } | HookError::Place(_))) => {
                return match cover::verdict(&*self.sessions, call.bound_to).await? {
                    Verdict::Nothing => Err(error),
                    verdict => Ok(verdict.answer_to_anything()),
                };
            }
            verdict => verdict?,
        };
        Ok(verdict.answer(&hook))
    }
}
