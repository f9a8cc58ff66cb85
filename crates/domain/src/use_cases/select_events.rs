//! Which events of the fleet feed somebody wants to see.

use std::collections::HashMap;
use std::sync::Arc;

use super::Has;
use crate::feed::{FeedSubject, FleetEventKind};
use crate::ids::SessionId;
use crate::ports::{SessionRepository, StoreUnavailable};
use crate::text::MissionId;

/// What is wanted of the fleet feed; every part that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFilter {
    /// Events of these kinds; of any when missing.
    pub kinds: Option<Vec<FleetEventKind>>,
    /// Those of this session and all below it.
    pub subtree: Option<SessionId>,
    /// Those of sessions of this mission.
    pub mission_id: Option<MissionId>,
    /// Whether those that concern the whole fleet are wanted too: they are about every subtree and mission, but not
    /// everybody may see who acted on the fleet.
    pub fleet_wide: bool,
}

impl FeedFilter {
    /// Everything.
    pub const ALL: Self = Self { kinds: None, subtree: None, mission_id: None, fleet_wide: true };
}

/// Selects events for one reader. Where a session stands in the tree and its mission never change, so each session is
/// looked up once, and one whose spawning is seen below a known parent never.
pub struct SelectEvents {
    sessions: Arc<dyn SessionRepository>,
    filter: FeedFilter,
    decided: HashMap<SessionId, bool>,
}

