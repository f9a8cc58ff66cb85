//! Permission requests, one or a page.

use std::sync::Arc;

use super::Has;
use crate::approval::Approval;
use crate::ids::ApprovalId;
use crate::ports::{ApprovalPage, ApprovalQuery, ApprovalRepository, StoreUnavailable};

/// Reads permission requests.
#[derive(Clone)]
pub struct ReadApprovals {
    approvals: Arc<dyn ApprovalRepository>,
}

impl ReadApprovals {
    /// The most requests on one page.
    pub const MAX_LIMIT: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApprovalRepository>,
    {
        Self { approvals: ports.port() }
    }

    /// One request, or `None`.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn one(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        self.approvals.get(id).await
    }

    /// A page, newest first, never longer than [`ReadApprovals::MAX_LIMIT`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn page(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        self.approvals.list(ApprovalQuery { limit: query.limit.min(Self::MAX_LIMIT), ..query }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FeedPosition;
    use crate::ports::ApprovalFilter;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_is_bounded() {
        let mut mocks = MockPorts::default();
        mocks
            .approvals
            .expect_list()
            .withf(|query| query.limit == 1_000)
            .times(1)
            .returning(|_| Ok(ApprovalPage { approvals: vec![], next: None, as_of: FeedPosition::ZERO }));
        let query = ApprovalQuery { filter: ApprovalFilter::default(), before: None, limit: 100_000 };
        assert!(ReadApprovals::new(&mocks.ports()).page(query).await.expect("answered").approvals.is_empty());
    }
}
