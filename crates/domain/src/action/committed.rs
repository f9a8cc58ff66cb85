//! The result of an action on one session.

use super::{OperatorAction, Remembered};
use crate::command::Command;
use crate::ids::{AuditSeq, OperationId};
use crate::message::Message;
use crate::session::Session;

/// An action that was accepted and is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The session after it.
    pub session: Session,
    /// The operator's message, if the action has one.
    pub message: Option<Message>,
    /// The command for the agent.
    pub command: Option<Command>,
    /// The operation that shows when the effect was observed.
    pub operation: Option<OperationId>,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether an earlier call with the same key did it. The session and the command are given in their current state.
    pub again: bool,
}

impl Committed {
    /// What is stored of it for a repeated call.
    #[must_use]
    pub fn remember(&self, action: &OperatorAction) -> Remembered {
        Remembered {
            message: self.message.as_ref().map(|message| message.seq),
            command: self.command.as_ref().map(|command| command.seq),
            operation: self.operation,
            ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq)
        }
    }
}
