//! How a session enters the tree, and when it may not.

use super::{DesiredStatus, Session, SessionStatus};
use crate::feed::FleetEventDraft;
use crate::ids::{CommandSeq, Seq, SessionId};
use crate::provider_config::StartedBy;
use crate::text::{
    AgentType, GateProfile, JsonObject, MissionId, ProviderName, ProviderSessionId, ReplicaName, TaskId, TaskSource,
};
use crate::time::Timestamp;

/// A session that is to enter the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its id. Registering the same id again with the same facts is harmless.
    pub id: SessionId,
    /// The session that spawned it.
    pub parent_id: Option<SessionId>,
    /// What runs it.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub provider_session_id: Option<ProviderSessionId>,
    /// The replica whose process runs its agent, if several replicas share one database.
    pub replica: Option<ReplicaName>,
    /// The configuration that it is started from, if it is started from one.
    pub started_by: Option<StartedBy>,
    /// The mission it belongs to; a child without one inherits its parent's.
    pub mission_id: Option<MissionId>,
    /// The work item.
    pub task_id: TaskId,
    /// Where the work item comes from.
    pub task_source: TaskSource,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Its first status: `spawning` when a provider is to start it, `running` when it reports by itself.
    pub status: SessionStatus,
    /// The quality gate profile for its work.
    pub gate_profile: Option<GateProfile>,
    /// The context for its work.
    pub context: JsonObject,
    /// Other data that its author wants to keep.
    pub metadata: JsonObject,
    /// When it registers.
    pub at: Timestamp,
}

/// What the rules of the tree need to know of a session above the new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Ancestor {
    /// Its id.
    pub id: SessionId,
    /// The top of its tree.
    pub root_id: SessionId,
    /// Its mission.
    pub mission_id: Option<MissionId>,
    /// Its observed status.
    pub status: SessionStatus,
    /// Its desired status.
    pub desired_status: DesiredStatus,
}

impl From<&Session> for Ancestor {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            root_id: session.root_id,
            mission_id: session.mission_id.clone(),
            status: session.status,
            desired_status: session.desired_status,
        }
    }
}

/// The state of the tree around a registration, read in the transaction that writes the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeFacts {
    /// The session that already has the id.
    pub existing: Option<Session>,
    /// The requested parent, its parent, and so on to the top; empty when there is no such parent.
    pub ancestors: Vec<Ancestor>,
    /// Whether the kill switch is engaged.
    pub kill_switch_engaged: bool,
}

/// A registration that the rules allow.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// A new session, to be inserted together with its event.
    Create {
        /// The session.
        session: Box<Session>,
        /// Its first event on the fleet feed.
        event: FleetEventDraft,
    },
    /// The session is in the tree already; nothing is to be written.
    Exists(Box<Session>),
}

/// Why a session may not enter the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefused {
    /// The parent is not in the tree.
    #[error("there is no session {0} to be the parent; register the parent first")]
    UnknownParent(SessionId),
    /// A session cannot be above itself.
    #[error("session {0} cannot be its own parent")]
    ParentIsSelf(SessionId),
    /// The tree would have a loop.
    #[error("session {parent} is a descendant of {session} and cannot be its parent")]
    ParentIsDescendant {
        /// The session that registers.
        session: SessionId,
        /// The parent it named.
        parent: SessionId,
    },
    /// The id belongs to a session with other facts.
    #[error("session {session} is registered already with another {field}, which cannot change")]
    Conflict {
        /// The id.
        session: SessionId,
        /// The first fact that differs, as the API names it.
        field: &'static str,
    },
    /// A session above is a fence.
    #[error("session {0} above it is killed or being killed; nothing may spawn under it")]
    Fenced(SessionId),
    /// The kill switch is engaged.
    #[error("the kill switch is engaged; nothing may spawn until it is released (POST /killswitch/release)")]
    KillSwitchEngaged,
    /// The tree would be too deep.
    #[error("the tree would be deeper than {} levels", Session::MAX_DEPTH)]
    TooDeep,
    /// A session cannot start with this status.
    #[error("a session is registered as spawning or running, not as {0}")]
    NotAnOpeningStatus(SessionStatus),
}

