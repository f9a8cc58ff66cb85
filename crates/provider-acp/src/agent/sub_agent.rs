//! What works within an agent and has a session of its own there: it is a session below this one, with its own
//! conversation.

use std::sync::Arc;

use flightdeck_agent_io::text;
use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{AgentType, JsonObject, ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::use_cases::NewSession;
use flightdeck_processes::Process;
use flightdeck_uplink::{Interruption, Presence, Stop, Uplink};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::report::Reporter;
use super::{Agent, SILENCE, refused};
use crate::transcript::{Line, Transcript};

/// So many may work within one agent at a time.
const MOST: usize = 64;
/// How often their mailboxes are looked into.
const LOOK: Duration = Duration::from_millis(500);
/// How long a kill of one alone waits for a kill of the whole, which ends it.
const KILL_WAITS: Duration = Duration::from_secs(1);
/// Attempts to say how one ended, while others interrupt.
const ATTEMPTS: usize = 8;

/// One that works within an agent.
pub(super) struct SubAgent {
    presence: Presence<Process>,
    reporter: Reporter,
    transcript: Transcript,
    flush_at: Option<Instant>,
    /// What it said after the agent was to be killed.
    late: Vec<Line>,
    /// A kill of it alone, and until when it waits for one of the whole.
    kill: Option<(Box<Command>, Instant)>,
}

impl SubAgent {
    pub(super) const fn voice(&mut self) -> (&mut Reporter, &mut Transcript) {
        (&mut self.reporter, &mut self.transcript)
    }

    /// Takes in what it says while everything ends.
    pub(super) fn late(&mut self, update: &Value) {
        self.late.extend(self.transcript.take(update));
    }
}

impl Agent<'_> {
    /// Something is told of another session than this one.
    pub(super) async fn hear_sub_agent(&mut self, id: String, update: &Value) -> Result<(), Stop> {
        if !self.has_sub_agent(&id, None).await? {
            return Ok(());
        }
        let Some(sub_agent) = self.sub_agents.get_mut(&id) else { return Ok(()) };
        let lines = sub_agent.transcript.take(update);
        if let Some((kind, text)) = sub_agent.transcript.preview() {
            sub_agent.reporter.uplink.preview(kind, text);
        }
        sub_agent.reporter.lines(lines).await?;
        sub_agent.flush_at = sub_agent.transcript.has_open().then(|| Instant::now() + SILENCE);
        Ok(())
    }

    /// The sub-agent that a request is of; `None` when it is the agent's own.
    pub(super) async fn sub_agent_of(&mut self, request: &Value) -> Result<Option<String>, Stop> {
        let id = request.get("sessionId").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() || self.own.as_deref().is_none_or(|own| own == id) {
            return Ok(None);
        }
        let id = id.to_owned();
        Ok(self.has_sub_agent(&id, None).await?.then_some(id))
    }

    /// The agent tells of one: that it is there, what it is called, that it has ended.
    pub(super) async fn sub_agent_told(&mut self, update: &Value) -> Result<(), Stop> {
        let word = |name: &str| update.get(name).and_then(Value::as_str);
        let (Some("subagent_update"), Some(id)) = (word("sessionUpdate"), word("sessionId")) else { return Ok(()) };
        let (id, title) = (id.to_owned(), word("title").map(str::to_owned));
        let state = update.get("state").unwrap_or(&Value::Null);
        let state = ["state", "status", "type"].into_iter().find_map(|name| state.get(name)).unwrap_or(state);
        let end = match state.as_str() {
            Some("completed" | "idle" | "done" | "closed") => Some(SessionStatus::Completed),
            Some("failed" | "error") => Some(SessionStatus::Failed),
            Some("cancelled" | "canceled") => Some(SessionStatus::Failed),
            _ => None,
        };
        if end.is_some() && !self.sub_agents.contains_key(&id) {
            return Ok(());
        }
        if self.has_sub_agent(&id, title).await?
            && let Some(status) = end
            && let Some(mut sub_agent) = self.sub_agents.remove(&id)
        {
            self.end_sub_agent(&mut sub_agent, status, None).await?;
        }
        Ok(())
    }

    /// Puts it into the tree, unless it is there.
    async fn has_sub_agent(&mut self, id: &str, title: Option<String>) -> Result<bool, Stop> {
        if self.sub_agents.contains_key(id) {
            return Ok(true);
        }
        let shown = text::one_line(id, ProviderSessionId::LIMIT);
        if self.sub_agents.len() >= MOST {
            let text = format!("the agent told of session {shown}, which is left out: {MOST} work within it already");
            self.tell_of(&text, json!({"type": "sub_agent_left_out"})).await?;
            return Ok(false);
        }
        let metadata = json!({"agentSessionId": shown, "title": title.map(|title| text::one_line(&title, 200))});
        let own = &self.session;
        let new = NewSession {
            parent_id: Some(own.id),
            provider: ProviderName::acp(),
            provider_session_id: ProviderSessionId::new(shown.clone()).ok(),
            mission_id: own.mission_id.clone(),
            task_source: own.task_source.clone(),
            gate_profile: own.gate_profile.clone(),
            metadata: serde_json::from_value(metadata).unwrap_or_else(|_too_large| JsonObject::default()),
            ..NewSession::new(
                own.task_id.clone(),
                AgentType::new("sub-agent").unwrap_or_else(|_| own.agent_type.clone()),
            )
        };
        let registered = match self.reporter.uplink.register(new).await? {
            Ok(registered) => registered.session.id,
            Err(refused) => {
                let text = format!("the agent told of session {shown}, which is left out: {refused}");
                self.tell_of(&text, json!({"type": "sub_agent_left_out"})).await?;
                return Ok(false);
            }
        };
        let Some(presence) = self.agents.present(registered) else { return Ok(false) };
        let uplink = Uplink {
            session: registered,
            // What stops the agent stops it, too.
            mailbox: Arc::clone(&self.reporter.uplink.mailbox),
            desk: Arc::clone(&self.reporter.uplink.desk),
        };
        let mut reporter = Reporter::new(uplink);
        reporter.see(SessionStatus::Running, None).await?;
        let transcript = Transcript::of_sub_agent(self.config.usage);
        let sub_agent = SubAgent { presence, reporter, transcript, flush_at: None, late: Vec::new(), kill: None };
        self.sub_agents.insert(id.to_owned(), sub_agent);
        Ok(true)
    }

    /// When something is due with one of them.
    pub(super) fn sub_agents_wake(&self) -> Option<Instant> {
        let flush = self.sub_agents.values().filter_map(|sub_agent| sub_agent.flush_at).min();
        let look = (!self.sub_agents.is_empty()).then(|| Instant::now() + LOOK);
        flush.into_iter().chain(look).min()
    }

    pub(super) async fn sub_agents_tick(&mut self, now: Instant) -> Result<(), Stop> {
        for sub_agent in self.sub_agents.values_mut() {
            if sub_agent.flush_at.is_some_and(|at| at <= now) {
                sub_agent.flush_at = None;
                let lines = sub_agent.transcript.flush();
                sub_agent.reporter.lines(lines).await?;
            }
            sub_agent.reporter.sign_of_life().await?;
        }
        self.sub_agents_obey(now).await
    }

    /// Nothing can be said to one of them alone: the protocol has no word for it.
    async fn sub_agents_obey(&mut self, now: Instant) -> Result<(), Stop> {
        let why = format!("it works within session {}, which has to be told instead", self.session.id);
        for sub_agent in self.sub_agents.values_mut() {
            let mailbox = sub_agent.presence.mailbox();
            if let Some(Interruption::Killed(kill)) = mailbox.interruption() {
                sub_agent.kill = Some((kill, now + KILL_WAITS));
            }
            if let Some((kill, _)) = sub_agent.kill.take_if(|(_, until)| *until <= now) {
                sub_agent.reporter.settle(kill.seq, refused(&why)).await?;
            }
            for order in mailbox.drain() {
                let receipt = match order.command.kind {
                    // It is over when the turn of the whole is, and that is when the whole pauses.
                    CommandKind::Pause | CommandKind::Resume => Receipt::Delivered,
                    _ => refused(&why),
                };
                sub_agent.reporter.settle(order.command.seq, receipt).await?;
            }
        }
        Ok(())
    }

    /// They end with what they work within.
    pub(super) async fn end_sub_agents(&mut self, status: SessionStatus, why: Option<&Reason>) -> Result<(), Stop> {
        for (_, mut sub_agent) in std::mem::take(&mut self.sub_agents) {
            self.end_sub_agent(&mut sub_agent, status, why).await?;
        }
        Ok(())
    }

    async fn end_sub_agent(
        &self,
        sub_agent: &mut SubAgent,
        status: SessionStatus,
        why: Option<&Reason>,
    ) -> Result<(), Stop> {
        let mut outcome = Ok(());
        let mut lines = std::mem::take(&mut sub_agent.late);
        lines.extend(sub_agent.transcript.end_turn());
        for _ in 0..ATTEMPTS {
            outcome = match sub_agent.reporter.lines(std::mem::take(&mut lines)).await {
                Ok(()) => sub_agent.reporter.see(status, why.cloned()).await,
                Err(stop) => Err(stop),
            };
            if outcome.is_ok() {
                break;
            }
        }
        match outcome {
            // Somebody else has ended it.
            Err(Stop::Closed) => Ok(()),
            outcome => outcome,
        }
    }
}
