//! The record of one agent at work.

use super::{DesiredStatus, SessionStatus};
use crate::ids::{CommandSeq, Seq, SessionId};
use crate::provider_config::StartedBy;
use crate::text::{
    AgentType, GateProfile, JsonObject, MissionId, ProviderName, ProviderSessionId, Reason, ReplicaName, TaskId,
    TaskSource,
};
use crate::time::Timestamp;

/// One agent at work.
///
/// ```
/// use flightdeck_domain::session::{Admission, Observation, Observed, Registration, SessionStatus, TreeFacts};
/// use flightdeck_domain::text::{JsonObject, ProviderName, TaskSource};
/// use flightdeck_domain::time::Timestamp;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registration = Registration {
///     id: "0197f2a4-0000-7000-8000-000000000001".parse()?,
///     parent_id: None,
///     provider: ProviderName::internal(),
///     provider_session_id: None,
///     replica: None,
///     started_by: None,
///     mission_id: None,
///     task_id: "FD-1".parse()?,
///     task_source: TaskSource::default(),
///     agent_type: "worker".parse()?,
///     status: SessionStatus::Running,
///     gate_profile: None,
///     context: JsonObject::default(),
///     metadata: JsonObject::default(),
///     at: Timestamp::FIRST,
/// };
/// // The rule is asked with the facts of the tree, and gives what is to be written.
/// let Admission::Create { session, .. } = registration.admit(TreeFacts::default())? else { panic!("a new id") };
///
/// let seen = Observation {
///     session_id: session.id,
///     status: SessionStatus::Completed,
///     reason: None,
///     provider_session_id: None,
///     message_id: "0197f2a4-0000-7000-8000-000000000002".parse()?,
///     at: Timestamp::FIRST,
/// };
/// let Observed::Changed(change) = session.observe(&seen)? else { panic!("another status") };
/// assert_eq!(change.message.content.as_str(), "status: running → completed");
/// // An end is final.
/// let again = Observation { status: SessionStatus::Running, ..seen };
/// assert!(change.session.observe(&again).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id, chosen by the client or minted at registration.
    pub id: SessionId,
    /// The session that spawned it; never changes.
    pub parent_id: Option<SessionId>,
    /// The top of its tree; its own id when it has no parent.
    pub root_id: SessionId,
    /// What runs it.
    pub provider: ProviderName,
    /// The provider's own id of the session, once it is known. Several sessions have the same id when a later one
    /// resumes an earlier one.
    pub provider_session_id: Option<ProviderSessionId>,
    /// The replica whose process runs its agent, if several replicas share one database.
    pub replica: Option<ReplicaName>,
    /// The configuration that it was started from, if it was started from one. Heads do not have it.
    pub started_by: Option<StartedBy>,
    /// The mission it belongs to.
    pub mission_id: Option<MissionId>,
    /// The work item.
    pub task_id: TaskId,
    /// Where the work item comes from.
    pub task_source: TaskSource,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Its status: what was last observed.
    pub status: SessionStatus,
    /// Its desired status: what an operator last asked for.
    pub desired_status: DesiredStatus,
    /// The reason for its status, if there is one.
    pub status_reason: Option<Reason>,
    /// The quality gate profile for its work.
    pub gate_profile: Option<GateProfile>,
    /// The context for its work.
    pub context: JsonObject,
    /// Other data that its author wants to keep.
    pub metadata: JsonObject,
    /// The seq of its newest message, which is also the number of its messages.
    pub last_seq: Seq,
    /// The seq of its newest command.
    pub last_command_seq: CommandSeq,
    /// Rises with each change of status, desired status, or the provider's own id.
    pub revision: u64,
    /// When it was registered.
    pub spawned_at: Timestamp,
    /// When it was first observed at work.
    pub started_at: Option<Timestamp>,
    /// When it was observed to have ended.
    pub completed_at: Option<Timestamp>,
    /// When it last gave a sign of life.
    pub last_seen_at: Option<Timestamp>,
    /// While it is lost: its status before, which it gets again when it comes back.
    pub lost_from: Option<SessionStatus>,
}

impl Session {
    /// The largest depth of a tree.
    pub const MAX_DEPTH: usize = 64;
}
