//! What an action on one session comes to.

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
    /// The operator's message.
    pub message: Option<Message>,
    /// The command for the agent.
    pub command: Option<Command>,
    /// The operation that tells when the effect is seen.
    pub operation: Option<OperationId>,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether it was done by an earlier call with the same key; session and command are as they stand now.
    pub again: bool,
}

impl Committed {
    /// What is kept of it, for the call that comes again.
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
