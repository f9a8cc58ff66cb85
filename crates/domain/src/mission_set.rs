//! The missions that a key is for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::MissionId;

/// The missions whose sessions a key may see and act on: at least one, and at most [`MissionSet::MOST`]. A copy of it
/// shares the names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<MissionId>", into = "Vec<MissionId>")]
pub struct MissionSet(Arc<BTreeSet<MissionId>>);

/// Missions that a key cannot be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMissionSet {
    /// There is none.
    #[error("must name at least one mission; leave it out for a key that is for all missions")]
    Empty,
    /// There are too many.
    #[error("names {0} missions, and at most {most} are allowed", most = MissionSet::MOST)]
    TooMany(usize),
}

impl MissionSet {
    /// The largest number of missions.
    pub const MOST: usize = 50;

    /// Takes the missions; one that is named twice counts once.
    ///
    /// # Errors
    /// There is none, or there are more than [`MissionSet::MOST`].
    pub fn new(missions: impl IntoIterator<Item = MissionId>) -> Result<Self, InvalidMissionSet> {
        let missions: BTreeSet<MissionId> = missions.into_iter().collect();
        match missions.len() {
            0 => Err(InvalidMissionSet::Empty),
            count if count > Self::MOST => Err(InvalidMissionSet::TooMany(count)),
            _ => Ok(Self(Arc::new(missions))),
        }
    }

    /// Whether something of this mission, or of none, belongs to the set. What has no mission does not.
    #[must_use]
    pub fn holds(&self, mission: Option<&MissionId>) -> bool {
        mission.is_some_and(|mission| self.0.contains(mission))
    }

    /// The missions, sorted by name.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &MissionId> {
        self.0.iter()
    }
}

impl TryFrom<Vec<MissionId>> for MissionSet {
    type Error = InvalidMissionSet;

    fn try_from(missions: Vec<MissionId>) -> Result<Self, InvalidMissionSet> {
        Self::new(missions)
    }
}

impl From<MissionSet> for Vec<MissionId> {
    fn from(missions: MissionSet) -> Self {
        missions.iter().cloned().collect()
    }
}

/// The names in quotes, with commas between them.
impl fmt::Display for MissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mission) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{:?}", mission.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for MissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mission(text: &str) -> MissionId {
        MissionId::new(text).expect("valid")
    }

    #[test]
    fn a_set_has_one_to_fifty_missions_each_once() {
        let set = MissionSet::new(["b", "a", "b"].map(mission)).expect("two");
        assert_eq!(set.to_string(), r#""a", "b""#);
        assert!(set.holds(Some(&mission("a"))));
        assert!(!set.holds(Some(&mission("c"))));
        assert!(!set.holds(None), "what has no mission is of none of them");
        assert_eq!(MissionSet::new([]), Err(InvalidMissionSet::Empty));
        let many = |count: usize| MissionSet::new((0..count).map(|n| mission(&n.to_string())));
        assert!(many(50).is_ok());
        assert_eq!(many(51), Err(InvalidMissionSet::TooMany(51)));
    }

    #[test]
    fn it_is_written_as_a_list() {
        let set = MissionSet::new(["b", "a"].map(mission)).expect("two");
        let text = serde_json::to_string(&set).expect("written");
        assert_eq!(text, r#"["a","b"]"#);
        assert_eq!(serde_json::from_str::<MissionSet>(&text).expect("read"), set);
        assert!(serde_json::from_str::<MissionSet>("[]").is_err());
    }
}
