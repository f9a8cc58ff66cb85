//! How an agent obeys: messages, pauses, resumes, interrupts.

use std::time::Duration;

use flightdeck_domain::command::{CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, Seq};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{MessageContent, Reason};
use flightdeck_uplink::{Order, Stop};
use serde_json::json;
use tokio::time::Instant;

use super::choose::Chosen;
use super::turn::Prompt;
use super::{Agent, refused};
use crate::config::PauseBy;
use crate::transcript::line;

/// How long after a cancel it is sent again: an agent may lose one that comes while its turn is only beginning.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);

impl Agent<'_> {
    /// Takes in what is in the mailbox.
    pub(super) async fn obey(&mut self) -> Result<(), Stop> {
        let mut orders = self.reporter.uplink.mailbox.drain();
        orders.sort_by_key(|order| order.command.seq);
        for Order { command, message } in orders {
            match command.kind {
                CommandKind::Inject { seq: place, delivery, .. } => {
                    let content = message.map(|message| message.content);
                    self.take_message(command.seq, place, delivery, content).await?;
                }
                CommandKind::Pause if command.is_past_the_queue() => self.hold_at_once(command.reason).await?,
                CommandKind::Pause => self.pause(command.seq, command.reason).await?,
                CommandKind::Resume => self.resume(command.seq, command.reason).await?,
                CommandKind::Interrupt => {
                    if self.reporter.uplink.acknowledge(command.seq, Receipt::Delivered).await? {
                        self.interrupts.push(command.seq);
                        self.cut_turn().await?;
                    }
                }
                CommandKind::Configure(choice) => self.choices.push_back(Chosen::new(command.seq, choice)),
                // The mailbox keeps kills apart: they do not wait for anybody to look.
                CommandKind::Kill => {}
            }
        }
        Ok(())
    }

    /// A message that waits stays `accepted`, so that an operator can take it back until it goes to the agent.
    async fn take_message(
        &mut self,
        seq: CommandSeq,
        place: Seq,
        delivery: Delivery,
        content: Option<MessageContent>,
    ) -> Result<(), Stop> {
        let found = match content {
            Some(content) => Some(content),
            None => self.reporter.uplink.message_at(place).await?,
        };
        let Some(content) = found else {
            return self.reporter.settle(seq, refused("its message is not in the conversation")).await;
        };
        let prompt = Prompt { seq: Some(seq), text: content.to_string() };
        match (delivery, &self.turn) {
            (Delivery::Queue, _) => self.prompts.push_back(prompt),
            (Delivery::Interrupt, _) => {
                self.prompts.push_front(prompt);
                self.cut_turn().await?;
            }
            (Delivery::Steer, None) => self.prompts.push_front(prompt),
            (Delivery::Steer, Some(_)) if self.config.steer => drop(self.begin(prompt).await?),
            (Delivery::Steer, Some(_)) => {
                let why = format!(
                    "agent {} takes nothing into a running turn; queue brings it with the next turn, interrupt at once",
                    self.config.name
                );
                self.reporter.settle(seq, refused(&why)).await?;
            }
        }
        Ok(())
    }

    /// Asks the agent to end its turn.
    async fn cut_turn(&mut self) -> Result<(), Stop> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        if turn.cancel_until.is_some() {
            return Ok(());
        }
        let now = Instant::now();
        (turn.cancel_until, turn.cancel_again) = (Some(now + self.config.cancel_time), Some(now + CANCEL_AGAIN));
        self.peer.cancel();
        // The protocol wants every open request of the turn to be answered as cancelled.
        self.take_back_asks().await
    }

    /// Says it again, as long as there is time to heed it.
    pub(super) fn cancel_again(&mut self, now: Instant) {
        let due = |again: &mut Instant| *again <= now;
        let Some(turn) = &mut self.turn else { return };
        if !self.frozen && turn.cancel_again.take_if(due).is_some() && turn.cancel_until.is_some() {
            turn.cancel_again = Some(now + CANCEL_AGAIN);
            self.peer.cancel();
        }
    }

    /// A turn that was to be cancelled runs on: whoever asked is told, and what waits for its end goes on waiting.
    pub(super) async fn cancel_overdue(&mut self, now: Instant) -> Result<(), Stop> {
        let overdue = |until: &mut Instant| *until <= now;
        let Some(turn) = &mut self.turn else { return Ok(()) };
        if self.frozen || turn.cancel_until.take_if(overdue).is_none() {
            return Ok(());
        }
        let seconds = self.config.cancel_time.as_secs();
        let why = format!("the agent did not end its turn within {seconds} seconds; a kill ends it");
        for seq in std::mem::take(&mut self.interrupts) {
            self.reporter.settle(seq, refused(&why)).await?;
        }
        if let Some(line) = line(MessageRole::System, why, json!({"type": "cancel_ignored"})) {
            self.reporter.line(line).await?;
        }
        Ok(())
    }

    pub(super) async fn settle_interrupts(&mut self) -> Result<(), Stop> {
        for seq in std::mem::take(&mut self.interrupts) {
            self.reporter.settle(seq, Receipt::Consumed).await?;
        }
        Ok(())
    }

    /// Two operators' commands may be handed over in the other order than they were written down; the newest counts.
    async fn is_newest(&mut self, seq: CommandSeq) -> Result<bool, Stop> {
        if seq < self.newest_control {
            let why = format!("command {} came after it and was obeyed already", self.newest_control);
            self.reporter.settle(seq, refused(&why)).await?;
            return Ok(false);
        }
        self.newest_control = seq;
        self.reporter.uplink.acknowledge(seq, Receipt::Delivered).await
    }

    async fn pause(&mut self, seq: CommandSeq, reason: Option<Reason>) -> Result<(), Stop> {
        if !self.is_newest(seq).await? {
            return Ok(());
        }
        self.holds = true;
        self.pauses.push((seq, reason));
        if self.reporter.status == SessionStatus::Paused {
            return self.stand_still().await;
        }
        if self.ready_until.is_some() {
            // It has to get ready first, should it have been held before.
            self.thaw().await;
        }
        if self.turn.is_some() && self.config.pause == PauseBy::Freeze && !self.frozen {
            match self.process.freeze().await {
                Ok(()) => {
                    self.frozen = true;
                    self.thaw_at = Some(Instant::now() + self.config.freeze_cap);
                    self.stand_still().await?;
                }
                Err(error) => {
                    let text = format!("it was not frozen, and pauses when its turn ends: {error}");
                    if let Some(line) = line(MessageRole::System, text, json!({"type": "not_frozen"})) {
                        self.reporter.line(line).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A pause that could not be written: it stands still at this very place, wherever the configuration would have it
    /// paused. The pause in the queue follows as soon as the store is back, and nothing lets it go on before that one.
    async fn hold_at_once(&mut self, reason: Option<Reason>) -> Result<(), Stop> {
        self.holds = true;
        if !self.frozen && self.process.freeze().await.is_ok() {
            self.frozen = true;
            self.thaw_at = Some(Instant::now() + self.config.freeze_cap);
        }
        // One that is not ready yet cannot be said to be paused.
        if self.frozen && self.ready_until.is_none() && self.reporter.status != SessionStatus::Paused {
            self.reporter.see(SessionStatus::Paused, reason).await?;
        }
        Ok(())
    }

    /// It stands still: reports so, and settles the pauses.
    pub(super) async fn stand_still(&mut self) -> Result<(), Stop> {
        let pauses = std::mem::take(&mut self.pauses);
        if self.reporter.status != SessionStatus::Paused {
            let reason = pauses.iter().rev().find_map(|(_, reason)| reason.clone());
            self.reporter.see(SessionStatus::Paused, reason).await?;
        }
        for (seq, _) in pauses {
            self.reporter.settle(seq, Receipt::Consumed).await?;
        }
        Ok(())
    }

    async fn resume(&mut self, seq: CommandSeq, reason: Option<Reason>) -> Result<(), Stop> {
        if !self.is_newest(seq).await? {
            return Ok(());
        }
        self.holds = false;
        for (pause, _) in std::mem::take(&mut self.pauses) {
            self.reporter.settle(pause, refused("it was resumed before its turn ended")).await?;
        }
        self.thaw().await;
        if self.reporter.status == SessionStatus::Paused {
            self.reporter.see(self.natural(), reason).await?;
        }
        self.reporter.settle(seq, Receipt::Consumed).await
    }

    async fn thaw(&mut self) {
        self.thaw_at = None;
        if std::mem::take(&mut self.frozen) {
            // One that has ended meanwhile is heard to have.
            let _ = self.process.thaw().await;
            if let Some(until) = &mut self.ready_until {
                *until = Instant::now() + self.config.start_time;
            }
            self.choice_goes_on();
            if let Some(turn) = &mut self.turn
                && turn.cancel_until.is_some()
            {
                turn.cancel_until = Some(Instant::now() + self.config.cancel_time);
            }
        }
    }

    /// It may not be frozen for longer: it goes on, and is paused when its turn ends.
    pub(super) async fn thaw_after_cap(&mut self) -> Result<(), Stop> {
        self.thaw().await;
        let seconds = self.config.freeze_cap.as_secs();
        let reason = Reason::shortened(&format!(
            "it was frozen for {seconds} seconds, the most allowed; it pauses when its turn ends"
        ));
        self.reporter.see(self.natural(), Some(reason)).await
    }
}
