//! An operator steps in on many sessions at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Opened, Operation, OperationTarget, Scope, Tally, TargetOutcome, Wish};
use crate::action::{ActionRefused, Attribution, Effects, Fingerprint, Intervention, OperatorAction};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::command::Command;
use crate::ids::{OperationId, SessionId};
use crate::session::{DesiredStatus, Session};
use crate::text::Reason;

/// How far an action reaches from the session that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To all sessions below it.
    Subtree,
    /// To all sessions of its mission.
    Mission,
}

/// A word that is not a reach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} reaches nobody; use subtree or mission")]
pub struct UnknownReach(pub String);

impl Reach {
    /// Every reach.
    pub const ALL: [Self; 2] = [Self::Subtree, Self::Mission];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subtree => "subtree",
            Self::Mission => "mission",
        }
    }
}

impl FromStr for Reach {
    type Err = UnknownReach;

    fn from_str(word: &str) -> Result<Self, UnknownReach> {
        Self::ALL.into_iter().find(|reach| reach.as_str() == word).ok_or_else(|| UnknownReach(word.to_owned()))
    }
}

/// An action of an operator on a session and those around it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedAction {
    /// The id for the operation.
    pub operation: OperationId,
    /// The session that is named.
    pub session_id: SessionId,
    /// How far it reaches from that session.
    pub reach: Reach,
    /// The wish.
    pub wish: Wish,
    /// For an interrupt: also take back the messages that wait.
    pub drop_queued: bool,
    /// Who asks, and why.
    pub by: Attribution,
}

/// A session of the scope that has not ended, with what the decision needs of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The session. Its context and metadata are not used.
    pub session: Session,
    /// How many sessions are above it.
    pub depth: u64,
    /// The commands that the intervention [concerns](Intervention::concerns).
    pub commands: Vec<Command>,
}

/// Everything that an accepted scoped action writes.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedEffects {
    /// The named session, if it has ended and a kill still makes it a fence: nothing may spawn below it.
    pub fence: Option<Session>,
    /// What is to be written for each session that gets the wish.
    pub sessions: Vec<Effects>,
    /// The operation.
    pub opened: Opened,
    /// The one audit entry of the whole action; `None` when it is in the spool.
    pub audit: Option<AuditDraft>,
}

impl ScopedAction {
    /// The scope of the action.
    ///
    /// # Errors
    /// There is no such session, or it has no mission. The refusal goes to the audit log, see [`ScopedAction::refuse`].
    pub fn scope(&self, named: Option<&Session>) -> Result<Scope, ActionRefused> {
        let session = named.ok_or(ActionRefused::UnknownSession(self.session_id))?;
        match self.reach {
            Reach::Subtree => Ok(Scope::Subtree(session.id)),
            Reach::Mission => {
                session.mission_id.clone().map(Scope::Mission).ok_or(ActionRefused::NoMission(session.id))
            }
        }
    }

    /// The audit entry of a refusal.
    #[must_use]
    pub fn refuse(&self, refused: &ActionRefused) -> Option<AuditDraft> {
        let mut details = self.details();
        details.insert("refusal".to_owned(), refused.to_string());
        self.by.entry(self.wish.name(), AuditTarget::Session(self.session_id), AuditOutcome::Refused, details)
    }

