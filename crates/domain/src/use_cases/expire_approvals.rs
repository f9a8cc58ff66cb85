//! Permission requests whose deadline has passed are closed.

use std::sync::Arc;

use super::Has;
use crate::approval::Expiry;
use crate::ports::{ApprovalRepository, Clock, IdGenerator, StoreUnavailable, WakeUps};

/// Closes requests that were not decided in time. Call it about once a second; simultaneous calls are harmless.
#[derive(Clone)]
pub struct ExpireApprovals {
    approvals: Arc<dyn ApprovalRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

/// The largest number of requests that one call closes; the next call continues.
const AT_ONCE: usize = 500;

impl ExpireApprovals {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApprovalRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { approvals: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Closes each request whose deadline has passed, and gives their number.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<u64, StoreUnavailable> {
        let at = self.clock.now();
        let mut closed = 0;
        for approval_id in self.approvals.due(at, AT_ONCE).await? {
            let expiry = Expiry { approval_id, message_id: self.ids.message_id(), at };
            // Somebody may have decided it between the look and the write.
            let Some(expired) = self.approvals.expire(expiry).await? else { continue };
            if let Some(seq) = expired.moved {
                self.wake_ups.session_moved(expired.approval.session_id, seq);
            }
            self.wake_ups.feed_grew();
            closed += 1;
        }
        Ok(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{approval, at};
    use crate::ids::Seq;
    use crate::ports::ExpiredApproval;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn each_that_is_due_is_closed_and_told_and_one_decided_meanwhile_is_left() {
        let mut mocks = MockPorts::default();
        let due = vec![approval(1).id, approval(2).id];
        mocks
            .approvals
            .expect_due()
            .withf(|now, limit| *now == at(0) && *limit == 500)
            .times(1)
            .return_once(|_, _| Ok(due));
        mocks.approvals.expect_expire().times(2).returning(|expiry| {
            let expired = ExpiredApproval { approval: approval(1), moved: Some(Seq::new(2)) };
            Ok((expiry.approval_id == approval(1).id).then_some(expired))
        });
        mocks.wake_ups.expect_session_moved().times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        assert_eq!(ExpireApprovals::new(&mocks.ports()).execute().await.expect("done"), 1);
    }
}
