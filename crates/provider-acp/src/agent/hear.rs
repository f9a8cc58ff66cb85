//! What becomes of what an agent says.

use flightdeck_agent_io::text;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::ProviderSessionId;
use flightdeck_uplink::Stop;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Agent, PREVIEWS, SILENCE, USAGE};
use crate::peer::{Heard, Introduction};
use crate::transcript::{is_aside, line};

impl Agent<'_> {
    pub(super) async fn hear(&mut self, heard: Heard) -> Result<(), Stop> {
        // Who goes on has not answered yet.
        if let Some(until) = &mut self.doubt_until {
            *until = Instant::now() + self.config.doubt_time;
        }
        match heard {
            Heard::Ready(introduction) => self.ready(*introduction).await,
            Heard::Update { session, mut update } => {
                self.scrubber.value(&mut update);
                match session.filter(|session| self.is_of_another(session)) {
                    Some(session) => self.hear_sub_agent(session, &update).await,
                    None => self.take(&update).await,
                }
            }
            Heard::Asks(request, answer) => {
                self.acted().await?;
                self.ask(*request, answer).await
            }
            Heard::Elicits(request, answer) => {
                self.acted().await?;
                self.elicit(*request, answer).await
            }
            Heard::TakenBack(id) => self.taken_back(&id).await,
            Heard::Stopped(number, stop) => self.stopped(number, stop).await,
            Heard::Chosen(seq, outcome) => self.chosen(seq, outcome).await,
            Heard::Doubt => {
                self.doubt_until = Some(Instant::now() + self.config.doubt_time);
                Ok(())
            }
            Heard::Told { text, about } => self.tell_of(&text, about).await,
            Heard::Closed => Err(self.gone(None).await),
            Heard::Broken(problem) => Err(self.gone(Some(&problem)).await),
        }
    }

    /// Whether an id is that of another session than this one.
    fn is_of_another(&self, session: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own != session)
    }

    async fn take(&mut self, update: &Value) -> Result<(), Stop> {
        if !is_aside(update) {
            self.acted().await?;
        }
        self.sub_agent_told(update).await?;
        let lines = self.transcript.take(update);
        self.show();
        self.reporter.lines(lines).await?;
        if self.usage_told.is_none_or(|told| told.elapsed() >= USAGE) {
            let lines = self.transcript.used_so_far();
            if !lines.is_empty() {
                self.usage_told = Some(Instant::now());
            }
            self.reporter.lines(lines).await?;
        }
        self.expect_silence();
        Ok(())
    }

    /// Outside of a turn nobody says when something is complete.
    pub(super) fn expect_silence(&mut self) {
        let at = Instant::now() + SILENCE;
        if let Some(until) = &mut self.replays_until {
            *until = at;
        } else if self.turn.is_none() && self.ready_until.is_none() {
            self.flush_at = self.transcript.has_open().then_some(at);
        }
    }

    /// It has said nothing for a while.
    pub(super) async fn fall_silent(&mut self, now: Instant) -> Result<(), Stop> {
        if self.replays_until.take_if(|until| *until <= now).is_some() {
            let lines = self.transcript.end_turn();
            self.reporter.lines(lines).await?;
            self.transcript.replay(false);
        }
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush().await?;
        }
        Ok(())
    }

    /// What was said so far is complete.
    pub(super) async fn flush(&mut self) -> Result<(), Stop> {
        self.flush_at = None;
        let lines = self.transcript.flush();
        self.reporter.lines(lines).await
    }

    /// Tells something about the agent in its place of the conversation.
    pub(super) async fn tell_of(&mut self, text: &str, about: Value) -> Result<(), Stop> {
        if self.turn.is_none() && self.ready_until.is_none() && self.replays_until.is_none() {
            self.flush().await?;
        }
        match line(MessageRole::System, text, about) {
            Some(line) => self.reporter.line(line).await,
            None => Ok(()),
        }
    }

    /// Shows what is being said, not more often than anybody can see.
    fn show(&mut self) {
        if self.shown.is_some_and(|shown| shown.elapsed() < PREVIEWS) {
            return;
        }
        if let Some((kind, text)) = self.transcript.preview() {
            self.reporter.uplink.preview(kind, text);
            self.shown = Some(Instant::now());
        }
    }

    async fn ready(&mut self, introduction: Introduction) -> Result<(), Stop> {
        self.ready_until = None;
        let Introduction { session, agent, resumed, .. } = introduction;
        self.own = Some(session.clone());
        let lines = self.transcript.end_turn();
        self.reporter.lines(lines).await?;
        // Some go on repeating after they have said that they are ready.
        self.replays_until = resumed.then(|| Instant::now() + SILENCE);
        let did = if resumed { "took up session" } else { "opened session" };
        let told = format!("{} {did} {session}", agent.as_deref().unwrap_or(&self.config.name));
        let about = json!({"type": "agent_session", "agent": agent, "agentSessionId": session});
        if let Some(line) = line(MessageRole::System, told, about) {
            self.reporter.line(line).await?;
        }
        let own = ProviderSessionId::new(text::one_line(&session, ProviderSessionId::LIMIT)).ok();
        self.reporter.introduce(SessionStatus::Running, None, own).await
    }
}
