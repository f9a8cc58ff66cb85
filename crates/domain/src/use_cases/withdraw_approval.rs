//! An agent takes its permission request back.

use std::sync::Arc;

use super::Has;
use crate::approval::Withdrawal;
use crate::ids::ApprovalId;
use crate::ports::{ApprovalRepository, Clock, IdGenerator, WakeUps, WithdrawApprovalError, WithdrawnApproval};

/// Withdraws permission requests.
#[derive(Clone)]
pub struct WithdrawApproval {
    approvals: Arc<dyn ApprovalRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl WithdrawApproval {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApprovalRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { approvals: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Closes the request as `expired`, because it was withdrawn. A repeated withdrawal is harmless.
    ///
    /// # Errors
    /// There is no such request, it was decided or expired in another way, or the store is not available.
    pub async fn execute(&self, approval_id: ApprovalId) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        let withdrawal = Withdrawal { approval_id, message_id: self.ids.message_id(), at: self.clock.now() };
        let withdrawn = self.approvals.withdraw(withdrawal).await?;
        if withdrawn.closed {
            if let Some(seq) = withdrawn.moved {
                self.wake_ups.session_moved(withdrawn.approval.session_id, seq);
            }
            self.wake_ups.feed_grew();
        }
        Ok(withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{approval, at, message_id, session_id};
    use crate::ids::Seq;
    use crate::use_cases::testing::MockPorts;

    async fn withdraw(mocks: MockPorts) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        WithdrawApproval::new(&mocks.ports()).execute(approval(1).id).await
    }

    #[tokio::test]
    async fn a_withdrawal_is_stamped_and_wakes_those_who_wait_for_a_decision() {
        let mut mocks = MockPorts::default();
        let given = Withdrawal { approval_id: approval(1).id, message_id: message_id(900), at: at(0) };
        let done = WithdrawnApproval { approval: approval(1), closed: true, moved: Some(Seq::new(5)) };
        mocks.approvals.expect_withdraw().withf(move |it| *it == given).times(1).return_once(|_| Ok(done));
        mocks.wake_ups.expect_session_moved().withf(|id, _| *id == session_id(1)).times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        assert!(withdraw(mocks).await.is_ok());
    }

    #[tokio::test]
    async fn again_and_a_refusal_wake_nobody() {
        let mut mocks = MockPorts::default();
        let done = WithdrawnApproval { approval: approval(1), closed: false, moved: None };
        mocks.approvals.expect_withdraw().times(1).return_once(|_| Ok(done));
        assert!(!withdraw(mocks).await.expect("harmless").closed);
        let mut mocks = MockPorts::default();
        mocks.approvals.expect_withdraw().return_once(|it| Err(WithdrawApprovalError::Unknown(it.approval_id)));
        assert!(withdraw(mocks).await.is_err());
    }
}