impl SelectEvents {
    /// The most sessions that are remembered; beyond it remembering begins anew.
    pub const REMEMBERED: usize = 16_384;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, filter: FeedFilter) -> Self
    where
        P: Has<dyn SessionRepository>,
    {
        Self { sessions: ports.port(), filter, decided: HashMap::new() }
    }

    /// Whether the reader wants an event.
    ///
    /// # Errors
    /// The store is not available; asking again is harmless.
    pub async fn wants(&mut self, subject: &FeedSubject) -> Result<bool, StoreUnavailable> {
        if self.filter.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&subject.kind)) {
            // Not wanted, but it may tell where a new session stands.
            self.learn(subject);
            return Ok(false);
        }
        let Some(session) = subject.session_id else { return Ok(self.filter.fleet_wide) };
        match self.learn(subject) {
            Some(wanted) => Ok(wanted),
            None => self.wants_session(session).await,
        }
    }

    /// Whether the reader wants to hear of a session.
    ///
    /// # Errors
    /// The store is not available; asking again is harmless.
    pub async fn wants_session(&mut self, session: SessionId) -> Result<bool, StoreUnavailable> {
        if self.filter.subtree.is_none() && self.filter.mission_id.is_none() {
            return Ok(true);
        }
        if let Some(decided) = self.decided.get(&session) {
            return Ok(*decided);
        }
        let within = match self.filter.subtree {
            Some(top) => top == session || self.sessions.is_within(session, top).await?,
            None => true,
        };
        let wanted = within
            && match &self.filter.mission_id {
                Some(mission) => self
                    .sessions
                    .get(session)
                    .await?
                    .is_some_and(|session| session.mission_id.as_ref() == Some(mission)),
                None => true,
            };
        self.remember(session, wanted);
        Ok(wanted)
    }

    /// What a session's spawning tells by itself, where that is enough.
    fn learn(&mut self, subject: &FeedSubject) -> Option<bool> {
        let (session, spawned) = (subject.session_id?, subject.spawned.as_ref()?);
        let within = match self.filter.subtree {
            None => true,
            Some(top) if top == session => true,
            // A session has its parent for ever, and the parent was there before it.
            Some(top) => match spawned.parent_id {
                None => false,
                Some(parent) if parent == top => true,
                // Only without a mission in the way does the parent's decision say where it stands.
                Some(parent) if self.filter.mission_id.is_none() => *self.decided.get(&parent)?,
                Some(_) => return None,
            },
        };
        let of_mission = self.filter.mission_id.is_none() || self.filter.mission_id == spawned.mission_id;
        self.remember(session, within && of_mission);
        Some(within && of_mission)
    }

    fn remember(&mut self, session: SessionId, wanted: bool) {
        if self.decided.len() >= Self::REMEMBERED {
            self.decided.clear();
        }
        self.decided.insert(session, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::FleetEventDraft;
    use crate::fixtures::{at, session, session_id};
    use crate::ids::FeedPosition;
    use crate::session::{Session, SessionStatus};
    use crate::use_cases::testing::MockPorts;

    fn spawned(n: u128, parent: Option<u128>, mission: Option<&str>) -> FeedSubject {
        let mission_id = mission.map(|it| MissionId::new(it).expect("valid"));
        let session = Session { parent_id: parent.map(session_id), mission_id, ..session(n) };
        FleetEventDraft::spawned(&session).at_position(FeedPosition::ZERO).subject()
    }

    fn status(n: u128) -> FeedSubject {
        FleetEventDraft::status(&session(n), SessionStatus::Idle, at(1)).at_position(FeedPosition::ZERO).subject()
    }

    fn below(top: u128) -> FeedFilter {
        FeedFilter { subtree: Some(session_id(top)), ..FeedFilter::ALL }
    }

    #[tokio::test]
    async fn without_a_filter_everything_is_wanted_and_nothing_is_read() {
        let mut select = SelectEvents::new(&MockPorts::default().ports(), FeedFilter::ALL);
        assert!(select.wants(&status(1)).await.expect("told"));
        assert!(select.wants_session(session_id(1)).await.expect("told"));
    }

    #[tokio::test]
    async fn kinds_are_told_apart_without_a_read() {
        let filter = FeedFilter { kinds: Some(vec![FleetEventKind::Status]), ..FeedFilter::ALL };
        let mut select = SelectEvents::new(&MockPorts::default().ports(), filter);
        assert!(select.wants(&status(1)).await.expect("told"));
        assert!(!select.wants(&spawned(1, None, None)).await.expect("told"));
    }

    #[tokio::test]
    async fn where_a_session_stands_is_read_once() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_is_within().times(2).returning(|id, _| Ok(id == session_id(2)));
        let mut select = SelectEvents::new(&mocks.ports(), below(1));
        for _ in 0..3 {
            assert!(select.wants(&status(1)).await.expect("told"), "the top itself");
            assert!(select.wants(&status(2)).await.expect("told"));
            assert!(!select.wants(&status(3)).await.expect("told"));
        }
    }

    #[tokio::test]
    async fn a_new_session_tells_where_it_stands() {
        let mut select = SelectEvents::new(&MockPorts::default().ports(), below(1));
        let tree = [(2, Some(1), true), (3, Some(2), true), (4, None, false), (5, Some(4), false), (1, None, true)];
        for (n, parent, wanted) in tree {
            assert_eq!(select.wants(&spawned(n, parent, None)).await.expect("told"), wanted, "{n}");
            assert_eq!(select.wants(&status(n)).await.expect("told"), wanted, "{n}");
        }
    }

    #[tokio::test]
    async fn a_mission_is_that_of_the_session() {
        let mut mocks = MockPorts::default();
        let of_m = || Some(Session { mission_id: MissionId::new("m").ok(), ..session(7) });
        mocks.sessions.expect_get().times(2).returning(move |id| Ok(if id == session_id(7) { of_m() } else { None }));
        let filter = FeedFilter { mission_id: MissionId::new("m").ok(), ..FeedFilter::ALL };
        let mut select = SelectEvents::new(&mocks.ports(), filter);
        assert!(select.wants(&spawned(1, None, Some("m"))).await.expect("told"));
        assert!(!select.wants(&spawned(2, Some(1), Some("other"))).await.expect("told"));
        for (n, wanted) in [(1, true), (2, false), (7, true), (8, false), (7, true), (8, false)] {
            assert_eq!(select.wants(&status(n)).await.expect("told"), wanted, "{n}");
        }
    }

    #[tokio::test]
    async fn below_a_session_of_another_mission_the_tree_is_asked() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_is_within().times(1).returning(|_, _| Ok(true));
        let of_m = || Session { mission_id: MissionId::new("m").ok(), ..session(3) };
        mocks.sessions.expect_get().times(1).returning(move |_| Ok(Some(of_m())));
        let filter = FeedFilter { mission_id: MissionId::new("m").ok(), ..below(1) };
        let mut select = SelectEvents::new(&mocks.ports(), filter);
        assert!(!select.wants(&spawned(2, Some(1), Some("other"))).await.expect("told"));
        assert!(select.wants(&spawned(3, Some(2), Some("m"))).await.expect("told"));
    }

    #[tokio::test]
    async fn what_concerns_the_fleet_is_for_those_who_may_see_it() {
        let switch = FleetEventDraft::kill_switch(true, 1, &crate::operator::Actor::system(), at(0));
        let switch = switch.at_position(FeedPosition::ZERO).subject();
        for fleet_wide in [true, false] {
            let filter = FeedFilter { fleet_wide, ..below(1) };
            let mut select = SelectEvents::new(&MockPorts::default().ports(), filter);
            assert_eq!(select.wants(&switch).await.expect("told"), fleet_wide);
        }
    }
}
