//! Reads operations: what was asked for, and the result.

use std::sync::Arc;

use super::Has;
use crate::ids::OperationId;
use crate::operation::Operation;
use crate::ports::{OperationPage, OperationQuery, OperationRepository, StoreUnavailable, TargetPage, TargetQuery};

/// Reads operations.
#[derive(Clone)]
pub struct ReadOperations {
    operations: Arc<dyn OperationRepository>,
}

impl ReadOperations {
    /// The most operations, or targets, at once.
    pub const MAX_LIMIT: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn OperationRepository>,
    {
        Self { operations: ports.port() }
    }

    /// One operation; `None` when there is no such.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn one(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
        self.operations.operation(id).await
    }

    /// A page of operations, newest first.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn page(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
        self.operations.operations(OperationQuery { limit: query.limit.min(Self::MAX_LIMIT), ..query }).await
    }

    /// A page of an operation's targets, leaves first.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
        self.operations.targets(TargetQuery { limit: query.limit.min(Self::MAX_LIMIT), ..query }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::operation_id;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn pages_are_bounded() {
        let mut mocks = MockPorts::default();
        mocks
            .operations
            .expect_operations()
            .withf(|query| query.limit == 1_000)
            .times(1)
            .returning(|_| Ok(OperationPage { operations: Vec::new(), next: None }));
        mocks
            .operations
            .expect_targets()
            .withf(|query| query.limit == 1_000)
            .times(1)
            .returning(|_| Ok(TargetPage { targets: Vec::new(), next: None }));
        let read = ReadOperations::new(&mocks.ports());
        read.page(OperationQuery { limit: 5_000, ..OperationQuery::default() }).await.expect("read");
        let query =
            TargetQuery { operation: operation_id(1), unseen_only: false, missions: None, after: None, limit: 5_000 };
        read.targets(query).await.expect("read");
    }
}
