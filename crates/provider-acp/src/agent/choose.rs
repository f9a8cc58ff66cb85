//! Choices: an operator has the agent work with another model or in another mode.
//!
//! The agent is told at once, also in a turn, which the protocol allows. One that refuses it in a turn is asked again after
//! the turn, and only then the refusal counts. No turn begins meanwhile: what is said after a choice is for the agent as it
//! was chosen.

use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::session::Choice;
use flightdeck_uplink::Stop;
use serde_json::json;
use tokio::time::{Duration, Instant};

use super::{Agent, refused};

/// An agent that does not answer for so long is taken not to.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an operator chose.
pub(super) struct Chosen {
    seq: CommandSeq,
    choice: Choice,
    /// The agent refused it in a turn.
    after_turn: bool,
}

/// What the agent is being set to.
pub(super) struct Choosing {
    chosen: Chosen,
    in_turn: bool,
    until: Instant,
}

impl Chosen {
    pub(super) const fn new(seq: CommandSeq, choice: Choice) -> Self {
        Self { seq, choice, after_turn: false }
    }
}

impl Agent<'_> {
    /// Whether it is being set, or is to be before its next turn.
    pub(super) fn is_choosing(&self) -> bool {
        self.choosing.is_some() || !self.choices.is_empty()
    }

    /// When its answer is due, unless it cannot answer or does so only after its turn.
    pub(super) fn choosing_until(&self) -> Option<Instant> {
        let can_answer = !self.frozen && self.turn.is_none();
        self.choosing.as_ref().filter(|_| can_answer).map(|choosing| choosing.until)
    }

    /// It can answer again.
    pub(super) fn choice_goes_on(&mut self) {
        if let Some(choosing) = &mut self.choosing {
            choosing.until = Instant::now() + PATIENCE;
        }
    }

    /// Sets it to the next choice when it can be.
    pub(super) async fn choose_next(&mut self) -> Result<(), Stop> {
        let is_busy = self.choosing.is_some() || self.frozen;
        while !is_busy && self.ready_until.is_none() && self.replays_until.is_none() {
            let in_turn = self.turn.is_some();
            let Some(chosen) = self.choices.pop_front_if(|next| !(next.after_turn && in_turn)) else { break };
            if !self.reporter.uplink.acknowledge(chosen.seq, Receipt::Delivered).await? {
                continue;
            }
            self.peer.choose(chosen.seq, chosen.choice.clone());
            self.choosing = Some(Choosing { chosen, in_turn, until: Instant::now() + PATIENCE });
            break;
        }
        Ok(())
    }

    /// The agent has answered.
    pub(super) async fn chosen(&mut self, seq: CommandSeq, outcome: Result<(), String>) -> Result<(), Stop> {
        let Some(Choosing { chosen, in_turn, .. }) = self.choosing.take_if(|choosing| choosing.chosen.seq == seq)
        else {
            // It has been given up, and its operator was told so.
            return match outcome {
                Ok(()) => {
                    self.tell_of(&format!("it took what command {seq} chose after all"), json!({"type": "configured"}))
                        .await
                }
                Err(_) => Ok(()),
            };
        };
        match outcome {
            Ok(()) => {
                let told = format!("it works with {} from now on", chosen.choice);
                let about = json!({"type": "configured", "model": chosen.choice.model, "mode": chosen.choice.mode});
                self.tell_of(&told, about).await?;
                self.reporter.settle(seq, Receipt::Consumed).await
            }
            Err(_) if in_turn => {
                self.choices.push_front(Chosen { after_turn: true, ..chosen });
                Ok(())
            }
            Err(problem) => self.reporter.settle(seq, refused(&problem)).await,
        }
    }

    /// It does not answer.
    pub(super) async fn give_up_choice(&mut self, now: Instant) -> Result<(), Stop> {
        if self.choosing_until().is_none_or(|until| until > now) {
            return Ok(());
        }
        let Some(Choosing { chosen, .. }) = self.choosing.take() else { return Ok(()) };
        let seconds = PATIENCE.as_secs();
        let why = format!(
            "the agent did not answer within {seconds} seconds; whether it took {} is not known",
            chosen.choice
        );
        self.reporter.settle(chosen.seq, refused(&why)).await
    }
}
