//! The fleet in numbers, at one moment.

use std::collections::BTreeMap;

use crate::ids::FeedPosition;
use crate::runner::AssignmentState;
use crate::session::SessionStatus;
use crate::time::Timestamp;

/// Things that wait to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many there are.
    pub count: u64,
    /// When the oldest of them began; `None` when there is none.
    pub oldest: Option<Timestamp>,
}

/// The fleet in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetSurvey {
    /// How many sessions have each status; those that no session has may be missing.
    pub sessions: BTreeMap<SessionStatus, u64>,
    /// The permission requests that nobody has decided.
    pub approvals: Waiting,
    /// The operations of which something is still open.
    pub operations: Waiting,
    /// How many assignments of runners wait, are leased and are started.
    pub assignments: BTreeMap<AssignmentState, u64>,
    /// The newest event of the fleet feed.
    pub feed_head: FeedPosition,
    /// How large the store is, in bytes; `None` for one that is not on a disk.
    pub store_bytes: Option<u64>,
}
