//! The fleet feed: the one durable order of all events of the fleet.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{FeedPosition, Seq, SessionId};
use crate::text::{JsonObject, MissionId};
use crate::time::Timestamp;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FleetEventKind {
    /// A session entered the tree.
    #[serde(rename = "spawned")]
    Spawned,
    /// A session was observed in another status.
    #[serde(rename = "status")]
    Status,
    /// An operator stepped in.
    #[serde(rename = "action")]
    Action,
    /// A command's receipt changed.
    #[serde(rename = "receipt")]
    Receipt,
    /// A permission request was opened, decided, or expired.
    #[serde(rename = "approval")]
    Approval,
    /// The kill switch was engaged or released.
    #[serde(rename = "killswitch")]
    KillSwitch,
    /// A budget is almost used up.
    #[serde(rename = "budget")]
    Budget,
    /// An operation began, or has no open target any more.
    #[serde(rename = "operation")]
    Operation,
}

/// A word that is not a kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no kind of fleet event; use spawned, status, action, receipt, approval, killswitch, budget or operation"
)]
pub struct UnknownEventKind(pub String);

impl FleetEventKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Spawned,
        Self::Status,
        Self::Action,
        Self::Receipt,
        Self::Approval,
        Self::KillSwitch,
        Self::Budget,
        Self::Operation,
    ];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spawned => "spawned",
            Self::Status => "status",
            Self::Action => "action",
            Self::Receipt => "receipt",
            Self::Approval => "approval",
            Self::KillSwitch => "killswitch",
            Self::Budget => "budget",
            Self::Operation => "operation",
        }
    }
}

impl fmt::Display for FleetEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FleetEventKind {
    type Err = UnknownEventKind;

    fn from_str(word: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownEventKind(word.to_owned()))
    }
}

/// An event before it has its place on the feed; it gets the place in the transaction of the change that it reports.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetEventDraft {
    /// Its kind.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// When it happened.
    pub at: Timestamp,
    /// The details, with the names of the API.
    pub data: JsonObject,
}

/// An event with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetEvent {
    /// Its place.
    pub position: FeedPosition,
    /// Its kind.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// When it happened.
    pub at: Timestamp,
    /// The details, with the names of the API.
    pub data: JsonObject,
}

/// The subject of an event: enough to decide which readers want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSubject {
    /// Its kind.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// The place of the session in the tree, if the event is its spawning.
    pub spawned: Option<SpawnedSubject>,
    /// The mission, if the event is about a mission as a whole.
    pub mission_id: Option<MissionId>,
}

/// The place of a new session in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnedSubject {
    /// The session that spawned it.
    pub parent_id: Option<SessionId>,
    /// The mission it belongs to.
    pub mission_id: Option<MissionId>,
}

impl FleetEvent {
    /// The subject of the event.
    #[must_use]
    pub fn subject(&self) -> FeedSubject {
        let word = |name| self.data.as_map().get(name).and_then(serde_json::Value::as_str);
        let mission = || word("missionId").and_then(|id| MissionId::new(id).ok());
        let spawned = (self.kind == FleetEventKind::Spawned).then(|| SpawnedSubject {
            parent_id: word("parentSessionId").and_then(|id| id.parse().ok()),
            mission_id: mission(),
        });
        let mission_id = mission().filter(|_| self.session_id.is_none());
        FeedSubject { kind: self.kind, session_id: self.session_id, spawned, mission_id }
    }
}

impl FleetEvent {
    /// For the receipt of an operator's message: the place of the message in its conversation.
    #[must_use]
    pub fn message_seq(&self) -> Option<Seq> {
        let command = self.data.as_map().get("command")?;
        command.get("messageSeq").and_then(serde_json::Value::as_u64).map(Seq::new)
    }
}

impl FleetEventDraft {
    /// Gives it its place.
    #[must_use]
    pub fn at_position(self, position: FeedPosition) -> FleetEvent {
        FleetEvent { position, kind: self.kind, session_id: self.session_id, at: self.at, data: self.data }
    }

    /// Makes an event. The public constructors are with the nouns that they report on.
    pub(crate) fn new(
        kind: FleetEventKind,
        session_id: Option<SessionId>,
        at: Timestamp,
        data: serde_json::Value,
    ) -> Self {
        Self { kind, session_id, at, data: JsonObject::trusted(data) }
    }
}
