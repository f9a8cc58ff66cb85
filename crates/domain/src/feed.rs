//! The fleet feed: one durable order of everything that happened to sessions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{FeedPosition, Seq, SessionId};
use crate::text::{JsonObject, MissionId};
use crate::time::Timestamp;

/// What an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FleetEventKind {
    /// A session entered the tree.
    #[serde(rename = "spawned")]
    Spawned,
    /// A session was seen in another status.
    #[serde(rename = "status")]
    Status,
    /// An operator stepped in.
    #[serde(rename = "action")]
    Action,
    /// A command's receipt moved.
    #[serde(rename = "receipt")]
    Receipt,
    /// A permission request was opened, decided, or expired.
    #[serde(rename = "approval")]
    Approval,
    /// The kill switch was engaged or released.
    #[serde(rename = "killswitch")]
    KillSwitch,
    /// An operation began, or nothing of it is open any more.
    #[serde(rename = "operation")]
    Operation,
}

/// A word that names no kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of fleet event; use spawned, status, action, receipt, approval, killswitch or operation")]
pub struct UnknownEventKind(pub String);

impl FleetEventKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Spawned, Self::Status, Self::Action, Self::Receipt, Self::Approval, Self::KillSwitch, Self::Operation];

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

/// An event that is to get its place on the feed, in the transaction of the change that it tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetEventDraft {
    /// What it tells of.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// When it happened.
    pub at: Timestamp,
    /// The particulars, in API names.
    pub data: JsonObject,
}

/// An event with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetEvent {
    /// Its place.
    pub position: FeedPosition,
    /// What it tells of.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// When it happened.
    pub at: Timestamp,
    /// The particulars, in API names.
    pub data: JsonObject,
}

/// What an event is about: as much as tells who wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSubject {
    /// What it tells of.
    pub kind: FleetEventKind,
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<SessionId>,
    /// Where the session stands, when this is its spawning.
    pub spawned: Option<SpawnedSubject>,
}

/// Where a new session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnedSubject {
    /// The session that spawned it.
    pub parent_id: Option<SessionId>,
    /// The mission it belongs to.
    pub mission_id: Option<MissionId>,
}

impl FleetEvent {
    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> FeedSubject {
        let word = |name| self.data.as_map().get(name).and_then(serde_json::Value::as_str);
        let spawned = (self.kind == FleetEventKind::Spawned).then(|| SpawnedSubject {
            parent_id: word("parentSessionId").and_then(|id| id.parse().ok()),
            mission_id: word("missionId").and_then(|id| MissionId::new(id).ok()),
        });
        FeedSubject { kind: self.kind, session_id: self.session_id, spawned }
    }
}

impl FleetEvent {
    /// For the receipt of an operator's message: where the message stands in its conversation.
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

    /// An event; its constructors stand with the nouns that they tell of.
    pub(crate) fn new(
        kind: FleetEventKind,
        session_id: Option<SessionId>,
        at: Timestamp,
        data: serde_json::Value,
    ) -> Self {
        Self { kind, session_id, at, data: JsonObject::trusted(data) }
    }
}
