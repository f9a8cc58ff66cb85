//! What an operator can ask of one session.

use super::ActionName;
use crate::command::Delivery;
use crate::ids::{CommandSeq, MessageId};
use crate::session::Choice;
use crate::text::MessageContent;

/// What an operator asks of one session.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Send a message to the agent.
    Inject {
        /// The id for the message in the conversation.
        message_id: MessageId,
        /// The text of the message.
        content: MessageContent,
        /// When the message is to reach the agent.
        delivery: Delivery,
    },
    /// Stop the agent so that it can continue.
    Pause,
    /// Let the agent continue.
    Resume,
    /// Stop the current turn of the agent.
    Interrupt {
        /// Also take back the messages that wait for the agent. Otherwise they start the next turn.
        drop_queued: bool,
    },
    /// Take an injected message back before the agent has it.
    Cancel {
        /// The command that brings the message.
        command: CommandSeq,
    },
    /// Have the agent work with another model or in another mode.
    Configure(Choice),
    /// Stop the agent for good.
    Kill,
    /// Declare that the session has ended and will not report again. The agent gets no command.
    Close,
}

impl Intervention {
    pub(crate) const fn name(&self) -> ActionName {
        match self {
            Self::Inject { .. } => ActionName::Inject,
            Self::Pause => ActionName::Pause,
            Self::Resume => ActionName::Resume,
            Self::Interrupt { .. } => ActionName::Interrupt,
            Self::Cancel { .. } => ActionName::CommandCancel,
            Self::Configure(_) => ActionName::Configure,
            Self::Kill => ActionName::Kill,
            Self::Close => ActionName::Close,
        }
    }

    /// The commands of the session that the decision has to look at.
    #[must_use]
    pub const fn concerns(&self) -> ConcernedCommands {
        match self {
            Self::Cancel { command } => ConcernedCommands::One(*command),
            Self::Interrupt { drop_queued: true } => ConcernedCommands::Pending,
            _ => ConcernedCommands::None,
        }
    }
}

/// The commands that a decision has to look at, read under the same lock as the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcernedCommands {
    /// None.
    None,
    /// The one at this place.
    One(CommandSeq),
    /// The pending ones, the first [`ConcernedCommands::MOST`] of them.
    Pending,
}

impl ConcernedCommands {
    /// The most commands that one decision looks at.
    pub const MOST: usize = 1_000;
}
