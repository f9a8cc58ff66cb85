//! Turns: a prompt goes to the agent, and its stop reason ends the turn.

use std::collections::BTreeSet;

use agent_client_protocol::v1::schema::StopReason;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::Reason;
use flightdeck_uplink::Stop;
use serde_json::json;
use tokio::time::Instant;

use super::{Agent, refused};
use crate::transcript::line;

/// What is to be said to the agent.
pub(super) struct Prompt {
    /// The command that brings it; the first prompt has none.
    pub(super) seq: Option<CommandSeq>,
    pub(super) text: String,
}

/// A turn that runs.
pub(super) struct Turn {
    /// The prompts that the agent has not answered.
    open: BTreeSet<u64>,
    /// Commands whose messages the agent has been given and has not reacted to.
    unseen: Vec<(u64, CommandSeq)>,
    stop: Option<StopReason>,
    /// It is cancelled, and has to end until then.
    pub(super) cancel_until: Option<Instant>,
    /// When it is told so again.
    pub(super) cancel_again: Option<Instant>,
}

impl Agent<'_> {
    /// Between two turns: pauses, or begins the next one.
    pub(super) async fn advance(&mut self) -> Result<(), Stop> {
        if self.turn.is_some() || self.ready_until.is_some() {
            return Ok(());
        }
        loop {
            self.settle_interrupts().await?;
            if self.holds {
                return self.stand_still().await;
            }
            let Some(prompt) = self.prompts.pop_front() else {
                if self.reporter.status != SessionStatus::Idle {
                    let because = self.idle_because.take();
                    self.reporter.see(SessionStatus::Idle, because).await?;
                }
                return Ok(());
            };
            if self.begin(prompt).await? {
                return Ok(());
            }
        }
    }

    /// Gives the agent a prompt; `false` when an operator has taken it back.
    pub(super) async fn begin(&mut self, prompt: Prompt) -> Result<bool, Stop> {
        if let Some(seq) = prompt.seq
            && !self.reporter.uplink.acknowledge(seq, Receipt::Delivered).await?
        {
            return Ok(false);
        }
        if self.turn.is_none() && self.reporter.status != SessionStatus::Running {
            self.reporter.see(SessionStatus::Running, None).await?;
        }
        let number = self.next_number;
        self.next_number += 1;
        let turn = self.turn.get_or_insert_with(|| Turn {
            open: BTreeSet::new(),
            unseen: Vec::new(),
            stop: None,
            cancel_until: None,
            cancel_again: None,
        });
        turn.open.insert(number);
        turn.unseen.extend(prompt.seq.map(|seq| (number, seq)));
        self.peer.prompt(number, prompt.text);
        Ok(true)
    }

    /// The agent reacts: whatever it was told it has taken in.
    pub(super) async fn acted(&mut self) -> Result<(), Stop> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        for (_, seq) in std::mem::take(&mut turn.unseen) {
            self.reporter.settle(seq, Receipt::Consumed).await?;
        }
        Ok(())
    }

    /// A prompt is answered; the last answer ends the turn.
    pub(super) async fn stopped(&mut self, number: u64, stop: Result<StopReason, String>) -> Result<(), Stop> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        turn.open.remove(&number);
        match stop {
            Ok(reason) => {
                turn.stop = Some(reason);
                self.acted().await?;
            }
            Err(problem) => {
                let whose = turn.unseen.iter().position(|(unseen, _)| *unseen == number);
                if let Some((_, seq)) = whose.map(|place| turn.unseen.remove(place)) {
                    self.reporter.settle(seq, refused(&format!("the agent answered with an error: {problem}"))).await?;
                }
                let text = format!("the agent answered the prompt with an error: {problem}");
                if let Some(line) = line(MessageRole::System, text, json!({"type": "prompt_error"})) {
                    self.reporter.line(line).await?;
                }
            }
        }
        if self.turn.as_ref().is_some_and(|turn| turn.open.is_empty()) { self.end_turn().await } else { Ok(()) }
    }

    async fn end_turn(&mut self) -> Result<(), Stop> {
        self.take_back_asks().await?;
        let lines = self.transcript.end_turn();
        self.reporter.lines(lines).await?;
        let stop = self.turn.take().and_then(|turn| turn.stop);
        let stop = stop.and_then(|stop| serde_json::to_value(stop).ok());
        let word = stop.as_ref().and_then(|stop| stop.as_str()).unwrap_or("error");
        self.idle_because = Some(Reason::shortened(word));
        // A turn that has ended is seen to, also when the next one begins at once.
        if !self.holds {
            let because = self.idle_because.take();
            self.reporter.see(SessionStatus::Idle, because).await?;
        }
        Ok(())
    }
}
