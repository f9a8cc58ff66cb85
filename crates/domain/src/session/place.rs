//! The place of a session in the tree, and where a bound key may put one.

use super::Session;
use crate::ids::SessionId;
use crate::text::MissionId;

/// The place of a session. It decides which accounts its usage counts for, and whose stop includes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPlace {
    /// The session directly above it; `None` at the top of a tree.
    pub parent_id: Option<SessionId>,
    /// The mission it belongs to. `None`: the mission of its parent, or none without a parent.
    pub mission_id: Option<MissionId>,
}

impl From<&Session> for SessionPlace {
    fn from(session: &Session) -> Self {
        Self { parent_id: session.parent_id, mission_id: session.mission_id.clone() }
    }
}

/// A place at which a bound key may not put a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefused {
    /// The key's own session has another parent.
    #[error(
        "parentAgentId: session {session} is {}, which was fixed when this key was made; leave parentAgentId out, or use a key \
         for another place (flightdeck keys create --role agent --session ID --parent ID)",
        below(.fixed.as_ref())
    )]
    OwnParent {
        /// The session that the key is bound to.
        session: SessionId,
        /// The parent that it has or is to have.
        fixed: Option<SessionId>,
    },
    /// The key's own session has another mission.
    #[error(
        "missionId: session {session} {}, which was fixed when this key was made; leave missionId out, or use a key for another \
         mission (flightdeck keys create --role agent --session ID --mission NAME)",
        belongs(.fixed.as_ref())
    )]
    OwnMission {
        /// The session that the key is bound to.
        session: SessionId,
        /// The mission that it has or is to have.
        fixed: Option<MissionId>,
    },
    /// A session below the key's own is on the mission of the one above it.
    #[error(
        "missionId: a session below {parent} {}; leave missionId out, a session that this key registers takes the mission of \
         its parent",
        belongs(.inherited.as_ref())
    )]
    ChildMission {
        /// The parent of the session that registers.
        parent: SessionId,
        /// The mission that it takes.
        inherited: Option<MissionId>,
    },
}

impl PlaceRefused {
    /// The field at fault, as the API names it.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::OwnParent { .. } => "parentAgentId",
            Self::OwnMission { .. } | Self::ChildMission { .. } => "missionId",
        }
    }
}

fn below(parent: Option<&SessionId>) -> String {
    parent.map_or_else(|| "below no other session".to_owned(), |parent| format!("below session {parent}"))
}

fn belongs(mission: Option<&MissionId>) -> String {
    mission.map_or_else(
        || "belongs to no mission".to_owned(),
        |mission| format!("belongs to the mission {:?}", mission.as_str()),
    )
}

impl SessionPlace {
    /// The place of the session that a key is bound to: this place, whether the key names it or not.
    ///
    /// # Errors
    /// The key names another place.
    pub fn of_own(&self, session: SessionId, asked: &Self) -> Result<Self, PlaceRefused> {
        if asked.parent_id.is_some() && asked.parent_id != self.parent_id {
            return Err(PlaceRefused::OwnParent { session, fixed: self.parent_id });
        }
        if asked.mission_id.is_some() && asked.mission_id != self.mission_id {
            return Err(PlaceRefused::OwnMission { session, fixed: self.mission_id.clone() });
        }
        Ok(self.clone())
    }

    /// Whether a bound key may name this mission for a session below `parent`. It may name that of the parent, which
    /// the session gets anyway, or that of the key's own session, whose place `self` is.
    ///
    /// # Errors
    /// It is another mission.
    pub fn of_child(
        &self,
        parent: SessionId,
        inherited: Option<&MissionId>,
        asked: Option<&MissionId>,
    ) -> Result<(), PlaceRefused> {
        let allowed = asked.is_none() || asked == inherited || asked == self.mission_id.as_ref();
        if allowed { Ok(()) } else { Err(PlaceRefused::ChildMission { parent, inherited: inherited.cloned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::session_id;

    fn place(parent: Option<u128>, mission: Option<&str>) -> SessionPlace {
        SessionPlace {
            parent_id: parent.map(session_id),
            mission_id: mission.and_then(|text| MissionId::new(text).ok()),
        }
    }

    #[test]
    fn a_key_says_its_own_place_or_nothing() {
        let fixed =
            [place(None, None), place(Some(2), None), place(None, Some("apollo")), place(Some(2), Some("apollo"))];
        for own in fixed {
            for (parent, mission) in [(None, None), (own.parent_id, None), (None, own.mission_id.clone())] {
                let asked = SessionPlace { parent_id: parent, mission_id: mission };
                assert_eq!(own.of_own(session_id(1), &asked), Ok(own.clone()), "{own:?} {asked:?}");
            }
            assert_eq!(own.of_own(session_id(1), &own), Ok(own.clone()));
            for (asked, field) in [
                (place(Some(9), None), "parentAgentId"),
                (place(Some(9), Some("gemini")), "parentAgentId"),
                (place(None, Some("gemini")), "missionId"),
                (SessionPlace { parent_id: own.parent_id, ..place(None, Some("gemini")) }, "missionId"),
            ] {
                let refused = own.of_own(session_id(1), &asked).expect_err("another place");
                assert_eq!(refused.field(), field, "{own:?} {asked:?}");
                assert!(refused.to_string().starts_with(field), "{refused}");
            }
        }
    }

    #[test]
    fn a_child_is_on_the_mission_above_it_or_on_that_of_the_key() {
        let own = place(None, Some("apollo"));
        let named = |text| MissionId::new(text).expect("valid");
        let other = named("gemini");
        for inherited in [None, Some(&other)] {
            for asked in [None, inherited, own.mission_id.as_ref()] {
                assert_eq!(own.of_child(session_id(2), inherited, asked), Ok(()), "{inherited:?} {asked:?}");
            }
            let foreign = named("mercury");
            let refused = own.of_child(session_id(2), inherited, Some(&foreign)).expect_err("a foreign mission");
            assert_eq!(refused.field(), "missionId");
        }
    }
}
