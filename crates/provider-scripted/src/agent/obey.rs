//! How an agent obeys: pauses, resumes, messages from operators, and the rests in which it listens for them.

use std::time::Duration;

use flightdeck_domain::command::{CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{MessageContent, Reason};
use serde_json::json;
use tokio::time::Instant;

use super::{Agent, metadata};
use crate::script::quote;
use flightdeck_uplink::Stop;

/// After so long without a report an agent gives a sign of life, so that nobody takes it for lost.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// A message that is to be answered.
pub(super) struct Injected {
    seq: CommandSeq,
    id: MessageId,
    /// The place of the message in the conversation.
    place: Seq,
    delivery: Delivery,
    /// `None` when the command came without it.
    content: Option<MessageContent>,
}

/// What ended a rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Time,
    Mail,
}

impl Agent {
    /// Between two steps: obeys what is in the mailbox, and answers what must not wait for the end of the turn.
    pub(super) async fn boundary(&mut self) -> Result<(), Stop> {
        loop {
            self.controls().await?;
            self.cut_turn().await?;
            let urgent = self.injected.values().find(|injected| injected.delivery != Delivery::Queue);
            let Some(seq) = urgent.map(|injected| injected.seq) else { return Ok(()) };
            if let Some(injected) = self.injected.remove(&seq) {
                self.answer(injected).await?;
            }
        }
    }

    /// An interrupt ends the turn: the agent is idle until there is a message to answer, and then goes on.
    async fn cut_turn(&mut self) -> Result<(), Stop> {
        if self.interrupts.is_empty() {
            return Ok(());
        }
        // Nobody needs to decide any more about what the turn asked.
        if let Some(asked) = self.asking.take() {
            self.uplink.withdraw_approval(asked).await?;
            self.status = SessionStatus::Running;
        }
        if self.injected.is_empty() {
            self.see(SessionStatus::Idle, None).await?;
        }
        for seq in std::mem::take(&mut self.interrupts) {
            self.settle(seq, Receipt::Consumed).await?;
        }
        if self.status == SessionStatus::Idle {
            self.boundary_of_idleness().await?;
            self.see(SessionStatus::Running, None).await?;
        }
        self.answer_waiting().await
    }

    /// Between two turns: obeys, until there is a message to answer.
    pub(super) async fn boundary_of_idleness(&mut self) -> Result<(), Stop> {
        loop {
            self.controls().await?;
            // There is no turn that an interrupt could cut.
            for seq in std::mem::take(&mut self.interrupts) {
                self.settle(seq, Receipt::Consumed).await?;
            }
            if !self.injected.is_empty() {
                return Ok(());
            }
            self.rest(None).await?;
        }
    }

    /// Answers every message that is there now; those that come meanwhile have their own time.
    pub(super) async fn answer_waiting(&mut self) -> Result<(), Stop> {
        for (_, injected) in std::mem::take(&mut self.injected) {
            self.controls().await?;
            self.answer(injected).await?;
        }
        Ok(())
    }

    /// Lets a span pass in which the agent may be paused (the rest of the span is then left for later) and killed. Gives
    /// back whether an interrupt cut it short.
    pub(super) async fn wait(&mut self, span: Duration) -> Result<bool, Stop> {
        let mut left = span;
        while !left.is_zero() {
            self.controls().await?;
            let cut = self.injected.values().any(|injected| injected.delivery == Delivery::Interrupt);
            if cut || !self.interrupts.is_empty() {
                return Ok(true);
            }
            let until = Instant::now() + left;
            left = match self.rest(Some(until)).await? {
                Woken::Time => Duration::ZERO,
                Woken::Mail => until.saturating_duration_since(Instant::now()),
            };
        }
        Ok(false)
    }

