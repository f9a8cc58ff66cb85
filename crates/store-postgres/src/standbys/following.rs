//! How far a standby is, and whether it follows the history that the primary has.
//!
//! The time since the standby replayed its last commit says little: it grows while the primary has nothing to do, and it
//! compares the clocks of two machines. So places in the write-ahead log are compared. Now and then the primary is asked for
//! its place. A standby that has replayed up to a place has everything that was committed when the primary was asked, and
//! the time since then is measured here.
//!
//! A place alone does not tell whose history it is. After a failover, a standby that still follows the old primary may be
//! further than the new one, with messages that are lost. So the standby also has to have the epoch of the primary and, for
//! each server that ever left a mark there, one that the primary had lately; after the primary's timeline has changed, at
//! least one that was left since then.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use flightdeck_store_sql::values::Id;

/// Where the primary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrimaryPosition {
    /// It changes with each promotion.
    pub(crate) timeline: String,
    /// The end of its write-ahead log, in bytes.
    pub(crate) written: i64,
    pub(crate) epoch: Option<i64>,
    pub(crate) marks: Vec<Id>,
}

/// Where a standby is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StandbyPosition {
    /// How far it has replayed; `None` for a server that is no standby.
    pub(crate) replayed: Option<i64>,
    pub(crate) epoch: Option<i64>,
    pub(crate) marks: Vec<Id>,
}

/// Why a standby is not to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it takes writes of its own, so it is no standby")]
    NoStandby,
    #[error("it has another epoch, or other marks than servers left in the database")]
    OtherHistory,
    #[error("it is too far behind")]
    Behind,
}

/// What is known of one standby and its primary.
#[derive(Debug)]
pub(crate) struct Following {
    bound: Duration,
    timeline: Option<String>,
    epoch: Option<i64>,
    /// How many servers have a mark there.
    servers: usize,
    /// When the primary was asked, and where it was then; none that is older than the bound.
    places: VecDeque<(Instant, i64)>,
    /// The marks that prove nothing: they were there before this timeline.
    old_marks: HashSet<Id>,
    /// The others that were there, and when they were seen last.
    marks: HashMap<Id, Instant>,
}

impl Following {
    /// For a standby that may be behind by at most so much.
    pub(crate) fn new(bound: Duration) -> Self {
        let (timeline, epoch, servers) = (None, None, 0);
        let (places, old_marks, marks) = (VecDeque::new(), HashSet::new(), HashMap::new());
        Self { bound, timeline, epoch, servers, places, old_marks, marks }
    }

    /// Notes where the primary is. `asked` is the time before it was asked.
    pub(crate) fn note(&mut self, asked: Instant, at: PrimaryPosition) {
        let went_back = self.places.back().is_some_and(|(_, written)| *written > at.written);
        if went_back || self.timeline.as_ref().is_some_and(|timeline| *timeline != at.timeline) {
            self.places.clear();
            self.marks.clear();
            self.old_marks = at.marks.iter().copied().collect();
        }
        self.timeline = Some(at.timeline);
        self.servers = at.marks.len();
        self.epoch = at.epoch;
        let is_new = |mark: &&Id| !self.old_marks.contains(*mark);
        self.marks.extend(at.marks.iter().filter(is_new).map(|mark| (*mark, asked)));
        // A standby within the bound has a mark that was seen within it, or is the next.
        let bound = self.bound.saturating_mul(2);
        self.marks.retain(|_, seen| asked.saturating_duration_since(*seen) <= bound);
        self.places.push_back((asked, at.written));
        while self.places.front().is_some_and(|(at, _)| asked.saturating_duration_since(*at) > self.bound) {
            self.places.pop_front();
        }
    }

    /// The moment since which nothing of the primary is missing, as far as is known, for a standby that was there before
    /// the primary was noted last.
    ///
    /// # Errors
    /// It is not to be read.
    pub(crate) fn as_of(&self, standby: &StandbyPosition) -> Result<Instant, Unfit> {
        let replayed = standby.replayed.ok_or(Unfit::NoStandby)?;
        if standby.epoch == self.epoch && self.proves(&standby.marks) {
            let reached = self.places.iter().rev().find(|(_, written)| *written <= replayed);
            return reached.map(|(asked, _)| *asked).ok_or(Unfit::Behind);
        }
        // What is behind may lack what is new: that is told as what it is.
        let reached = self.places.front().is_some_and(|(_, written)| *written <= replayed);
        Err(if reached { Unfit::OtherHistory } else { Unfit::Behind })
    }

