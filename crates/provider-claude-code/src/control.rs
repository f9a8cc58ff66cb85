//! What an operator wants, at the moment of a hook.

use std::time::Duration;

use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AcknowledgeError, HookError, MessageRepository, SessionRepository, StoreUnavailable};
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::text::Reason;
use flightdeck_domain::use_cases::{AcknowledgeCommand, ReadCommands};
use tokio::time::Instant;

use crate::hook::{Event, Hook};
use crate::record::Record;
use crate::reply::Verdict;

/// How often a held hook looks whether it may go on.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// Obeys.
pub(crate) struct Control<'a> {
    pub(crate) sessions: &'a dyn SessionRepository,
    pub(crate) messages: &'a dyn MessageRepository,
    pub(crate) commands: &'a ReadCommands,
    pub(crate) acknowledge: &'a AcknowledgeCommand,
    pub(crate) record: &'a Record<'a>,
}

impl Control<'_> {
    /// A hook came, so the agent has what the one before was answered: what was delivered then is consumed.
    pub(crate) async fn confirm(&self, id: SessionId) -> Result<(), HookError> {
        for command in self.pending(id).await? {
            if matches!(command.kind, CommandKind::Inject { .. }) && command.receipt == Receipt::Delivered {
                self.receipt(&command, Receipt::Consumed).await?;
            }
        }
        Ok(())
    }

    /// What the answer is to be. Holds it back while the session is to be paused and is about to use a tool.
    pub(crate) async fn verdict(&self, id: SessionId, hook: &Hook, until: Instant) -> Result<Verdict, HookError> {
        loop {
            let Some(session) = self.sessions.get(id).await? else { return Ok(Verdict::Nothing) };
            let pending = self.pending(id).await?;
            match session.desired_status {
                DesiredStatus::Killed => return self.kill(id, hook, &pending).await,
                DesiredStatus::Paused if hook.event == Event::PreToolUse => {
                    self.pause(id, session.status, &pending).await?;
                    if Instant::now() >= until {
                        return Ok(Verdict::Deny(held(&pending)));
                    }
                    // Never beyond the end: the agent does not wait for longer.
                    tokio::time::sleep_until(until.min(Instant::now() + LOOK)).await;
                }
                DesiredStatus::Paused => {
                    if hook.event.ends_a_turn() || hook.event == Event::StopFailure {
                        self.pause(id, session.status, &pending).await?;
                    }
                    return Ok(Verdict::Nothing);
                }
                DesiredStatus::Running => {
                    self.resume(id, session.status, &pending).await?;
                    return self.go_on(id, hook, &pending).await;
                }
            }
        }
    }

    async fn pending(&self, id: SessionId) -> Result<Vec<Command>, StoreUnavailable> {
        Ok(self.commands.execute(id, CommandSeq::ZERO).await?.unwrap_or_default())
    }

    /// It is told to stop at a point where it waits for the answer, and whenever it comes again.
    async fn kill(&self, id: SessionId, hook: &Hook, pending: &[Command]) -> Result<Verdict, HookError> {
        let kill = pending.iter().rev().find(|command| command.kind == CommandKind::Kill);
        if let Some(kill) = kill {
            self.receipt(kill, Receipt::Delivered).await?;
        }
        let why = kill.and_then(|kill| kill.reason.clone());
        if !hook.event.heeds_a_stop() {
            return Ok(stopped(why.as_ref()));
        }
        self.record
            .see(id, SessionStatus::Killed, Reason::new("its hook was answered with continue: false").ok())
            .await?;
        Ok(stopped(why.as_ref()))
    }

    async fn pause(&self, id: SessionId, status: SessionStatus, pending: &[Command]) -> Result<(), HookError> {
        if status != SessionStatus::Paused {
            let why = reason_of(pending, CommandKind::Pause);
            self.record.see(id, SessionStatus::Paused, why).await?;
        }
        self.settle(pending, |kind| matches!(kind, CommandKind::Pause | CommandKind::Resume)).await
    }

    async fn resume(&self, id: SessionId, status: SessionStatus, pending: &[Command]) -> Result<(), HookError> {
        if status == SessionStatus::Paused {
            self.record.see(id, SessionStatus::Running, reason_of(pending, CommandKind::Resume)).await?;
        }
        self.settle(pending, |kind| matches!(kind, CommandKind::Pause | CommandKind::Resume)).await
    }

    /// What was wished by these is so, or was overtaken by what is so.
    async fn settle(&self, pending: &[Command], which: impl Fn(&CommandKind) -> bool) -> Result<(), HookError> {
        for command in pending.iter().filter(|command| which(&command.kind)) {
            self.receipt(command, Receipt::Consumed).await?;
        }
        Ok(())
    }

    async fn go_on(&self, id: SessionId, hook: &Hook, pending: &[Command]) -> Result<Verdict, HookError> {
        let interrupt = pending.iter().find(|command| command.kind == CommandKind::Interrupt);
        if let Some(interrupt) = interrupt.filter(|_| hook.event.is_within_a_turn() || hook.event.ends_a_turn()) {
            self.settle(pending, |kind| *kind == CommandKind::Interrupt).await?;
            if hook.event.is_within_a_turn() {
                self.record.see(id, SessionStatus::Idle, interrupt.reason.clone()).await?;
                return Ok(Verdict::Stop(said("Interrupted by an operator", interrupt.reason.as_ref())));
            }
        }
        let messages: Vec<&Command> =
            pending.iter().filter(|command| matches!(command.kind, CommandKind::Inject { .. })).collect();
        if messages.is_empty() || !(hook.event.takes_context() || hook.event.ends_a_turn()) {
            return self.end_of_turn(id, hook).await;
        }
        let mut text = Vec::with_capacity(messages.len());
        for command in &messages {
            if let Some(message) = self.message(command).await? {
                text.push(format!("Message from the operator: {}", message.content));
            }
            self.receipt(command, Receipt::Delivered).await?;
        }
        let text = text.join("\n\n");
        let interrupts =
            |command: &&Command| matches!(command.kind, CommandKind::Inject { delivery: Delivery::Interrupt, .. });
        Ok(match hook.event {
            Event::Stop | Event::SubagentStop => Verdict::GoOn(text),
            Event::PreToolUse if messages.iter().any(interrupts) => Verdict::Deny(text),
            _ => Verdict::Context(text),
        })
    }

    /// Nothing keeps it from stopping.
    async fn end_of_turn(&self, id: SessionId, hook: &Hook) -> Result<Verdict, HookError> {
        let status = match hook.event {
            Event::Stop => SessionStatus::Idle,
            Event::SubagentStop => SessionStatus::Completed,
            _ => return Ok(Verdict::Nothing),
        };
        self.record.see(id, status, None).await?;
        Ok(Verdict::Nothing)
    }

    async fn message(&self, command: &Command) -> Result<Option<Message>, StoreUnavailable> {
        let CommandKind::Inject { seq, .. } = command.kind else { return Ok(None) };
        let slice = self.messages.after(command.session_id, seq.previous(), 1).await?;
        Ok(slice.and_then(|mut slice| slice.messages.pop()))
    }

    async fn receipt(&self, command: &Command, receipt: Receipt) -> Result<(), HookError> {
        match self.acknowledge.execute(command.session_id, command.seq, receipt).await {
            Err(AcknowledgeError::Unavailable(error)) => Err(error.into()),
            // Taken back, or answered by another hook meanwhile.
            Ok(_) | Err(AcknowledgeError::Final(_) | AcknowledgeError::UnknownCommand { .. }) => Ok(()),
        }
    }
}

fn reason_of(pending: &[Command], kind: CommandKind) -> Option<Reason> {
    pending.iter().rev().find(|command| command.kind == kind).and_then(|command| command.reason.clone())
}

/// The answer to whatever a killed session asks.
pub(crate) fn stopped(why: Option<&Reason>) -> Verdict {
    Verdict::Stop(said("Stopped by an operator", why))
}

fn held(pending: &[Command]) -> String {
    let why = reason_of(pending, CommandKind::Pause);
    let told = said("Paused by an operator", why.as_ref());
    format!("{told}. Do not work around this: try the same call again, it waits until you are resumed.")
}

fn said(what: &str, why: Option<&Reason>) -> String {
    why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}
