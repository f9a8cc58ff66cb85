//! What an operator can want of one session.

use super::ActionName;
use crate::command::Delivery;
use crate::ids::{CommandSeq, MessageId};
use crate::text::MessageContent;

/// What an operator wants of one session.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Say something to the agent.
    Inject {
        /// The id for the message in the conversation.
        message_id: MessageId,
        /// What to say.
        content: MessageContent,
        /// When it is to reach the agent.
        delivery: Delivery,
    },
    /// Have it stop, able to go on.
    Pause,
    /// Have it go on.
    Resume,
    /// Have it stop the current turn.
    Interrupt {
        /// Take back the messages that wait for it, too. Otherwise they start the next turn.
        drop_queued: bool,
    },
    /// Take an injected message back before the agent has it.
    Cancel {
        /// The command that was to bring it.
        command: CommandSeq,
    },
    /// Have it stop for good.
    Kill,
    /// Say that it has ended: nothing more is to be heard of it. Nothing is asked of the agent.
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
            Self::Kill => ActionName::Kill,
            Self::Close => ActionName::Close,
        }
    }

    /// Which commands of the session the decision has to look at.
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
