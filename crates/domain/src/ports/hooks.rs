//! Hooks: an agent's own runtime calls at points where it can be answered.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{RegisterError, StoreUnavailable};
use crate::ids::SessionId;
use crate::session::PlaceRefused;
use crate::text::{MissionId, TaskId};

/// One call of an agent's runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct HookCall {
    /// What it says, in its own words; what could be read of it.
    pub body: Map<String, Value>,
    /// Why not all of it could be read; `None` when all could.
    pub unread: Option<String>,
    /// How long the answer may be held back: while it is, the agent does not go on.
    pub hold: Duration,
    /// While the store cannot be asked, the agent does not do what it is about to do.
    pub deny_when_away: bool,
    /// The session whose subtree the caller's key is bound to: the agent's sessions are, and register, below it.
    pub bound_to: Option<SessionId>,
    /// The mission for a session that registers by this call.
    pub mission_id: Option<MissionId>,
    /// The work item for a session that registers by this call.
    pub task_id: Option<TaskId>,
}

/// Why a call was not taken in. The agent goes on as if nobody had been asked: so a call of a session that an operator has
/// stopped or holds is answered, whatever is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The session is outside of the subtree that the key is bound to.
    #[error("this key is bound to session {bound_to} and those below it")]
    OutsideSubtree {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// The place that it names for a new session is not one for the key.
    #[error(transparent)]
    Place(#[from] PlaceRefused),
    /// Its session may not enter the tree.
    #[error(transparent)]
    Register(RegisterError),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Takes in the hooks of one kind of agent, and answers them: what an operator wants goes back with the answer.
#[async_trait]
pub trait HookReceiver: Send + Sync {
    /// Writes down what the call tells, and gives the answer in the words of the agent's runtime. The same call again writes
    /// nothing again. Returns at the latest when the hold is over; dropping it takes nothing back.
    async fn take(&self, call: HookCall) -> Result<Value, HookError>;
}
