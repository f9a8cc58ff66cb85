//! A hook, from its body to its answer.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::ports::{
    ApprovalRepository, HookCall, HookError, HookReceiver, MessageRepository, SessionRepository,
};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::Reason;
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, IngestMessages, OpenApproval, Ports, ReadCommands, RegisterSession, ReportStatus,
    WithdrawApproval,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::control::{Control, stopped};
use crate::hook::{Event, Hook};
use crate::permission::Permission;
use crate::place::{self, Place};
use crate::record::Record;
use crate::reply::Verdict;

/// Takes in the hooks of Claude Code.
pub struct ClaudeCode {
    sessions: Arc<dyn SessionRepository>,
    messages: Arc<dyn MessageRepository>,
    approvals: Arc<dyn ApprovalRepository>,
    register: RegisterSession,
    ingest: IngestMessages,
    report: ReportStatus,
    commands: ReadCommands,
    acknowledge: AcknowledgeCommand,
    open: OpenApproval,
    withdraw: WithdrawApproval,
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
            register: RegisterSession::new(ports),
            ingest: IngestMessages::new(ports),
            report: ReportStatus::new(ports),
            commands: ReadCommands::new(ports),
            acknowledge: AcknowledgeCommand::new(ports),
            open: OpenApproval::new(ports),
            withdraw: WithdrawApproval::new(ports),
        }
    }

    async fn at(&self, session: &Session, hook: &Hook, until: Instant) -> Result<Verdict, HookError> {
        let record =
            Record { sessions: &*self.sessions, messages: &*self.messages, ingest: &self.ingest, report: &self.report };
        let control = Control {
            sessions: &*self.sessions,
            messages: &*self.messages,
            commands: &self.commands,
            acknowledge: &self.acknowledge,
            record: &record,
        };
        let permission = Permission {
            sessions: &*self.sessions,
            approvals: &*self.approvals,
            open: &self.open,
            withdraw: &self.withdraw,
            record: &record,
        };
        let went_on = !matches!(hook.event, Event::PermissionRequest | Event::Notification | Event::Other);
        if session.status == SessionStatus::Waiting && went_on {
            permission.decided_elsewhere(session).await?;
        }
        control.confirm(session.id).await?;
        record.write(session, hook).await?;
        match control.verdict(session.id, hook, until).await? {
            Verdict::Nothing if hook.event == Event::PermissionRequest => permission.ask(session, hook, until).await,
            verdict => Ok(verdict),
        }
    }
}

#[async_trait]
impl HookReceiver for ClaudeCode {
    async fn take(&self, call: HookCall) -> Result<Value, HookError> {
        let until = Instant::now() + call.hold;
        let hook = Hook::read(call.body.clone())?;
        let verdict = match place::find(&*self.sessions, &self.register, &call, &hook).await? {
            Place::At(session) => self.at(&session, &hook, until).await?,
            Place::Killed(session) => stopped(session.status_reason.as_ref()),
            Place::Over => Verdict::Nothing,
            Place::Fenced(refused) => stopped(Reason::new(refused.to_string()).ok().as_ref()),
        };
        Ok(verdict.answer(&hook))
    }
}
