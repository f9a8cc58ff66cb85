//! What an action on a session and those around it comes to.

use super::{Operation, ScopedAction};
use crate::action::Remembered;
use crate::ids::AuditSeq;

/// An action on a session and those around it that is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedCommitted {
    /// The operation as it begins; as it stands, when it was done by an earlier call.
    pub operation: Operation,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether it was done by an earlier call with the same key.
    pub again: bool,
}

impl ScopedCommitted {
    /// What is kept of it, for the call that comes again.
    #[must_use]
    pub fn remember(&self, action: &ScopedAction) -> Remembered {
        let operation = Some(self.operation.id);
        Remembered { operation, ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq) }
    }
}
