//! After how many days what goes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::feed::FleetEvent;
use crate::ids::FeedPosition;
use crate::session::Session;
use crate::text::MissionId;
use crate::time::Timestamp;

/// A number of days, from one to a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Days(u32);

/// The number is zero, or more than a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number of days from 1 to {max}", max = Days::MAX)]
pub struct InvalidDays(pub u32);

impl Days {
    /// The largest number.
    pub const MAX: u32 = 36_500;
    const SECONDS: u64 = 86_400;

    /// Checks and wraps a number.
    ///
    /// # Errors
    /// It is zero or larger than [`Days::MAX`].
    pub const fn new(days: u32) -> Result<Self, InvalidDays> {
        if days >= 1 && days <= Self::MAX { Ok(Self(days)) } else { Err(InvalidDays(days)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The moment so many days of 24 hours before another one.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        now.saturating_sub(Duration::from_secs(u64::from(self.0) * Self::SECONDS))
    }
}

impl TryFrom<u32> for Days {
    type Error = InvalidDays;

    fn try_from(days: u32) -> Result<Self, InvalidDays> {
        Self::new(days)
    }
}

impl From<Days> for u32 {
    fn from(days: Days) -> Self {
        days.0
    }
}

/// What goes after how many days. `None` keeps for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetentionRules {
    /// Conversations of ended sessions, where their mission has no rule of its own.
    pub sessions: Option<Days>,
    /// The rules of missions, which come before the rule for all.
    pub missions: BTreeMap<MissionId, Option<Days>>,
    /// Entries of the fleet feed.
    pub feed: Option<Days>,
}

/// More missions have a rule of their own than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most {} missions may have a rule of their own", RetentionRules::MOST_MISSIONS)]
pub struct TooManyMissions;

impl RetentionRules {
    /// The largest number of missions with a rule of their own.
    pub const MOST_MISSIONS: usize = 1_000;

    /// Checks the number of missions.
    ///
    /// # Errors
    /// There are more than [`RetentionRules::MOST_MISSIONS`].
    pub fn check(&self) -> Result<(), TooManyMissions> {
        if self.missions.len() <= Self::MOST_MISSIONS { Ok(()) } else { Err(TooManyMissions) }
    }

    /// Whether everything is kept for ever.
    #[must_use]
    pub fn keeps_everything(&self) -> bool {
        self.feed.is_none() && self.shortest().is_none()
    }

    /// After how many days the conversations of a mission's sessions go; `None` for never.
    #[must_use]
    pub fn days_of(&self, mission: Option<&MissionId>) -> Option<Days> {
        mission.and_then(|mission| self.missions.get(mission)).copied().unwrap_or(self.sessions)
    }

    fn shortest(&self) -> Option<Days> {
        self.missions.values().copied().chain([self.sessions]).flatten().min()
    }

    /// A session that ended at this moment or later stays, whatever its mission; `None` when all stay.
    #[must_use]
    pub fn horizon(&self, now: Timestamp) -> Option<Timestamp> {
        self.shortest().map(|days| days.before(now))
    }

    /// Whether the conversation of a session is due, as far as the session itself shows: it has ended, and longer ago than
    /// its mission's days. What is below it in the tree has to have ended, too.
    #[must_use]
    pub fn is_due(&self, session: &Session, now: Timestamp) -> bool {
        let Some(ended) = session.completed_at.filter(|_| session.status.is_terminal()) else { return false };
        self.days_of(session.mission_id.as_ref()).is_some_and(|days| ended < days.before(now))
    }

