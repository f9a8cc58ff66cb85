//! What an operator wants, at the moment of a hook.

use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AcknowledgeError, HookError, MessageRepository, SessionRepository, StoreUnavailable};
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus};
use flightdeck_domain::text::Reason;
use flightdeck_domain::use_cases::{AcknowledgeCommand, ReadCommands};

use crate::hold::Hold;
use crate::hook::{Event, Hook};
use crate::place::{Here, is_doomed};
use crate::record::Record;
use crate::reply::{Verdict, stopped, told};

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
    pub(crate) async fn confirm(&self, session: &Session) -> Result<(), HookError> {
        for command in self.pending(session).await? {
            if matches!(command.kind, CommandKind::Inject { .. }) && command.receipt == Receipt::Delivered {
                self.receipt(&command, Receipt::Consumed).await?;
            }
        }
        Ok(())
    }

    /// What the answer is to be. Holds it back while the session is to be paused and is about to use a tool.
    pub(crate) async fn verdict(&self, here: &Here, hook: &Hook, hold: &Hold) -> Result<Verdict, HookError> {
        let id = here.session.id;
        // It was read when the hook was taken in.
        let mut top = here.top.clone();
        loop {
            let Some(session) = self.sessions.get(id).await? else { return Ok(Verdict::Nothing) };
            let pending = self.pending(&session).await?;
            if is_doomed(&session) || top.as_ref().is_some_and(is_doomed) {
                return self.kill(&session, top.as_ref(), hook, &pending).await;
            }
            if session.status.is_terminal() {
                return Ok(over(hook));
            }
            if let Some(verdict) = self.interrupted(&session, top.as_ref(), hook, &pending).await? {
                return Ok(verdict);
            }
            let paused = |session: &Session| session.desired_status == DesiredStatus::Paused;
            let own = paused(&session);
            if hook.event == Event::PreToolUse && (own || top.as_ref().is_some_and(paused)) {
                let why = self.reason_of_pause(&session, top.as_ref().filter(|_| !own), &pending).await?;
                self.pause(id, session.status, &pending, why.clone()).await?;
                if hold.is_over() {
                    let why = held(why.as_ref());
                    self.record.denied(&session, hook, &why).await?;
                    return Ok(Verdict::Deny(why));
                }
                hold.rest().await;
                if let Some(above) = &top {
                    top = self.sessions.get(above.id).await?;
                }
            } else if own {
                if hook.event.ends_a_turn() || hook.event == Event::StopFailure {
                    self.pause(id, session.status, &pending, reason_of(&pending, &CommandKind::Pause)).await?;
                }
                return Ok(Verdict::Nothing);
            } else {
                self.resume(id, session.status, &pending).await?;
                return self.go_on(&session, hook, &pending).await;
            }
        }
    }

    /// Most sessions never get a command, and the store is not asked for those.
    async fn pending(&self, session: &Session) -> Result<Vec<Command>, StoreUnavailable> {
        if session.last_command_seq == CommandSeq::ZERO {
            return Ok(Vec::new());
        }
        Ok(self.commands.execute(session.id, CommandSeq::ZERO).await?.unwrap_or_default())
    }

    /// It is told to stop at a point where it waits for the answer, and whenever it comes again. A sub-agent goes the way
    /// of the Claude Code that it is a part of.
    async fn kill(
        &self,
        session: &Session,
        top: Option<&Session>,
        hook: &Hook,
        pending: &[Command],
    ) -> Result<Verdict, HookError> {
        let mut why = reason_of(pending, &CommandKind::Kill).or_else(|| given(session));
        if let (None, Some(top)) = (&why, top) {
            why = reason_of(&self.pending(top).await?, &CommandKind::Kill).or_else(|| given(top));
        }
        let verdict = stopped(why.as_ref());
        if hook.event.is_before_a_tool()
            && let Verdict::Stop(words) = &verdict
        {
            self.record.denied(session, hook, words).await?;
        }
        if hook.event.heeds_a_stop() {
            // It may be the last that is heard of it.
            self.record.meter(session, hook).await?;
            for kill in pending.iter().filter(|command| command.kind == CommandKind::Kill) {
                self.receipt(kill, Receipt::Delivered).await?;
            }
            self.settle_kill(session, top, why.as_ref()).await?;
        }
        // What ran here may have been the last that the one above waited for.
        if let Some(top) = top.filter(|top| is_doomed(top) && !top.status.is_terminal()) {
            let kills = self.pending(top).await?;
            let is_told =
                |command: &Command| command.kind == CommandKind::Kill && command.receipt == Receipt::Delivered;
            if kills.iter().any(is_told) {
                self.settle_kill(top, None, reason_of(&kills, &CommandKind::Kill).as_ref()).await?;
            }
        }
        Ok(verdict)
    }

    /// Says that a session is killed, and what lives below it with it, once nothing can run any more that was let through.
    async fn settle_kill(
        &self,
        session: &Session,
        top: Option<&Session>,
        why: Option<&Reason>,
    ) -> Result<(), HookError> {
        let below = self.record.live_below(session).await?;
        if self.record.can_run(session, &below, top).await? {
            return Ok(());
        }
        self.record.see(session.id, SessionStatus::Killed, why.cloned()).await?;
        for below in &below {
            self.record.see(below.id, SessionStatus::Killed, why.cloned()).await?;
        }
        Ok(())
    }

    /// The answer that ends the turn, when it is to be ended. While a call runs that was let through, the turn goes on, and
    /// nothing else begins in it. The calls of a sub-agent belong to the turn above, as long as that waits for them.
    async fn interrupted(
        &self,
        session: &Session,
        top: Option<&Session>,
        hook: &Hook,
        pending: &[Command],
    ) -> Result<Option<Verdict>, HookError> {
        if !hook.event.can_be_interrupted() && !hook.event.ends_a_turn() {
            return Ok(None);
        }
        let is_interrupt = |command: &&Command| command.kind == CommandKind::Interrupt;
        let above = match top.filter(|_| hook.event.is_before_a_tool()) {
            Some(top) => self.pending(top).await?,
            None => Vec::new(),
        };
        let own = pending.iter().find(is_interrupt);
        let Some(interrupt) = own.or_else(|| above.iter().find(is_interrupt)) else { return Ok(None) };
        if hook.event.ends_a_turn() {
            self.settle(pending, |kind| *kind == CommandKind::Interrupt).await?;
            return Ok(None);
        }
        let why = interrupt.reason.as_ref();
        let words = told("Interrupted by an operator", why);
        self.record.interrupted(session, hook, interrupt.seq, &words).await?;
        if self.record.turn_can_run(session).await? {
            for command in pending.iter().filter(is_interrupt) {
                self.receipt(command, Receipt::Delivered).await?;
            }
            return Ok(Some(Verdict::Stop(words)));
        }
        self.settle(pending, |kind| *kind == CommandKind::Interrupt).await?;
        if session.desired_status != DesiredStatus::Paused {
            self.record.see(session.id, SessionStatus::Idle, why.cloned()).await?;
        }
        Ok(Some(Verdict::Stop(words)))
    }

    async fn pause(
        &self,
        id: SessionId,
        status: SessionStatus,
        pending: &[Command],
        why: Option<Reason>,
    ) -> Result<(), HookError> {
        if status != SessionStatus::Paused {
            self.record.see(id, SessionStatus::Paused, why).await?;
        }
        self.settle(pending, |kind| matches!(kind, CommandKind::Pause | CommandKind::Resume)).await
    }

    async fn resume(&self, id: SessionId, status: SessionStatus, pending: &[Command]) -> Result<(), HookError> {
        if status == SessionStatus::Paused {
            self.record.see(id, SessionStatus::Running, reason_of(pending, &CommandKind::Resume)).await?;
        }
        self.settle(pending, |kind| matches!(kind, CommandKind::Pause | CommandKind::Resume)).await
    }

    /// The command that says why may be settled already; then the status does.
    async fn reason_of_pause(
        &self,
        session: &Session,
        top: Option<&Session>,
        pending: &[Command],
    ) -> Result<Option<Reason>, StoreUnavailable> {
        let kept =
            |session: &Session| session.status_reason.clone().filter(|_| session.status == SessionStatus::Paused);
        let own = reason_of(pending, &CommandKind::Pause).or_else(|| kept(session));
        match (own, top) {
            (None, Some(top)) => Ok(reason_of(&self.pending(top).await?, &CommandKind::Pause).or_else(|| kept(top))),
            (own, _) => Ok(own),
        }
    }

    /// What was wished by these is so, or was overtaken by what is so.
    async fn settle(&self, pending: &[Command], which: impl Fn(&CommandKind) -> bool) -> Result<(), HookError> {
        for command in pending.iter().filter(|command| which(&command.kind)) {
            self.receipt(command, Receipt::Consumed).await?;
        }
        Ok(())
    }

    async fn go_on(&self, session: &Session, hook: &Hook, pending: &[Command]) -> Result<Verdict, HookError> {
        let messages: Vec<&Command> =
            pending.iter().filter(|command| matches!(command.kind, CommandKind::Inject { .. })).collect();
        if messages.is_empty() || !(hook.event.takes_context() || hook.event.ends_a_turn()) {
            return self.end_of_turn(session.id, hook).await;
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
            Event::PreToolUse if messages.iter().any(interrupts) => {
                self.record.denied(session, hook, &text).await?;
                Verdict::Deny(text)
            }
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

fn reason_of(pending: &[Command], kind: &CommandKind) -> Option<Reason> {
    pending.iter().rev().find(|command| command.kind == *kind).and_then(|command| command.reason.clone())
}

/// Why it was killed, of one that is.
fn given(session: &Session) -> Option<Reason> {
    session.status_reason.clone().filter(|_| session.status == SessionStatus::Killed)
}

/// Its session ended while the answer was held back: nobody is to begin anything there.
fn over(hook: &Hook) -> Verdict {
    if hook.event.is_before_a_tool() { Verdict::Deny("The session has ended".to_owned()) } else { Verdict::Nothing }
}

/// What is said to a call that was held for as long as the agent waits.
pub(crate) fn held(why: Option<&Reason>) -> String {
    let told = told("Paused by an operator", why);
    format!("{told}. Do not work around this: try the same call again, it waits until you are resumed.")
}
