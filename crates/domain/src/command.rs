//! Commands: what an operator wants an agent to do, kept until the agent acknowledges it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::ids::{CommandSeq, MessageId, Seq, SessionId};
use crate::session::{Choice, SessionStatus};
use crate::text::Reason;
use crate::time::Timestamp;

/// When an injected message is to reach the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// In the current turn.
    Steer,
    /// With the next turn.
    #[default]
    Queue,
    /// At once: the current turn is stopped first.
    Interrupt,
}

/// What the agent is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CommandKind {
    /// Read an operator's message of the conversation.
    Inject {
        /// The message.
        #[serde(rename = "messageId")]
        message_id: MessageId,
        /// Its place in the conversation.
        #[serde(rename = "messageSeq")]
        seq: Seq,
        /// When the message is to reach the agent.
        delivery: Delivery,
    },
    /// Stop where that is possible, so that the agent can continue.
    Pause,
    /// Continue.
    Resume,
    /// Stop the current turn, and wait for the next prompt.
    Interrupt,
    /// Work with another model or in another mode from now on.
    Configure(Choice),
    /// Stop for good.
    Kill,
}

impl Delivery {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Steer, Self::Queue, Self::Interrupt];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steer => "steer",
            Self::Queue => "queue",
            Self::Interrupt => "interrupt",
        }
    }
}

impl CommandKind {
    /// Every word that [`CommandKind::as_str`] gives.
    pub const WORDS: [&'static str; 6] = ["inject", "pause", "resume", "interrupt", "configure", "kill"];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Inject { .. } => "inject",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt => "interrupt",
            Self::Configure(_) => "configure",
            Self::Kill => "kill",
        }
    }
}

/// The state of a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Receipt {
    /// It is in the queue, durably.
    Accepted,
    /// The agent's runtime has it.
    Delivered,
    /// The agent acted on it. Final.
    Consumed,
    /// The agent will not act on it. Final.
    Refused {
        /// The reason, in the agent's words.
        reason: Reason,
    },
    /// An operator took the command back before it was delivered. Final.
    Cancelled,
    /// The session ended before the agent acted on it. Final.
    Undeliverable {
        /// How the session ended.
        reason: Reason,
    },
}

impl Receipt {
    /// Every word that [`Receipt::as_str`] gives.
    pub const WORDS: [&'static str; 6] = ["accepted", "delivered", "consumed", "refused", "cancelled", "undeliverable"];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Consumed => "consumed",
            Self::Refused { .. } => "refused",
            Self::Cancelled => "cancelled",
            Self::Undeliverable { .. } => "undeliverable",
        }
    }

    /// Why the command was refused or could not be delivered.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Refused { reason } | Self::Undeliverable { reason } => Some(reason),
            Self::Accepted | Self::Delivered | Self::Consumed | Self::Cancelled => None,
        }
    }

    /// Whether the agent still has to act.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Delivered => 1,
            Self::Consumed | Self::Refused { .. } | Self::Cancelled | Self::Undeliverable { .. } => 2,
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A receipt that cannot follow the current one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command {seq} is {is} already and cannot become {wanted}")]
pub struct ReceiptIsFinal {
    /// The command.
    pub seq: CommandSeq,
    /// Its receipt.
    pub is: &'static str,
    /// The receipt that was to follow it.
    pub wanted: &'static str,
}

/// A command that cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command {seq} is a {kind} that is {is}; only an inject that is still accepted can be cancelled")]
pub struct NotCancellable {
    /// The command.
    pub seq: CommandSeq,
    /// What it wants.
    pub kind: &'static str,
    /// Its receipt.
    pub is: &'static str,
}

/// One command in a session's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The session whose agent is to act.
    pub session_id: SessionId,
    /// Its place in the session's queue.
    pub seq: CommandSeq,
    /// What to do.
    pub kind: CommandKind,
    /// The reason, if the operator gave one.
    pub reason: Option<Reason>,
    /// Its state.
    pub receipt: Receipt,
    /// When the operator asked.
    pub created_at: Timestamp,
    /// When the receipt last changed.
    pub updated_at: Timestamp,
}

impl Command {
    /// Whether the command has no place in the queue: it is a stop for agents of this process that could not be
    /// written. Its seq is [`CommandSeq::ZERO`], it has no receipt, and it counts every time that it arrives.
    #[must_use]
    pub fn is_past_the_queue(&self) -> bool {
        self.seq == CommandSeq::ZERO
    }

