//! What an append comes to.

use super::{Appended, Control, Message};
use crate::ids::Seq;

/// A batch after it was appended.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendOutcome {
    /// One for each message of the batch, in its order.
    pub appended: Vec<Appended>,
    /// Those messages that this call put there, in order, as they will be read.
    pub inserted: Vec<Message>,
    /// The session's newest seq.
    pub last_seq: Seq,
    /// What the agent should know.
    pub control: Control,
    /// Whether the session was lost and came back by this.
    pub came_back: bool,
    /// Whether a budget is used up by this; [`crate::use_cases::EnforceBudgets`] follows from it.
    pub exhausted: bool,
}
