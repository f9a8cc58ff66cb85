//! The rules of retention are read and changed, and what would go is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::ids::SessionId;
use crate::ports::{Clock, RetentionChangeError, RetentionRepository, StoreUnavailable};
use crate::retention::{ArchivedSession, Retention, RetentionChange, RetentionRules};
use crate::text::MissionId;

/// What would go of one mission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedMission {
    /// Sessions.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes of their content and metadata.
    pub bytes: u64,
}

/// What would go now, as far as the sessions tell that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPreview {
    /// Sessions and messages by mission. The bytes are not counted, because that reads the conversations.
    pub missions: BTreeMap<Option<MissionId>, PlannedMission>,
    /// Whether all ended sessions were looked at.
    pub complete: bool,
}

/// Reads and changes the rules of retention.
#[derive(Clone)]
pub struct ManageRetention {
    retention: Arc<dyn RetentionRepository>,
    clock: Arc<dyn Clock>,
}

impl ManageRetention {
    /// How many ended sessions are looked at at once.
    const PAGE: usize = 200;
    /// How many pages a preview looks at.
    const PREVIEW: usize = 50;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn RetentionRepository> + Has<dyn Clock>,
    {
        Self { retention: ports.port(), clock: ports.port() }
    }

    /// The rules.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn read(&self) -> Result<Retention, StoreUnavailable> {
        self.retention.retention().await
    }

    /// Changes the rules as a whole, with the audit entry. `expected` is the revision that the caller knows.
    ///
    /// # Errors
    /// The rules have another revision, or the store is not available.
    pub async fn set(
        &self,
        rules: RetentionRules,
        expected: u64,
        origin: Origin,
    ) -> Result<Retention, RetentionChangeError> {
        let by = origin.at(self.clock.now());
        self.retention.change_retention(RetentionChange { rules, expected, by }).await
    }

    /// What would go now under some rules, by mission. It reads the conversations that would go, which takes long when
    /// there are many.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn plan(
        &self,
        rules: &RetentionRules,
    ) -> Result<BTreeMap<Option<MissionId>, PlannedMission>, StoreUnavailable> {
        let (now, mut plan, mut place) = (self.clock.now(), BTreeMap::<_, PlannedMission>::new(), None);
        loop {
            let page = self.retention.due_sessions(rules.clone(), now, place, Self::PAGE).await?;
            for session in page.sessions {
                let bytes = self.retention.conversation_bytes(session.id).await?;
                let mission = plan.entry(session.mission_id).or_default();
                mission.sessions = mission.sessions.saturating_add(1);
                mission.messages = mission.messages.saturating_add(session.last_seq.get());
                mission.bytes = mission.bytes.saturating_add(bytes);
            }
            place = page.next;
            if place.is_none() {
                return Ok(plan);
            }
        }
    }

    /// What would go now under some rules, by mission, among the 10,000 sessions that ended first. It reads no conversation,
    /// so it costs little however many there are.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn preview(&self, rules: &RetentionRules) -> Result<RetentionPreview, StoreUnavailable> {
        let (now, mut preview, mut place) = (self.clock.now(), RetentionPreview::default(), None);
        for _ in 0..Self::PREVIEW {
            let page = self.retention.due_sessions(rules.clone(), now, place, Self::PAGE).await?;
            for session in page.sessions {
                let mission = preview.missions.entry(session.mission_id).or_default();
                mission.sessions = mission.sessions.saturating_add(1);
                mission.messages = mission.messages.saturating_add(session.last_seq.get());
            }
            place = page.next;
            if place.is_none() {
                return Ok(RetentionPreview { complete: true, ..preview });
            }
        }
        Ok(preview)
    }

    /// What is noted of a session; `None` when it is not archived.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn archived(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
        self.retention.archived(session).await
    }

    /// Which of these sessions are archived.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn archived_among(&self, sessions: Vec<SessionId>) -> Result<Vec<ArchivedSession>, StoreUnavailable> {
        if sessions.is_empty() { Ok(Vec::new()) } else { self.retention.archived_among(sessions).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session};
    use crate::ids::Seq;
    use crate::ports::MockClock;
    use crate::retention::{DuePage, EndedPlace};
    use crate::session::Session;
    use crate::time::Timestamp;
    use crate::use_cases::Ports;
    use crate::use_cases::testing::MockPorts;

    /// Previews what a store has whose pages hold one session of three messages, with an end after so many pages.
    async fn preview(pages: i64) -> RetentionPreview {
        let mut mocks = MockPorts::default();
        mocks.retention.expect_due_sessions().returning(move |_, _, after, limit| {
            assert_eq!(limit, ManageRetention::PAGE);
            let second = |time: Timestamp| time.as_datetime().timestamp() - at(0).as_datetime().timestamp();
            let read = after.map_or(0, |place| second(place.ended_at));
            let next = (read + 1 < pages).then(|| EndedPlace { ended_at: at(read + 1), id: session(1).id });
            Ok(DuePage { sessions: vec![Session { last_seq: Seq::new(3), ..session(1) }], next })
        });
        let mut clock = MockClock::new();
        clock.expect_now().return_const(at(1));
        let ports = Ports { clock: Arc::new(clock), ..mocks.ports() };
        ManageRetention::new(&ports).preview(&RetentionRules::default()).await.expect("a preview")
    }

    #[tokio::test]
    async fn a_preview_counts_by_mission_up_to_its_last_page() {
        let found = preview(3).await;
        assert!(found.complete);
        let counts: Vec<_> = found.missions.into_values().collect();
        assert_eq!(counts, [PlannedMission { sessions: 3, messages: 9, bytes: 0 }]);
    }

    #[tokio::test]
    async fn a_preview_ends_in_time_and_says_that_there_is_more() {
        let found = preview(1_000).await;
        assert!(!found.complete);
        assert_eq!(found.missions.into_values().map(|mission| mission.sessions).sum::<u64>(), 50);
        assert!(preview(50).await.complete);
    }
}