    /// Moves the receipt forward. A repeated or late acknowledgement is harmless, because a receipt never goes back.
    ///
    /// # Errors
    /// The receipt is final and differs from the wanted one.
    pub fn acknowledge(&self, receipt: Receipt, at: Timestamp) -> Result<Self, ReceiptIsFinal> {
        if self.receipt == receipt || receipt.rank() < self.receipt.rank() {
            return Ok(self.clone());
        }
        if !self.receipt.is_pending() {
            return Err(ReceiptIsFinal { seq: self.seq, is: self.receipt.as_str(), wanted: receipt.as_str() });
        }
        Ok(Self { receipt, updated_at: at, ..self.clone() })
    }

    /// Takes an injected message back that has not reached the agent yet. A wish such as a pause cannot be cancelled;
    /// its opposite undoes it.
    ///
    /// # Errors
    /// The command is no message, or the agent has it already.
    pub fn cancel(&self, at: Timestamp) -> Result<Self, NotCancellable> {
        let cancellable = matches!(self.kind, CommandKind::Inject { .. }) && self.receipt == Receipt::Accepted;
        if cancellable {
            return Ok(Self { receipt: Receipt::Cancelled, updated_at: at, ..self.clone() });
        }
        Err(NotCancellable { seq: self.seq, kind: self.kind.as_str(), is: self.receipt.as_str() })
    }

    /// Closes a pending command when its session ends. A kill that took effect is consumed; every other command was too
    /// late.
    #[must_use]
    pub fn settle(&self, end: SessionStatus, at: Timestamp) -> Self {
        let receipt = match (&self.kind, end) {
            (CommandKind::Kill, SessionStatus::Killed) => Receipt::Consumed,
            _ => Receipt::Undeliverable { reason: Reason::trusted(format!("the session ended first: {end}")) },
        };
        Self { receipt, updated_at: at, ..self.clone() }
    }
}

impl FleetEventDraft {
    /// A command's receipt changed.
    #[must_use]
    pub fn receipt(command: &Command, at: Timestamp) -> Self {
        let data = json!({
            "commandSeq": command.seq,
            "command": command.kind,
            "receipt": command.receipt,
        });
        Self::new(FleetEventKind::Receipt, Some(command.session_id), at, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, command};

    fn refused() -> Receipt {
        Receipt::Refused { reason: Reason::new("busy").expect("valid") }
    }

    #[test]
    fn a_receipt_moves_on_and_never_back() {
        let accepted = command(1, CommandKind::Pause);
        let delivered = accepted.acknowledge(Receipt::Delivered, at(1)).expect("next");
        assert_eq!(delivered.acknowledge(Receipt::Accepted, at(2)), Ok(delivered.clone()));
        let consumed = delivered.acknowledge(Receipt::Consumed, at(2)).expect("next");
        assert_eq!((consumed.receipt.clone(), consumed.updated_at), (Receipt::Consumed, at(2)));
        assert_eq!(consumed.acknowledge(Receipt::Consumed, at(3)), Ok(consumed.clone()));
        assert_eq!(consumed.acknowledge(Receipt::Delivered, at(3)), Ok(consumed.clone()));
        let error = consumed.acknowledge(refused(), at(3)).expect_err("final");
        assert_eq!(error.to_string(), "command 1 is consumed already and cannot become refused");
    }

    #[test]
    fn only_a_message_that_did_not_arrive_is_taken_back() {
        let inject = command(
            1,
            CommandKind::Inject {
                message_id: crate::fixtures::message_id(1),
                seq: Seq::new(1),
                delivery: Delivery::Queue,
            },
        );
        assert_eq!(inject.cancel(at(1)).map(|command| command.receipt), Ok(Receipt::Cancelled));
        let delivered = inject.acknowledge(Receipt::Delivered, at(1)).expect("next");
        assert!(delivered.cancel(at(2)).is_err());
        assert!(command(2, CommandKind::Pause).cancel(at(2)).is_err());
        let late = inject.cancel(at(1)).expect("taken back").acknowledge(Receipt::Consumed, at(2));
        assert!(late.is_err(), "what was taken back is not consumed");
    }

    #[test]
    fn an_end_settles_what_is_open() {
        let kill = command(1, CommandKind::Kill).settle(SessionStatus::Killed, at(5));
        assert_eq!(kill.receipt, Receipt::Consumed);
        let pause = command(2, CommandKind::Pause).settle(SessionStatus::Failed, at(5));
        let Receipt::Undeliverable { reason } = pause.receipt else { panic!("{pause:?}") };
        assert_eq!(reason.as_str(), "the session ended first: failed");
    }
}
