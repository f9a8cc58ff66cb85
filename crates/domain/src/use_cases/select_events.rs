//! Selects the events of the fleet feed that a reader wants.

use std::collections::HashMap;
use std::sync::Arc;

use super::Has;
use crate::feed::{FeedSubject, FleetEventKind};
use crate::ids::SessionId;
use crate::mission_set::MissionSet;
use crate::ports::{SessionRepository, StoreUnavailable};
use crate::text::MissionId;

/// A filter for the fleet feed; every given part must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFilter {
    /// Events of these kinds; of any kind when missing.
    pub kinds: Option<Vec<FleetEventKind>>,
    /// Events of this session and all below it.
    pub subtree: Option<SessionId>,
    /// Events of sessions of this mission.
    pub mission_id: Option<MissionId>,
    /// Events of sessions of one of these missions, and of these missions as a whole.
    pub missions: Option<MissionSet>,
    /// Whether events about the whole fleet are wanted too. They concern every subtree and mission, but not every
    /// reader may see who acted on the fleet.
    pub fleet_wide: bool,
}

impl FeedFilter {
    /// All events.
    pub const ALL: Self = Self { kinds: None, subtree: None, mission_id: None, missions: None, fleet_wide: true };
}

/// Selects events for one reader. The place of a session in the tree and its mission never change. So each session is
/// read once, and a session whose spawning was seen below a known parent is never read.
pub struct SelectEvents {
    sessions: Arc<dyn SessionRepository>,
    filter: FeedFilter,
    decided: HashMap<SessionId, bool>,
}

impl SelectEvents {
    /// The largest number of sessions that are remembered; after that the memory is emptied.
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
    /// The store is not available; the call may be repeated.
    pub async fn wants(&mut self, subject: &FeedSubject) -> Result<bool, StoreUnavailable> {
        if self.filter.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&subject.kind)) {
            // Not wanted, but it may tell where a new session stands.
            self.learn(subject);
            return Ok(false);
        }
        let Some(session) = subject.session_id else {
            let mission = subject.mission_id.as_ref();
            let of_own = self.filter.missions.as_ref().is_some_and(|missions| missions.holds(mission));
            return Ok(self.filter.fleet_wide || of_own);
        };
        match self.learn(subject) {
            Some(wanted) => Ok(wanted),
            None => self.wants_session(session).await,
        }
    }

    /// Whether the reader wants events about a session.
    ///
    /// # Errors
    /// The store is not available; the call may be repeated.
    pub async fn wants_session(&mut self, session: SessionId) -> Result<bool, StoreUnavailable> {
        if self.filter.subtree.is_none() && !self.is_by_mission() {
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
            && (!self.is_by_mission()
                || self
                    .sessions
                    .get(session)
                    .await?
                    .is_some_and(|session| self.of_mission(session.mission_id.as_ref())));
        self.remember(session, wanted);
        Ok(wanted)
    }

    /// The answer that the event of a session's spawning gives by itself, if it is enough.
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
                Some(parent) if !self.is_by_mission() => *self.decided.get(&parent)?,
                Some(_) => return None,
            },
        };
        let of_mission = self.of_mission(spawned.mission_id.as_ref());
        self.remember(session, within && of_mission);
        Some(within && of_mission)
    }

    const fn is_by_mission(&self) -> bool {
        self.filter.mission_id.is_some() || self.filter.missions.is_some()
    }

    /// Whether a session of this mission, or of none, may be wanted.
    fn of_mission(&self, mission: Option<&MissionId>) -> bool {
        let FeedFilter { mission_id, missions, .. } = &self.filter;
        (mission_id.is_none() || mission_id.as_ref() == mission)
            && missions.as_ref().is_none_or(|missions| missions.holds(mission))
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
    async fn a_key_with_missions_gets_what_is_of_them_and_nothing_else() {
        let mut mocks = MockPorts::default();
        let of = |mission: &str| MissionId::new(mission).ok();
        mocks.sessions.expect_get().times(3).returning(move |id| {
            let missions = [(7, of("m")), (8, of("other")), (9, None)];
            let found = missions.into_iter().find(|(n, _)| session_id(*n) == id);
            Ok(found.map(|(n, mission_id)| Session { mission_id, ..session(n) }))
        });
        let missions = MissionSet::new(["m", "n"].into_iter().filter_map(of)).ok();
        let filter = FeedFilter { missions, fleet_wide: false, ..FeedFilter::ALL };
        let mut select = SelectEvents::new(&mocks.ports(), filter);
        for (n, parent, mission, wanted) in [
            (1, None, Some("m"), true),
            (2, Some(1), Some("n"), true),
            (3, Some(1), Some("other"), false),
            (4, None, None, false),
        ] {
            assert_eq!(select.wants(&spawned(n, parent, mission)).await.expect("told"), wanted, "{n}");
            assert_eq!(select.wants(&status(n)).await.expect("told"), wanted, "{n}");
        }
        for (n, wanted) in [(7, true), (8, false), (9, false), (7, true), (8, false)] {
            assert_eq!(select.wants(&status(n)).await.expect("told"), wanted, "{n}");
            assert_eq!(select.wants_session(session_id(n)).await.expect("told"), wanted, "a tick of {n}");
        }
        let about = |mission: &str| FeedSubject {
            kind: FleetEventKind::Operation,
            session_id: None,
            spawned: None,
            mission_id: of(mission),
        };
        assert!(select.wants(&about("n")).await.expect("told"));
        assert!(!select.wants(&about("other")).await.expect("told"));
        let switch = FleetEventDraft::kill_switch(true, 1, &crate::operator::Actor::system(), at(0));
        assert!(!select.wants(&switch.at_position(FeedPosition::ZERO).subject()).await.expect("told"));
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