    fn proves(&self, marks: &[Id]) -> bool {
        let is_known = |mark: &Id| self.marks.contains_key(mark) || self.old_marks.contains(mark);
        let is_new = self.old_marks.is_empty() || marks.iter().any(|mark| self.marks.contains_key(mark));
        marks.len() == self.servers && marks.iter().all(is_known) && is_new
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::epoch::StoreMark;
    use flightdeck_store_sql::values::Key as _;
    use uuid::Uuid;

    use super::*;

    const BOUND: Duration = Duration::from_secs(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn mark(number: u128) -> Id {
        StoreMark::new(Uuid::from_u128(number)).key()
    }

    fn primary(written: i64, marks: &[u128]) -> PrimaryPosition {
        let marks = marks.iter().map(|number| mark(*number)).collect();
        PrimaryPosition { timeline: "00000001".to_owned(), written, epoch: Some(7), marks }
    }

    fn standby(replayed: i64, marks: &[u128]) -> StandbyPosition {
        let marks = marks.iter().map(|number| mark(*number)).collect();
        StandbyPosition { replayed: Some(replayed), epoch: Some(7), marks }
    }

    #[test]
    fn a_standby_is_as_new_as_the_newest_place_that_it_has_passed() {
        let (mut following, start) = (Following::new(BOUND), Instant::now());
        assert_eq!(following.as_of(&standby(9, &[])), Err(Unfit::Behind), "nothing is known of the primary");
        for second in 0..4 {
            following.note(start + SECOND * second, primary(i64::from(second) * 100, &[]));
        }
        assert_eq!(following.as_of(&standby(150, &[])), Ok(start + SECOND));
        assert_eq!(following.as_of(&standby(200, &[])), Ok(start + SECOND * 2));
        assert_eq!(following.as_of(&standby(999, &[])), Ok(start + SECOND * 3));
        // An idle primary stays where it is, and its standby is up to date.
        following.note(start + SECOND * 60, primary(300, &[]));
        assert_eq!(following.as_of(&standby(300, &[])), Ok(start + SECOND * 60));
        assert_eq!(following.as_of(&standby(299, &[])), Err(Unfit::Behind), "what was a minute ago is no use");
    }

    #[test]
    fn a_server_that_takes_writes_is_no_standby() {
        let mut following = Following::new(BOUND);
        following.note(Instant::now(), primary(1, &[]));
        let promoted = StandbyPosition { replayed: None, ..standby(1, &[]) };
        assert_eq!(following.as_of(&promoted), Err(Unfit::NoStandby));
    }

    #[test]
    fn another_epoch_or_other_marks_are_another_history() {
        let (mut following, start) = (Following::new(BOUND), Instant::now());
        following.note(start, primary(100, &[1, 2]));
        assert_eq!(following.as_of(&standby(100, &[1, 2])), Ok(start));
        // One server has exchanged its mark.
        following.note(start + SECOND, primary(200, &[1, 3]));
        assert_eq!(following.as_of(&standby(100, &[1, 2])), Ok(start), "it is only behind");
        assert_eq!(following.as_of(&standby(200, &[1, 3])), Ok(start + SECOND));
        // A server that is gone for good leaves its mark in every history.
        for other in [&[][..], &[1], &[1, 9], &[8, 9], &[1, 2, 3]] {
            assert_eq!(following.as_of(&standby(300, other)), Err(Unfit::OtherHistory), "{other:?}");
        }
        assert_eq!(following.as_of(&standby(99, &[1, 9])), Err(Unfit::Behind));
        let restored = StandbyPosition { epoch: Some(8), ..standby(300, &[1, 3]) };
        assert_eq!(following.as_of(&restored), Err(Unfit::OtherHistory));
        assert_eq!(following.as_of(&StandbyPosition { epoch: None, ..restored }), Err(Unfit::OtherHistory));
        // A mark that was exchanged long ago proves nothing.
        following.note(start + SECOND * 60, primary(300, &[1, 3]));
        assert_eq!(following.as_of(&standby(300, &[1, 2])), Err(Unfit::OtherHistory));
    }

    #[test]
    fn after_a_promotion_a_standby_has_to_prove_that_it_follows_the_new_primary() {
        let (mut following, start) = (Following::new(BOUND), Instant::now());
        following.note(start, primary(500, &[1]));
        let promoted = |written, marks| PrimaryPosition { timeline: "00000002".to_owned(), ..primary(written, marks) };
        following.note(start + SECOND, promoted(400, &[1]));
        // It has what the old primary wrote, and is further than the new one.
        assert_eq!(following.as_of(&standby(500, &[1])), Err(Unfit::OtherHistory));
        following.note(start + SECOND * 2, promoted(600, &[2]));
        assert_eq!(following.as_of(&standby(700, &[1])), Err(Unfit::OtherHistory));
        assert_eq!(following.as_of(&standby(600, &[2])), Ok(start + SECOND * 2));
    }

    #[test]
    fn a_primary_that_went_back_is_another_one_without_a_new_timeline() {
        let (mut following, start) = (Following::new(BOUND), Instant::now());
        following.note(start, primary(500, &[1]));
        following.note(start + SECOND, primary(400, &[1]));
        assert_eq!(following.as_of(&standby(500, &[1])), Err(Unfit::OtherHistory));
    }
}