impl Registration {
    /// The statuses that a session can begin with.
    pub const OPENING: [SessionStatus; 2] = [SessionStatus::Spawning, SessionStatus::Running];

    /// Applies the tree rules.
    ///
    /// # Errors
    /// A rule forbids it.
    pub fn admit(self, facts: TreeFacts) -> Result<Admission, RegistrationRefused> {
        if self.parent_id == Some(self.id) {
            return Err(RegistrationRefused::ParentIsSelf(self.id));
        }
        if let Some(existing) = facts.existing {
            return self.repeat(existing, &facts.ancestors);
        }
        let parent = match self.parent_id {
            None => None,
            Some(id) => Some(facts.ancestors.first().ok_or(RegistrationRefused::UnknownParent(id))?),
        };
        if !Self::OPENING.contains(&self.status) {
            return Err(RegistrationRefused::NotAnOpeningStatus(self.status));
        }
        if facts.kill_switch_engaged {
            return Err(RegistrationRefused::KillSwitchEngaged);
        }
        if facts.ancestors.len() >= Session::MAX_DEPTH {
            return Err(RegistrationRefused::TooDeep);
        }
        let fence =
            |above: &&Ancestor| above.status == SessionStatus::Killed || above.desired_status == DesiredStatus::Killed;
        if let Some(above) = facts.ancestors.iter().find(fence) {
            return Err(RegistrationRefused::Fenced(above.id));
        }
        let running = self.status == SessionStatus::Running;
        let session = Session {
            id: self.id,
            parent_id: self.parent_id,
            root_id: parent.map_or(self.id, |parent| parent.root_id),
            provider: self.provider,
            provider_session_id: self.provider_session_id,
            replica: self.replica,
            started_by: self.started_by,
            mission_id: self.mission_id.or_else(|| parent.and_then(|parent| parent.mission_id.clone())),
            task_id: self.task_id,
            task_source: self.task_source,
            agent_type: self.agent_type,
            status: self.status,
            desired_status: DesiredStatus::Running,
            status_reason: None,
            gate_profile: self.gate_profile,
            context: self.context,
            metadata: self.metadata,
            last_seq: Seq::ZERO,
            last_command_seq: CommandSeq::ZERO,
            revision: 1,
            spawned_at: self.at,
            started_at: running.then_some(self.at),
            completed_at: None,
            last_seen_at: running.then_some(self.at),
            lost_from: None,
        };
        let event = FleetEventDraft::spawned(&session);
        Ok(Admission::Create { session: Box::new(session), event })
    }