    /// Obeys pauses and resumes in the order in which they were given; comes back when the agent may work.
    async fn controls(&mut self) -> Result<(), Stop> {
        let goes_on_as = self.status;
        let mut holds = false;
        loop {
            self.take_mail().await?;
            let Some((seq, order)) = self.controls.pop_first() else {
                if !holds {
                    return Ok(());
                }
                self.rest(None).await?;
                continue;
            };
            // Two operators' commands may be handed over in the other order than they were written down.
            if seq < self.newest_control {
                let reason = format!("command {} came after it and was obeyed already", self.newest_control);
                self.settle(seq, refused(reason)).await?;
                continue;
            }
            self.newest_control = seq;
            let pause = order.command.kind == CommandKind::Pause;
            if pause != holds {
                let status = if pause { SessionStatus::Paused } else { goes_on_as };
                self.see(status, order.command.reason).await?;
                holds = pause;
            }
            self.settle(seq, Receipt::Consumed).await?;
        }
    }

    /// Takes in what is in the mailbox and acknowledges it as delivered.
    async fn take_mail(&mut self) -> Result<(), Stop> {
        for order in self.uplink.mailbox.drain() {
            let seq = order.command.seq;
            self.unsettled.insert(seq);
            match &order.command.kind {
                CommandKind::Inject { message_id, seq: place, delivery } => {
                    let (id, place, delivery) = (*message_id, *place, *delivery);
                    let content = order.message.map(|message| message.content);
                    self.injected.insert(seq, Injected { seq, id, place, delivery, content });
                }
                CommandKind::Pause | CommandKind::Resume => {
                    self.controls.insert(seq, order);
                }
                CommandKind::Interrupt => {
                    self.interrupts.insert(seq);
                }
                CommandKind::Configure(choice) => self.chosen.push((seq, choice.clone())),
                // The mailbox keeps kills apart: they do not wait for anybody to look.
                CommandKind::Kill => {}
            }
            self.uplink.acknowledge(seq, Receipt::Delivered).await?;
        }
        self.take_choices().await
    }

    /// A script says the same with any model and in any mode, so it takes each.
    async fn take_choices(&mut self) -> Result<(), Stop> {
        for (seq, choice) in std::mem::take(&mut self.chosen) {
            let about = metadata(json!({"type": "configured", "model": choice.model, "mode": choice.mode}));
            if let Ok(told) = MessageContent::new(format!("it works with {choice} from now on")) {
                self.tell(MessageRole::System, told, about).await?;
            }
            self.settle(seq, Receipt::Consumed).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, injected: Injected) -> Result<(), Stop> {
        let found = match injected.content {
            Some(content) => Some(content),
            None => self.uplink.message_at(injected.place).await?,
        };
        let answer = found.and_then(|content| MessageContent::new(format!("Understood: {}", quote(&content))).ok());
        let Some(answer) = answer else {
            return self.settle(injected.seq, refused("its message is not in the conversation".to_owned())).await;
        };
        let about = metadata(json!({"type": "answer", "inReplyTo": injected.id}));
        self.tell(MessageRole::Assistant, answer, about).await?;
        // Only now has the agent acted.
        self.settle(injected.seq, Receipt::Consumed).await
    }

    async fn settle(&mut self, seq: CommandSeq, receipt: Receipt) -> Result<(), Stop> {
        self.uplink.acknowledge(seq, receipt).await?;
        self.unsettled.remove(&seq);
        Ok(())
    }

    /// Does nothing until a moment (`None`: for ever) or until mail comes, with signs of life in between.
    pub(super) async fn rest(&mut self, until: Option<Instant>) -> Result<Woken, Stop> {
        loop {
            let sign = self.reported + SIGN_OF_LIFE;
            let wake = until.map_or(sign, |until| until.min(sign));
            tokio::select! {
                biased;
                mail = self.uplink.mailbox.mail() => return mail.map(|()| Woken::Mail).map_err(Stop::from),
                () = tokio::time::sleep_until(wake) => {}
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(Woken::Time);
            }
            // The status again, not a bare heartbeat: the answer tells when somebody else has ended the session.
            self.see(self.status, None).await?;
            // A status that was refused does not count as a report, but must not make this a busy loop either.
            self.reported = Instant::now();
        }
    }
}

fn refused(why: String) -> Receipt {
    match Reason::new(why) {
        Ok(reason) => Receipt::Refused { reason },
        Err(_) => Receipt::Consumed,
    }
}
