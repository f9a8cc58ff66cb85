//! Turns: a prompt goes to the agent, and its stop reason ends the turn.

use std::collections::BTreeSet;

use flightdeck_agent_io::text;
use flightdeck_domain::changes::Moment;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::Reason;
use flightdeck_uplink::Stop;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Agent, kept, refused};

/// The stop reason of a turn that did not end by one.
const ERROR: &str = "error";
/// The stop reason of a turn that was cancelled.
const CANCELLED: &str = "cancelled";

/// What is to be said to the agent.
pub(super) struct Prompt {
    /// The command that brings it; the first prompt has none.
    pub(super) seq: Option<CommandSeq>,
    pub(super) text: String,
}

/// A turn that runs.
pub(super) struct Turn {
    /// The number of the prompt that began it.
    first: u64,
    /// The prompts that the agent has not answered.
    open: BTreeSet<u64>,
    /// Commands whose messages the agent has been given and has not reacted to.
    unseen: Vec<(u64, CommandSeq)>,
    stop: Option<String>,
    /// It is cancelled, and has to end until then.
    pub(super) cancel_until: Option<Instant>,
    /// When it is told so again.
    pub(super) cancel_again: Option<Instant>,
}

impl Agent<'_> {
    /// Between two turns: pauses, or begins the next one.
    pub(super) async fn advance(&mut self) -> Result<(), Stop> {
        if self.turn.is_some() || self.ready_until.is_some() || self.replays_until.is_some() {
            return Ok(());
        }
        loop {
            self.settle_interrupts().await?;
            if self.holds {
                return self.stand_still().await;
            }
            // What is said to it after a choice is for the agent as it was chosen.
            let prompt = if self.is_choosing() { None } else { self.prompts.pop_front() };
            let Some(prompt) = prompt else {
                if self.reporter.status != SessionStatus::Idle && !self.asks() {
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
        if self.turn.is_none() {
            // What was said before is not of this turn, and neither is what was changed before.
            self.flush().await?;
            kept::keep(self.agents, &self.reporter.uplink, Moment::TurnBegins).await?;
            let works = match self.reporter.status {
                SessionStatus::Running => true,
                SessionStatus::Waiting => self.asks(),
                _ => false,
            };
            if !works {
                self.reporter.see(SessionStatus::Running, None).await?;
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        let turn = self.turn.get_or_insert_with(|| Turn {
            first: number,
            open: BTreeSet::new(),
            unseen: Vec::new(),
            stop: None,
            cancel_until: None,
            cancel_again: None,
        });
        turn.open.insert(number);
        turn.unseen.extend(prompt.seq.map(|seq| (number, seq)));
        self.peer.prompt(number, &prompt.text);
        Ok(true)
    }

    /// The agent reacts: it has taken in the oldest prompt that it has not answered. Of a later one that is not known, for
    /// agents take a prompt that comes into a running turn only after that turn.
    pub(super) async fn acted(&mut self) -> Result<(), Stop> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        let Some(oldest) = turn.open.first().copied() else { return Ok(()) };
        let (seen, unseen) = std::mem::take(&mut turn.unseen).into_iter().partition(|(number, _)| *number <= oldest);
        turn.unseen = unseen;
        let seen: Vec<(u64, CommandSeq)> = seen;
        for (_, seq) in seen {
            self.reporter.settle(seq, Receipt::Consumed).await?;
        }
        Ok(())
    }

    /// A prompt is answered; the last answer ends the turn.
    pub(super) async fn stopped(&mut self, number: u64, stop: Result<Value, String>) -> Result<(), Stop> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        if !turn.open.remove(&number) {
            return Ok(());
        }
        let unseen = turn.unseen.iter().position(|(unseen, _)| *unseen == number);
        let unseen = unseen.map(|place| turn.unseen.remove(place).1);
        let began = turn.first == number;
        match stop {
            Ok(result) => {
                let word = result.get("stopReason").and_then(Value::as_str).map(|word| text::one_line(word, 200));
                let word = word.filter(|word| !word.is_empty());
                turn.stop = Some(word.clone().unwrap_or_else(|| ERROR.to_owned()));
                let lines = self.transcript.answered(&result);
                self.reporter.lines(lines).await?;
                if let Some(seq) = unseen {
                    let dropped = !began && word.as_deref() == Some(CANCELLED);
                    let why = "the agent dropped it: its turn was cancelled before it came to it";
                    let receipt = if dropped { refused(why) } else { Receipt::Consumed };
                    self.reporter.settle(seq, receipt).await?;
                }
                if word.is_none() {
                    let what = text::one_line(&result.to_string(), 300);
                    let text = format!("the agent ended its turn with an answer that could not be understood: {what}");
                    self.tell_of(&text, json!({"type": "not_understood", "data": result})).await?;
                }
            }
            Err(problem) => {
                if let Some(seq) = unseen {
                    self.reporter.settle(seq, refused(&format!("the agent answered with an error: {problem}"))).await?;
                }
                let lines = self.transcript.answered(&Value::Null);
                self.reporter.lines(lines).await?;
                let text = format!("the agent answered the prompt with an error: {problem}");
                self.tell_of(&text, json!({"type": "prompt_error"})).await?;
            }
        }
        if self.turn.as_ref().is_some_and(|turn| turn.open.is_empty()) { self.end_turn().await } else { Ok(()) }
    }

    /// The answer is taken to be lost: it could not be read, and the agent has been silent since.
    pub(super) async fn give_up_answer(&mut self, now: Instant) -> Result<(), Stop> {
        if self.doubt_until.is_none_or(|until| until > now) {
            return Ok(());
        }
        if self.frozen || !self.asked.is_empty() || self.transcript.has_open_calls() {
            self.doubt_until = Some(now + self.config.doubt_time);
            return Ok(());
        }
        self.doubt_until = None;
        let open = self.turn.as_ref().map(|turn| turn.open.clone()).unwrap_or_default();
        self.peer.forget_prompts();
        for number in open {
            self.stopped(number, Err("its answer could not be read".to_owned())).await?;
        }
        Ok(())
    }

    async fn end_turn(&mut self) -> Result<(), Stop> {
        self.doubt_until = None;
        self.take_back_asks().await?;
        self.end_sub_agents(SessionStatus::Completed, None).await?;
        kept::keep(self.agents, &self.reporter.uplink, Moment::TurnEnds).await?;
        let lines = self.transcript.end_turn();
        self.reporter.lines(lines).await?;
        let stop = self.turn.take().and_then(|turn| turn.stop);
        self.choice_goes_on();
        self.idle_because = Some(Reason::shortened(stop.as_deref().unwrap_or(ERROR)));
        // A turn that has ended is seen to, also when the next one begins at once.
        if !self.holds && !self.asks() {
            let because = self.idle_because.take();
            self.reporter.see(SessionStatus::Idle, because).await?;
        }
        Ok(())
    }
}
