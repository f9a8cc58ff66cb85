//! Hooks: an agent's own runtime calls the server at points where the server can answer.

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
    /// What the call says, in the runtime's own words, as far as it could be read.
    pub body: Map<String, Value>,
    /// Why a part of it could not be read; `None` when all could be read.
    pub unread: Option<String>,
    /// How long the answer may be held back. The agent waits meanwhile.
    pub hold: Duration,
    /// Whether the agent must not continue while the store is not available.
    pub deny_when_away: bool,
    /// The session whose subtree the caller's key is bound to. The agent's sessions have to be in it, and register
    /// below that session.
    pub bound_to: Option<SessionId>,
    /// The mission for a session that this call registers.
    pub mission_id: Option<MissionId>,
    /// The work item for a session that this call registers.
    pub task_id: Option<TaskId>,
}

/// Why a call was not accepted. The agent continues as if it had not called. Therefore a call of a session that an
/// operator has stopped or holds is always answered, whatever is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The call cannot be understood.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The session is outside the subtree that the key is bound to.
    #[error("this key is bound to session {bound_to} and those below it")]
    OutsideSubtree {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// The key may not use the place that the call names for a new session.
    #[error(transparent)]
    Place(#[from] PlaceRefused),
    /// The rules of the tree refuse the session.
    #[error(transparent)]
    Register(RegisterError),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Accepts the hooks of one kind of agent, and answers them. The answer contains what an operator wants.
#[async_trait]
pub trait HookReceiver: Send + Sync {
    /// Records what the call says, and gives the answer in the format of the agent's runtime. A repeated call records
    /// nothing again. Returns at the latest when the hold is over; dropping the future undoes nothing.
    async fn take(&self, call: HookCall) -> Result<Value, HookError>;
}