    /// The same id again: harmless if the facts are the same.
    fn repeat(self, existing: Session, ancestors: &[Ancestor]) -> Result<Admission, RegistrationRefused> {
        if let Some(parent) = self.parent_id.filter(|parent| existing.parent_id != Some(*parent)) {
            if ancestors.iter().any(|above| above.id == self.id) {
                return Err(RegistrationRefused::ParentIsDescendant { session: self.id, parent });
            }
            if ancestors.is_empty() {
                return Err(RegistrationRefused::UnknownParent(parent));
            }
        }
        let inherits_mission = self.mission_id.is_none();
        let differs = [
            ("parentSessionId", self.parent_id != existing.parent_id),
            ("provider", self.provider != existing.provider),
            ("taskId", self.task_id != existing.task_id),
            ("taskSource", self.task_source != existing.task_source),
            ("agentType", self.agent_type != existing.agent_type),
            ("missionId", !inherits_mission && self.mission_id != existing.mission_id),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((field, _)) => Err(RegistrationRefused::Conflict { session: self.id, field }),
            None => Ok(Admission::Exists(Box::new(existing))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{registration, session, session_id};

    fn facts(ancestors: &[&Session]) -> TreeFacts {
        TreeFacts { ancestors: ancestors.iter().map(|s| Ancestor::from(*s)).collect(), ..TreeFacts::default() }
    }

    fn created(result: Result<Admission, RegistrationRefused>) -> Session {
        match result {
            Ok(Admission::Create { session, .. }) => *session,
            other => panic!("not created: {other:?}"),
        }
    }

    #[test]
    fn a_session_without_parent_is_its_own_root() {
        let new = created(registration(1).admit(TreeFacts::default()));
        assert_eq!((new.root_id, new.parent_id, new.last_seq), (session_id(1), None, Seq::ZERO));
    }

    #[test]
    fn a_child_takes_root_and_mission_from_its_parent() {
        let mut parent = session(1);
        parent.mission_id = MissionId::new("apollo").ok();
        let child = Registration { parent_id: Some(parent.id), ..registration(2) };
        let new = created(child.admit(facts(&[&parent])));
        assert_eq!((new.root_id, new.mission_id), (parent.id, parent.mission_id));
    }

    #[test]
    fn an_unknown_parent_is_refused() {
        let child = Registration { parent_id: Some(session_id(9)), ..registration(2) };
        assert_eq!(child.admit(TreeFacts::default()), Err(RegistrationRefused::UnknownParent(session_id(9))));
    }

    #[test]
    fn a_loop_of_any_length_is_refused() {
        let own = Registration { parent_id: Some(session_id(1)), ..registration(1) };
        assert_eq!(own.admit(TreeFacts::default()), Err(RegistrationRefused::ParentIsSelf(session_id(1))));

        let (top, mut middle, mut leaf) = (session(1), session(2), session(3));
        middle.parent_id = Some(top.id);
        leaf.parent_id = Some(middle.id);
        let looped = Registration { parent_id: Some(leaf.id), ..registration(1) };
        let facts = TreeFacts { existing: Some(top.clone()), ..facts(&[&leaf, &middle, &top]) };
        let refused = RegistrationRefused::ParentIsDescendant { session: top.id, parent: leaf.id };
        assert_eq!(looped.admit(facts), Err(refused));
    }

    #[test]
    fn nothing_spawns_below_a_killed_or_dying_session() {
        for (status, desired_status) in
            [(SessionStatus::Killed, DesiredStatus::Running), (SessionStatus::Running, DesiredStatus::Killed)]
        {
            let top = Session { status, desired_status, ..session(1) };
            let mut middle = session(2);
            middle.parent_id = Some(top.id);
            let child = Registration { parent_id: Some(middle.id), ..registration(3) };
            assert_eq!(child.admit(facts(&[&middle, &top])), Err(RegistrationRefused::Fenced(top.id)));
        }
    }

    #[test]
    fn nothing_spawns_while_the_kill_switch_is_engaged() {
        let facts = TreeFacts { kill_switch_engaged: true, ..TreeFacts::default() };
        assert_eq!(registration(1).admit(facts), Err(RegistrationRefused::KillSwitchEngaged));
    }

    #[test]
    fn the_same_again_is_harmless_and_other_facts_are_a_conflict() {
        let existing = created(registration(1).admit(TreeFacts::default()));
        let facts = TreeFacts { existing: Some(existing.clone()), kill_switch_engaged: true, ..TreeFacts::default() };
        assert_eq!(registration(1).admit(facts.clone()), Ok(Admission::Exists(Box::new(existing))));

        let other = Registration { task_id: TaskId::new("other").expect("valid"), ..registration(1) };
        let conflict = RegistrationRefused::Conflict { session: session_id(1), field: "taskId" };
        assert_eq!(other.admit(facts), Err(conflict));
    }

    #[test]
    fn the_tree_has_a_floor() {
        let chain: Vec<Session> =
            (0..Session::MAX_DEPTH).map(|n| session(u128::try_from(n).expect("small") + 10)).collect();
        let child = Registration { parent_id: Some(chain[0].id), ..registration(1) };
        assert_eq!(child.admit(facts(&chain.iter().collect::<Vec<_>>())), Err(RegistrationRefused::TooDeep));
    }

    #[test]
    fn nobody_is_born_paused() {
        let odd = Registration { status: SessionStatus::Paused, ..registration(1) };
        assert_eq!(
            odd.admit(TreeFacts::default()),
            Err(RegistrationRefused::NotAnOpeningStatus(SessionStatus::Paused))
        );
    }
}