    /// What the call asks for, independent of its time.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let target = AuditTarget::Session(self.session_id);
        Fingerprint::of(self.wish.name(), &target, self.by.reason.as_ref(), &self.details())
    }

    /// Decides the action. A store calls this with every session of the scope that has not ended. It reads them under
    /// the lock under which it writes the result.
    #[must_use]
    pub fn decide(&self, named: &Session, scope: Scope, members: &[Member]) -> ScopedEffects {
        let (mut sessions, mut targets) = (Vec::new(), Vec::new());
        for member in members {
            match self.on(member.session.id).decide(Some(&member.session), &member.commands).outcome {
                Ok(effects) => {
                    targets.push(self.target(member, effects.command.as_ref()));
                    sessions.push(*effects);
                }
                Err(refused) => {
                    let reason = Reason::trusted(refused.to_string());
                    let outcome = Some(TargetOutcome::Refused { reason });
                    targets.push(OperationTarget { outcome, observed_at: None, ..self.target(member, None) });
                }
            }
        }
        let operation = Operation::begin(self.operation, self.wish, scope, &self.by, Tally::of(&targets));
        let mut details = self.details();
        details.insert("operationId".to_owned(), self.operation.to_string());
        details.insert("total".to_owned(), operation.tally.total.to_string());
        if let Some(mission) = operation.scope.mission_id() {
            details.insert("missionId".to_owned(), mission.to_string());
        }
        let target = AuditTarget::Session(self.session_id);
        let audit = self.by.entry(self.wish.name(), target, AuditOutcome::Accepted, details);
        ScopedEffects { fence: self.fence(named), sessions, opened: Opened { operation, targets }, audit }
    }

    fn target(&self, member: &Member, command: Option<&Command>) -> OperationTarget {
        let Member { session, depth, .. } = member;
        OperationTarget::begin(self.operation, self.wish, session, *depth, command, self.by.at)
    }

    /// A session that has not ended is a fence by its desired status. For a session that has ended, the fence has to be
    /// written.
    fn fence(&self, named: &Session) -> Option<Session> {
        let kills_below = self.wish == Wish::Kill && self.reach == Reach::Subtree;
        let stands = named.desired_status == DesiredStatus::Killed || !named.status.is_terminal();
        (kills_below && !stands).then(|| Session {
            desired_status: DesiredStatus::Killed,
            revision: named.revision + 1,
            ..named.clone()
        })
    }

    /// The effects on one session.
    #[must_use]
    pub fn on(&self, session_id: SessionId) -> OperatorAction {
        OperatorAction {
            session_id,
            intervention: self.intervention(),
            operation: None,
            able: None,
            by: self.by.clone(),
        }
    }

    const fn intervention(&self) -> Intervention {
        match self.wish {
            Wish::Pause => Intervention::Pause,
            Wish::Resume => Intervention::Resume,
            Wish::Interrupt => Intervention::Interrupt { drop_queued: self.drop_queued },
            Wish::Kill => Intervention::Kill,
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::from([("scope".to_owned(), self.reach.as_str().to_owned())]);
        if self.wish == Wish::Interrupt {
            details.insert("dropQueued".to_owned(), self.drop_queued.to_string());
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{attribution, operation_id, session, session_id};
    use crate::session::SessionStatus;
    use crate::text::MissionId;

    fn scoped(wish: Wish, reach: Reach) -> ScopedAction {
        let by = attribution("because");
        ScopedAction { operation: operation_id(1), session_id: session_id(1), reach, wish, drop_queued: false, by }
    }

    fn member(n: u128, status: SessionStatus, desired_status: DesiredStatus) -> Member {
        let session = Session { status, desired_status, ..session(n) };
        Member { session, depth: u64::try_from(n).expect("small"), commands: Vec::new() }
    }

    #[test]
    fn each_member_is_a_target_and_there_is_one_entry() {
        let members = [
            member(1, SessionStatus::Running, DesiredStatus::Running),
            member(2, SessionStatus::Paused, DesiredStatus::Paused),
            member(3, SessionStatus::Running, DesiredStatus::Killed),
        ];
        let action = scoped(Wish::Pause, Reach::Subtree);
        let effects = action.decide(&members[0].session, Scope::Subtree(session_id(1)), &members);
        let outcomes: Vec<_> =
            effects.opened.targets.iter().map(|target| target.outcome.as_ref().map(TargetOutcome::as_str)).collect();
        assert_eq!(outcomes, [None, Some("observed"), Some("refused")]);
        let tally = Tally { total: 3, open: 1, observed: 1, refused: 1, ..Tally::default() };
        assert_eq!((effects.opened.operation.tally, effects.sessions.len()), (tally, 2));
        let audit = effects.audit.expect("an entry");
        assert_eq!((audit.details["total"].as_str(), audit.details["scope"].as_str()), ("3", "subtree"));
        assert_eq!(audit.details["operationId"], operation_id(1).to_string());
        assert_eq!(effects.fence, None);
    }

    #[test]
    fn a_kill_below_an_ended_session_makes_a_fence_of_it() {
        let ended = Session { status: SessionStatus::Completed, ..session(1) };
        let fence = |wish, reach| scoped(wish, reach).decide(&ended, Scope::Fleet, &[]).fence;
        let fenced = fence(Wish::Kill, Reach::Subtree).expect("a fence");
        assert_eq!((fenced.desired_status, fenced.status), (DesiredStatus::Killed, SessionStatus::Completed));
        assert_eq!(fence(Wish::Pause, Reach::Subtree), None);
        assert_eq!(fence(Wish::Kill, Reach::Mission), None);
    }

    #[test]
    fn a_mission_is_that_of_the_named_session() {
        let action = scoped(Wish::Kill, Reach::Mission);
        assert_eq!(action.scope(None), Err(ActionRefused::UnknownSession(session_id(1))));
        let alone = action.scope(Some(&session(1))).expect_err("no mission");
        assert_eq!(alone, ActionRefused::NoMission(session_id(1)));
        assert!(action.refuse(&alone).expect("an entry").details["refusal"].contains("no mission"));
        let apollo = MissionId::new("apollo").expect("valid");
        let member = Session { mission_id: Some(apollo.clone()), ..session(1) };
        assert_eq!(action.scope(Some(&member)), Ok(Scope::Mission(apollo)));
    }
}
