//! An operator decides a permission request.

use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::approval::{ApprovalAction, ApprovalOption};
use crate::ids::ApprovalId;
use crate::ports::{ApprovalRepository, Clock, DecideApprovalError, DecidedApproval, IdGenerator, WakeUps};
use crate::text::JsonObject;

/// Decides permission requests.
#[derive(Clone)]
pub struct DecideApproval {
    approvals: Arc<dyn ApprovalRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl DecideApproval {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApprovalRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { approvals: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Decides, with an audit entry. The first decision counts.
    ///
    /// # Errors
    /// A rule forbids it (and the refusal is on the audit log), or the store is not available.
    pub async fn execute(
        &self,
        approval_id: ApprovalId,
        option: ApprovalOption,
        origin: Origin,
    ) -> Result<DecidedApproval, DecideApprovalError> {
        self.answer(approval_id, option, None, origin).await
    }

    /// The same, with the values for the form of a request that has one.
    ///
    /// # Errors
    /// As with [`DecideApproval::execute`].
    pub async fn answer(
        &self,
        approval_id: ApprovalId,
        option: ApprovalOption,
        answer: Option<JsonObject>,
        origin: Origin,
    ) -> Result<DecidedApproval, DecideApprovalError> {
        let by = origin.at(self.clock.now());
        let action = ApprovalAction { approval_id, option, answer, message_id: self.ids.message_id(), by };
        let decided = self.approvals.decide(action).await?;
        if let Some(seq) = decided.moved {
            self.wake_ups.session_moved(decided.approval.session_id, seq);
        }
        self.wake_ups.feed_grew();
        Ok(decided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::ApprovalRefused;
    use crate::fixtures::{approval, at, message_id, session_id};
    use crate::ids::{AuditSeq, Seq};
    use crate::operator::Actor;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    async fn decide(mocks: MockPorts) -> Result<DecidedApproval, DecideApprovalError> {
        let request = RequestId::new("req-1").expect("valid");
        let decide = DecideApproval::new(&mocks.ports());
        decide.execute(approval(1).id, ApprovalOption::RejectOnce, Origin::new(Actor::local_cli(), request)).await
    }

    #[tokio::test]
    async fn a_decision_is_stamped_and_wakes_those_who_wait_for_it() {
        let mut mocks = MockPorts::default();
        mocks
            .approvals
            .expect_decide()
            .withf(|action| action.by.at == at(0) && action.message_id == message_id(900))
            .times(1)
            .returning(|_| {
                Ok(DecidedApproval {
                    approval: approval(1),
                    moved: Some(Seq::new(5)),
                    audit_seq: AuditSeq::new(1),
                    again: false,
                })
            });
        mocks.wake_ups.expect_session_moved().withf(|id, _| *id == session_id(1)).times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        assert!(decide(mocks).await.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_wakes_nobody() {
        let mut mocks = MockPorts::default();
        let refused = ApprovalRefused::Unknown(approval(1).id);
        mocks.approvals.expect_decide().times(1).return_once(|_| Err(refused.into()));
        assert!(matches!(decide(mocks).await, Err(DecideApprovalError::Refused(ApprovalRefused::Unknown(_)))));
    }
}
