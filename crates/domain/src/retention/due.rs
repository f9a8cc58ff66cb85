//! Which sessions are due.

use crate::ids::SessionId;
use crate::session::Session;
use crate::time::Timestamp;

/// A place in the order of ended sessions: by the time of the end, equal times by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedPlace {
    /// When the session at the place ended.
    pub ended_at: Timestamp,
    /// Its id.
    pub id: SessionId,
}

/// Sessions whose conversations are due, those that ended first before the others.
#[derive(Clone, Debug, PartialEq)]
pub struct DuePage {
    /// Their heads.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` when this was the last. A page may be empty and not the last.
    pub next: Option<EndedPlace>,
}
