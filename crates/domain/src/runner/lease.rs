//! What runners ask for.

use super::{Assignment, Fence, Heard, Runner, RunnerName};
use crate::ids::SessionId;
use crate::time::Timestamp;

/// A runner asks for assignments, and gives a sign of life by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Who.
    pub heard: Heard,
    /// How many it takes at most.
    pub most: usize,
}

impl LeaseRequest {
    /// The most assignments that one request is given.
    pub const MOST: usize = 100;
}

/// What a runner is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// The runner as it stands.
    pub runner: Runner,
    /// The assignments, each with its own token.
    pub assignments: Vec<Assignment>,
}

/// A runner confirms that it starts an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRequest {
    /// The runner.
    pub runner: RunnerName,
    /// The session.
    pub session_id: SessionId,
    /// The token of its lease.
    pub fence: Fence,
    /// The time.
    pub at: Timestamp,
}

/// Why a runner has no right to an assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentRefused {
    /// There is none for this session.
    #[error("session {0} is not assigned to a runner")]
    Unknown(SessionId),
    /// It is over: the session has ended, or was given up.
    #[error("the assignment of session {0} is over; end its agent")]
    Ended(SessionId),
    /// Another lease is newer, or the start was not confirmed.
    #[error("token {fence} is not that of the runner that runs session {session}; do not start its agent, or end it")]
    Fenced {
        /// The session.
        session: SessionId,
        /// The token that was shown.
        fence: Fence,
        /// The newest token.
        current: Fence,
    },
}