    /// Entries of the feed from this moment on stay; `None` when all stay.
    #[must_use]
    pub fn feed_horizon(&self, now: Timestamp) -> Option<Timestamp> {
        self.feed.map(|days| days.before(now))
    }
}

/// Up to which position the feed is cut. `oldest` are its oldest entries, in order; `head` is its newest position, which
/// always stays, so that the feed never looks as if it were new; `needed` is the position from which on a sink has still
/// something to deliver. `None` when nothing is cut.
#[must_use]
pub fn feed_removal(
    oldest: &[FleetEvent],
    horizon: Timestamp,
    head: FeedPosition,
    needed: Option<FeedPosition>,
) -> Option<FeedPosition> {
    let stays = |event: &FleetEvent| {
        event.at >= horizon || event.position >= head || needed.is_some_and(|needed| event.position >= needed)
    };
    oldest.iter().take_while(|event| !stays(event)).last().map(|event| event.position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::FleetEventKind;
    use crate::fixtures::{at, session};
    use crate::session::SessionStatus;
    use crate::text::JsonObject;

    const DAY: i64 = 86_400;

    fn days(number: u32) -> Option<Days> {
        Days::new(number).ok()
    }

    fn mission(name: &str) -> MissionId {
        MissionId::new(name).expect("valid")
    }

    fn rules(sessions: Option<Days>, missions: &[(&str, Option<Days>)]) -> RetentionRules {
        let missions = missions.iter().map(|(name, days)| (mission(name), *days)).collect();
        RetentionRules { sessions, missions, feed: None }
    }

    fn ended(of: Option<&str>, second: i64) -> Session {
        let completed_at = Some(at(second));
        Session { mission_id: of.map(mission), status: SessionStatus::Failed, completed_at, ..session(1) }
    }

    #[test]
    fn days_are_from_one_to_a_hundred_years() {
        assert!(Days::new(0).is_err() && Days::new(36_501).is_err());
        assert_eq!(Days::new(2).expect("valid").before(at(3 * DAY)), at(DAY));
        assert!(serde_json::from_str::<Days>("0").is_err());
    }

    #[test]
    fn the_rule_of_a_mission_comes_before_the_rule_for_all() {
        let rules = rules(days(10), &[("short", days(2)), ("kept", None)]);
        for (of, due_after) in
            [(None, Some(10)), (Some("other"), Some(10)), (Some("short"), Some(2)), (Some("kept"), None)]
        {
            let session = ended(of, 0);
            let last = due_after.map_or(at(100_000 * DAY), |days: i64| at(days * DAY));
            assert!(!rules.is_due(&session, last), "{of:?} at the moment itself");
            assert_eq!(
                rules.is_due(&session, last.saturating_add(Duration::from_micros(1))),
                due_after.is_some(),
                "{of:?}"
            );
        }
        assert_eq!(rules.horizon(at(2 * DAY)), Some(at(0)), "the shortest");
    }

    #[test]
    fn without_a_rule_and_before_its_end_nothing_is_due() {
        assert!(RetentionRules::default().keeps_everything());
        assert!(rules(None, &[("kept", None)]).keeps_everything());
        assert_eq!(RetentionRules::default().horizon(at(0)), None);
        assert!(!RetentionRules::default().is_due(&ended(None, 0), at(100_000 * DAY)));
        let at_work = Session { status: SessionStatus::Lost, ..ended(None, 0) };
        assert!(!rules(days(1), &[]).is_due(&at_work, at(9 * DAY)));
        assert!(!rules(days(1), &[]).is_due(&Session { completed_at: None, ..ended(None, 0) }, at(9 * DAY)));
    }

    #[test]
    fn the_feed_is_cut_at_the_first_entry_that_stays() {
        let event = |position: u64, second: i64| FleetEvent {
            position: FeedPosition::new(position),
            kind: FleetEventKind::Status,
            session_id: None,
            at: at(second),
            data: JsonObject::default(),
        };
        let oldest = [event(3, 1), event(4, 2), event(5, 9), event(6, 1)];
        let cut = |head, needed: Option<u64>| {
            feed_removal(&oldest, at(5), FeedPosition::new(head), needed.map(FeedPosition::new)).map(FeedPosition::get)
        };
        assert_eq!(cut(9, None), Some(4), "what comes behind one that stays, stays, whatever its time");
        assert_eq!(cut(9, Some(4)), Some(3), "a sink has still to deliver it");
        assert_eq!(cut(9, Some(3)), None);
        assert_eq!(cut(4, None), Some(3), "the newest one stays");
        assert_eq!(feed_removal(&[], at(5), FeedPosition::new(9), None), None);
    }
}
