//! Spans, and what ends them.

use super::ids::{SpanId, TraceId};
use crate::feed::{FleetEvent, FleetEventKind};
use crate::ids::Seq;
use crate::session::SessionStatus;
use crate::time::Timestamp;

/// Something that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The tree that it belongs to.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span around it.
    pub parent: Option<SpanId>,
    /// What it is, in few different words.
    pub name: String,
    /// When it began.
    pub begin: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// How it ended, if that is known.
    pub end_state: EndState,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, Value)>,
}

/// How something ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndState {
    /// It is not known.
    #[default]
    Unknown,
    /// Well.
    Good,
    /// Badly; the word for it.
    Bad(&'static str),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// An amount.
    Amount(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The part of a conversation that an event ends, by the places of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The status that the session came to.
    pub status: SessionStatus,
    /// The place of the message that tells of it.
    pub until: Seq,
    /// When.
    pub at: Timestamp,
}

impl Ended {
    /// What an event ends: a turn, or a session.
    #[must_use]
    pub fn by(event: &FleetEvent) -> Option<Self> {
        let map = event.data.as_map();
        let status: SessionStatus = map.get("status")?.as_str()?.parse().ok()?;
        let until = Seq::new(map.get("seq")?.as_u64()?);
        let ends = event.kind == FleetEventKind::Status && is_end(status);
        ends.then_some(Self { status, until, at: event.at })
    }

    /// Whether the session is over, as far as anybody knows.
    #[must_use]
    pub fn is_of_session(&self) -> bool {
        self.status != SessionStatus::Idle
    }
}

/// Whether a turn is over in this status.
pub(super) const fn is_end(status: SessionStatus) -> bool {
    status.is_terminal() || matches!(status, SessionStatus::Idle | SessionStatus::Lost)
}
