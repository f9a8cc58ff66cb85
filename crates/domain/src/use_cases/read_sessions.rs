//! The session tree, one session or a page.

use std::sync::Arc;

use super::Has;
use crate::ids::SessionId;
use crate::ports::{SessionPage, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::Session;

/// Reads sessions.
#[derive(Clone)]
pub struct ReadSessions {
    sessions: Arc<dyn SessionRepository>,
}

impl ReadSessions {
    /// The most sessions on one page.
    pub const MAX_LIMIT: usize = 1_000;
    /// The longest page of heads.
    pub const MAX_HEADS: usize = 10_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository>,
    {
        Self { sessions: ports.port() }
    }

    /// One session, or `None`.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn one(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        self.sessions.get(id).await
    }

    /// A page, newest spawned first, never longer than [`ReadSessions::MAX_LIMIT`], or [`ReadSessions::MAX_HEADS`] where heads
    /// are enough.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn page(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        let most = if query.heads_only { Self::MAX_HEADS } else { Self::MAX_LIMIT };
        self.sessions.list(SessionQuery { limit: query.limit.min(most), ..query }).await
    }

    /// Whether nothing may spawn until the kill switch is released.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        self.sessions.kill_switch_engaged().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FeedPosition;
    use crate::ports::SessionFilter;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_is_bounded() {
        let mut mocks = MockPorts::default();
        mocks
            .sessions
            .expect_list()
            .withf(|query| query.limit == if query.heads_only { 10_000 } else { 1_000 })
            .times(2)
            .returning(|_| Ok(SessionPage { sessions: vec![], next: None, as_of: FeedPosition::new(3) }));
        let read = ReadSessions::new(&mocks.ports());
        for heads_only in [false, true] {
            let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 100_000, heads_only };
            assert_eq!(read.page(query).await.expect("answered").as_of, FeedPosition::new(3));
        }
    }
}
