//! A conversation, page by page.

use std::sync::Arc;

use super::Has;
use crate::ids::{Seq, SessionId};
use crate::ports::{MessageRepository, MessageSlice, StoreUnavailable};

/// Where a page begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPlace {
    /// The messages after this one. Skipping the first `n` is the same as `After(n)`, because seqs are dense.
    After(Seq),
    /// The last messages before this one.
    Before(Seq),
}

/// Reads conversations.
#[derive(Clone)]
pub struct ReadHistory {
    messages: Arc<dyn MessageRepository>,
}

impl ReadHistory {
    /// The most messages on one page.
    pub const MAX_LIMIT: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn MessageRepository>,
    {
        Self { messages: ports.port() }
    }

    /// Reads one page, in the order of the conversation; `None` when there is no such session. More than
    /// [`ReadHistory::MAX_LIMIT`] messages are never read at once.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        session: SessionId,
        place: HistoryPlace,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let limit = limit.min(Self::MAX_LIMIT);
        match place {
            HistoryPlace::After(seq) => self.messages.after(session, seq, limit).await,
            HistoryPlace::Before(seq) => self.messages.before(session, seq, limit).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::session_id;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_is_bounded() {
        let mut mocks = MockPorts::default();
        mocks
            .messages
            .expect_after()
            .withf(|_, seq, limit| seq.get() == 7 && *limit == 1_000)
            .times(1)
            .returning(|_, _, _| Ok(None));
        mocks
            .messages
            .expect_before()
            .withf(|_, seq, limit| seq.get() == 9 && *limit == 2)
            .times(1)
            .returning(|_, _, _| Ok(None));
        let read = ReadHistory::new(&mocks.ports());
        let none = read.execute(session_id(1), HistoryPlace::After(Seq::new(7)), 5_000).await;
        assert!(none.expect("answered").is_none());
        assert!(read.execute(session_id(1), HistoryPlace::Before(Seq::new(9)), 2).await.is_ok());
    }
}
