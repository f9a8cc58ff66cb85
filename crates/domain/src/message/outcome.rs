//! The result of an append.

use super::{Appended, Control, Message};
use crate::ids::Seq;

/// A batch after it was appended.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendOutcome {
    /// One for each message of the batch, in its order.
    pub appended: Vec<Appended>,
    /// The messages that this call appended, in order, as they will be read.
    pub inserted: Vec<Message>,
    /// The session's newest seq.
    pub last_seq: Seq,
    /// What the agent has to know.
    pub control: Control,
    /// Whether the session was lost and came back with this append.
    pub came_back: bool,
    /// Whether this append uses a budget up; then [`crate::use_cases::EnforceBudgets`] is to be called.
    pub exhausted: bool,
}
