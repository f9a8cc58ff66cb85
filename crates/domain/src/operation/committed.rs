//! The result of an action on a session and those around it.

use super::{Operation, ScopedAction};
use crate::action::Remembered;
use crate::ids::AuditSeq;

/// An action on a session and those around it that is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedCommitted {
    /// The operation at its beginning, or in its current state if an earlier call began it.
    pub operation: Operation,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether an earlier call with the same key did it.
    pub again: bool,
}

impl ScopedCommitted {
    /// What is stored of it for a repeated call.
    #[must_use]
    pub fn remember(&self, action: &ScopedAction) -> Remembered {
        let operation = Some(self.operation.id);
        Remembered { operation, ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq) }
    }
}
