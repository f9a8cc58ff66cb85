//! Reads sums of usage.

use std::sync::Arc;

use super::Has;
use crate::ids::SessionId;
use crate::ports::{MissionPage, MissionQuery, MissionSummary, SessionUsage, StoreUnavailable, UsageRepository};
use crate::text::MissionId;
use crate::usage::Totals;

/// Reads sums of usage.
#[derive(Clone)]
pub struct ReadUsage {
    usage: Arc<dyn UsageRepository>,
}

impl ReadUsage {
    /// The most missions on one page.
    pub const MAX_PAGE: usize = 200;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn UsageRepository>,
    {
        Self { usage: ports.port() }
    }

    /// The usage of a session; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        self.usage.of_session(session).await
    }

    /// The usage of all sessions together.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn fleet(&self) -> Result<Totals, StoreUnavailable> {
        self.usage.of_fleet().await
    }

    /// A mission; `None` when nothing is known of it.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
        self.usage.of_mission(mission).await
    }

    /// A page of missions, newest first, of at least one and at most [`ReadUsage::MAX_PAGE`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        self.usage.missions(MissionQuery { limit: query.limit.clamp(1, Self::MAX_PAGE), ..query }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_has_a_limit() {
        let mut mocks = MockPorts::default();
        let page = || MissionPage { missions: Vec::new(), next: None };
        mocks.usage.expect_missions().withf(|query| query.limit == 200).times(1).returning(move |_| Ok(page()));
        let read = ReadUsage::new(&mocks.ports());
        assert!(read.missions(MissionQuery { after: None, missions: None, limit: 10_000 }).await.is_ok());
    }
}
