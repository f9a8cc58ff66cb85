//! Reads sums of usage.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Has;
use crate::day::Day;
use crate::ids::SessionId;
use crate::ports::{Clock, MissionPage, MissionQuery, MissionSummary, SessionUsage, StoreUnavailable, UsageRepository};
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Totals, UsageBy, UsageLine, UsageOf, UsageQuery};

/// Which days of usage are asked for, and by what their sums are broken down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakDown {
    /// By what.
    pub by: BTreeSet<UsageBy>,
    /// The first day; as many days before the last one as [`ReadUsage::DAYS`] says when missing.
    pub from: Option<Day>,
    /// The last day; today when missing.
    pub to: Option<Day>,
}

/// Why usage is not broken down.
#[derive(Debug, thiserror::Error)]
pub enum BreakDownError {
    /// There are no such days.
    #[error("is later than the last day, {to}")]
    Backwards {
        /// The last day.
        to: Day,
    },
    /// There are too many of them.
    #[error("asks for {0} days; at most {most} are read at once", most = ReadUsage::MOST_DAYS)]
    TooLong(u64),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Usage that is broken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenDown {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The sums, in the order of days, models, missions and sessions.
    pub lines: Vec<UsageLine>,
    /// Whether there are more than [`ReadUsage::MOST_LINES`] of them, and the rest is left out.
    pub truncated: bool,
}

/// Reads sums of usage.
#[derive(Clone)]
pub struct ReadUsage {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
}

impl ReadUsage {
    /// The most missions on one page.
    pub const MAX_PAGE: usize = 200;
    /// As many days are broken down unless a first day is given.
    pub const DAYS: u64 = 30;
    /// The most days that are broken down at once.
    pub const MOST_DAYS: u64 = 400;
    /// The most sums of a breakdown.
    pub const MOST_LINES: usize = 5_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn UsageRepository> + Has<dyn Clock>,
    {
        Self { usage: ports.port(), clock: ports.port() }
    }

    /// The usage of a session; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        let usage = self.usage.of_session(session).await?;
        Ok(usage.map(|usage| SessionUsage { subtree: usage.subtree.current(self.clock.now()), ..usage }))
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
        let now = self.clock.now();
        Ok(self.usage.of_mission(mission).await?.map(|mission| current(mission, now)))
    }

    /// A page of missions, newest first, of at least one and at most [`ReadUsage::MAX_PAGE`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        let now = self.clock.now();
        let query = MissionQuery { limit: query.limit.clamp(1, Self::MAX_PAGE), ..query };
        let page = self.usage.missions(query).await?;
        let missions = page.missions.into_iter().map(|mission| current(mission, now)).collect();
        Ok(MissionPage { missions, ..page })
    }

    /// Breaks usage down.
    ///
    /// # Errors
    /// There are no such days or too many, or the store is not available.
    pub async fn broken_down(&self, of: UsageOf, how: BreakDown) -> Result<BrokenDown, BreakDownError> {
        let to = how.to.unwrap_or_else(|| Day::of(self.clock.now()));
        let from = how.from.unwrap_or_else(|| to.earlier(Self::DAYS - 1));
        match to.days_from(from) {
            0 => return Err(BreakDownError::Backwards { to }),
            days if days > Self::MOST_DAYS => return Err(BreakDownError::TooLong(days)),
            _ => {}
        }
        let query = UsageQuery { of, by: how.by, from, to, limit: Self::MOST_LINES + 1 };
        let mut lines = self.usage.broken_down(query).await?;
        let truncated = lines.len() > Self::MOST_LINES;
        lines.truncate(Self::MOST_LINES);
        Ok(BrokenDown { from, to, lines, truncated })
    }
}

fn current(mission: MissionSummary, now: Timestamp) -> MissionSummary {
    MissionSummary { account: mission.account.current(now), ..mission }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_page_has_a_limit() {
        let mut mocks = MockPorts::default();
        let page = || MissionPage { missions: Vec::new(), next: None };
        mocks.usage.expect_missions().withf(|query| query.limit == 200).times(1).returning(move |_| Ok(page()));
        let read = ReadUsage::new(&mocks.ports());
        assert!(read.missions(MissionQuery { after: None, missions: None, limit: 10_000 }).await.is_ok());
    }

    #[tokio::test]
    async fn the_last_thirty_days_are_broken_down_and_not_any_number() {
        let mut mocks = MockPorts::default();
        let line = UsageLine { day: None, model: None, mission_id: None, session_id: None, totals: Totals::default() };
        let today = Day::of(at(0));
        let asked = move |query: &UsageQuery| (query.from, query.to) == (today.earlier(29), today);
        mocks
            .usage
            .expect_broken_down()
            .withf(asked)
            .times(1)
            .returning(move |query| Ok(vec![line.clone(); query.limit]));
        let read = ReadUsage::new(&mocks.ports());
        let found = read.broken_down(UsageOf::Fleet, BreakDown::default()).await.expect("read");
        assert_eq!((found.lines.len(), found.truncated), (ReadUsage::MOST_LINES, true));
        let days = |from: u64, to: u64| BreakDown {
            from: Some(today.earlier(from)),
            to: Some(today.earlier(to)),
            ..BreakDown::default()
        };
        let backwards = read.broken_down(UsageOf::Fleet, days(1, 2)).await;
        assert!(matches!(backwards, Err(BreakDownError::Backwards { .. })), "{backwards:?}");
        let long = read.broken_down(UsageOf::Fleet, days(400, 0)).await;
        assert!(matches!(long, Err(BreakDownError::TooLong(401))), "{long:?}");
    }
}
