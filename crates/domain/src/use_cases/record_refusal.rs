//! Records an action that the caller's role does not allow.

use std::sync::Arc;

use super::{AccessDenied, Has};
use crate::action::{ActionName, Origin};
use crate::audit::{AuditOutcome, AuditTarget};
use crate::ids::AuditSeq;
use crate::ports::{Clock, OperatorActions, StoreUnavailable};

/// Records denied calls on the audit log. A refusal by a rule is recorded with the action itself, in one transaction;
/// this use case is for calls that are denied before.
#[derive(Clone)]
pub struct RecordRefusal {
    actions: Arc<dyn OperatorActions>,
    clock: Arc<dyn Clock>,
}

impl RecordRefusal {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn OperatorActions> + Has<dyn Clock>,
    {
        Self { actions: ports.port(), clock: ports.port() }
    }

    /// Writes one entry: which caller was denied which action on what, when, and why. The caller of this use case still
    /// has to refuse the call, and limits how often one key can add such entries.
    ///
    /// # Errors
    /// The store is not available, and nothing was recorded.
    pub async fn execute(
        &self,
        by: Origin,
        action: ActionName,
        target: AuditTarget,
        denied: &AccessDenied,
    ) -> Result<AuditSeq, StoreUnavailable> {
        let details = [("refusal".to_owned(), denied.to_string())].into();
        let entry = by.at(self.clock.now()).audit(action, target, AuditOutcome::Refused, details);
        self.actions.record(entry).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditDraft;
    use crate::fixtures::{at, session_id};
    use crate::operator::Actor;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    async fn refused(mocks: MockPorts) -> Result<AuditSeq, StoreUnavailable> {
        let by = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
        let target = AuditTarget::Session(session_id(1));
        let denied = AccessDenied::Role("viewer");
        RecordRefusal::new(&mocks.ports()).execute(by, ActionName::Kill, target, &denied).await
    }

    #[tokio::test]
    async fn the_entry_says_who_was_denied_what_when_and_why() {
        let mut mocks = MockPorts::default();
        let told = |entry: &AuditDraft| {
            entry.action == ActionName::Kill
                && entry.actor == Actor::local_cli()
                && entry.target == AuditTarget::Session(session_id(1))
                && entry.outcome == AuditOutcome::Refused
                && entry.at == at(0)
                && entry.request_id.as_str() == "req-1"
                && entry.details.len() == 1
                && entry.details["refusal"] == "a key with the role viewer may not do this"
        };
        mocks.actions.expect_record().withf(told).times(1).returning(|_| Ok(AuditSeq::new(7)));
        assert_eq!(refused(mocks).await.expect("recorded"), AuditSeq::new(7));
    }

    #[tokio::test]
    async fn a_refusal_that_cannot_be_recorded_is_an_error() {
        let mut mocks = MockPorts::default();
        mocks.actions.expect_record().times(1).returning(|_| Err(StoreUnavailable::new("the disk is full")));
        assert!(refused(mocks).await.is_err());
    }
}
