//! The record of one operation.

use super::{OperationTarget, TargetOutcome, Wish};
use crate::action::Attribution;
use crate::feed::FleetEventDraft;
use crate::ids::{OperationId, SessionId};
use crate::operator::Actor;
use crate::text::{MissionId, Reason};
use crate::time::Timestamp;

/// Which sessions an operation is for: those of the scope that had not ended when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One session.
    Session(SessionId),
    /// A session and all below it.
    Subtree(SessionId),
    /// The sessions of a mission, in any tree.
    Mission(MissionId),
    /// All sessions.
    Fleet,
}

impl Scope {
    /// Every word that [`Scope::as_str`] gives.
    pub const WORDS: [&'static str; 4] = ["self", "subtree", "mission", "fleet"];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session(_) => "self",
            Self::Subtree(_) => "subtree",
            Self::Mission(_) => "mission",
            Self::Fleet => "fleet",
        }
    }

    /// The session that the scope is or begins at.
    #[must_use]
    pub const fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::Session(id) | Self::Subtree(id) => Some(*id),
            Self::Mission(_) | Self::Fleet => None,
        }
    }

    /// The mission of the scope.
    #[must_use]
    pub const fn mission_id(&self) -> Option<&MissionId> {
        match self {
            Self::Mission(id) => Some(id),
            Self::Session(_) | Self::Subtree(_) | Self::Fleet => None,
        }
    }
}

/// How many targets of an operation are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All targets.
    pub total: u64,
    /// Targets without a final result.
    pub open: u64,
    /// Targets that were observed as wished.
    pub observed: u64,
    /// Targets that were observed to have ended in another way.
    pub ended: u64,
    /// Targets whose agent, or a rule, refused.
    pub refused: u64,
    /// Targets that a newer wish superseded.
    pub superseded: u64,
}

impl Tally {
    /// Counts targets.
    #[must_use]
    pub fn of(targets: &[OperationTarget]) -> Self {
        targets.iter().fold(Self::default(), |mut tally, target| {
            tally.total += 1;
            *tally.counter(target.outcome.as_ref()) += 1;
            tally
        })
    }

    const fn counter(&mut self, outcome: Option<&TargetOutcome>) -> &mut u64 {
        match outcome {
            None => &mut self.open,
            Some(TargetOutcome::Observed) => &mut self.observed,
            Some(TargetOutcome::Ended { .. }) => &mut self.ended,
            Some(TargetOutcome::Refused { .. }) => &mut self.refused,
            Some(TargetOutcome::Superseded) => &mut self.superseded,
        }
    }
}

/// The state of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// At least one target has no final result.
    Open,
    /// Every target was observed as wished.
    Done,
    /// No target is open any more, and not every target was observed as wished.
    Closed,
}

impl OperationState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Done, Self::Closed];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Closed => "closed",
        }
    }
}

/// One wish for one or many sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The wish.
    pub wish: Wish,
    /// Its scope.
    pub scope: Scope,
    /// Who asked for it.
    pub actor: Actor,
    /// The reason, if there is one.
    pub reason: Option<Reason>,
    /// When.
    pub requested_at: Timestamp,
    /// How many targets are in which state.
    pub tally: Tally,
    /// When the last target was settled.
    pub completed_at: Option<Timestamp>,
}

impl Operation {
    /// An operation at its beginning; one without open targets is completed from the start.
    #[must_use]
    pub fn begin(id: OperationId, wish: Wish, scope: Scope, by: &Attribution, tally: Tally) -> Self {
        Self {
            id,
            wish,
            scope,
            actor: by.actor.clone(),
            reason: by.reason.clone(),
            requested_at: by.at,
            tally,
            completed_at: (tally.open == 0).then_some(by.at),
        }
    }

    /// The operation after this number of its open targets got an outcome.
    #[must_use]
    pub fn settled(&self, outcome: &TargetOutcome, targets: u64, at: Timestamp) -> Self {
        let mut after = self.clone();
        let targets = targets.min(self.tally.open);
        after.tally.open -= targets;
        *after.tally.counter(Some(outcome)) += targets;
        if after.tally.open == 0 {
            after.completed_at = self.completed_at.or(Some(at));
        }
        after
    }

    /// The state of the operation. A session that ended by itself has stopped, so it counts as killed.
    #[must_use]
    pub const fn state(&self) -> OperationState {
        let Tally { total, observed, ended, .. } = self.tally;
        let stopped = if matches!(self.wish, Wish::Kill) { ended } else { 0 };
        match self.completed_at {
            None => OperationState::Open,
            Some(_) if observed + stopped == total => OperationState::Done,
            Some(_) => OperationState::Closed,
        }
    }

    /// The events of its beginning.
    #[must_use]
    pub fn opening_events(&self) -> Vec<FleetEventDraft> {
        let created = FleetEventDraft::operation(self, "created", self.requested_at);
        std::iter::once(created).chain(self.completion_event()).collect()
    }

    /// The event of its end, once it is completed.
    #[must_use]
    pub fn completion_event(&self) -> Option<FleetEventDraft> {
        self.completed_at.map(|at| FleetEventDraft::operation(self, "completed", at))
    }
}

/// An operation with its targets, as they are first written.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The operation.
    pub operation: Operation,
    /// Its targets.
    pub targets: Vec<OperationTarget>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, attribution, operation_id, session_id};
    use crate::session::SessionStatus;

    fn operation(wish: Wish, open: u64) -> Operation {
        let tally = Tally { total: open, open, ..Tally::default() };
        Operation::begin(operation_id(1), wish, Scope::Subtree(session_id(1)), &attribution("because"), tally)
    }

    #[test]
    fn it_is_completed_with_the_last_target_and_not_before() {
        let first = operation(Wish::Pause, 2).settled(&TargetOutcome::Observed, 1, at(5));
        assert_eq!((first.completed_at, first.state()), (None, OperationState::Open));
        assert_eq!(first.completion_event(), None);
        let second = first.settled(&TargetOutcome::Observed, 1, at(7));
        assert_eq!((second.completed_at, second.state()), (Some(at(7)), OperationState::Done));
        assert_eq!(second.completion_event().expect("told").at, at(7));
    }

    #[test]
    fn many_targets_that_are_settled_at_once_are_all_counted_off() {
        let after = operation(Wish::Pause, 5).settled(&TargetOutcome::Superseded, 3, at(5));
        assert_eq!((after.tally.open, after.tally.superseded, after.completed_at), (2, 3, None));
    }

    #[test]
    fn what_was_not_seen_is_never_called_done() {
        let refused = TargetOutcome::Refused { reason: Reason::new("busy").expect("valid") };
        let ended = TargetOutcome::Ended { status: SessionStatus::Failed };
        for outcome in [&refused, &ended, &TargetOutcome::Superseded] {
            assert_eq!(operation(Wish::Pause, 1).settled(outcome, 1, at(5)).state(), OperationState::Closed);
        }
        assert_eq!(operation(Wish::Kill, 1).settled(&ended, 1, at(5)).state(), OperationState::Done);
        assert_eq!(operation(Wish::Kill, 1).settled(&refused, 1, at(5)).state(), OperationState::Closed);
    }

    #[test]
    fn nobody_to_act_on_is_completed_from_the_start() {
        let nobody = operation(Wish::Kill, 0);
        assert_eq!((nobody.completed_at, nobody.state()), (Some(at(0)), OperationState::Done));
        assert_eq!(nobody.opening_events().len(), 2);
        assert_eq!(operation(Wish::Kill, 1).opening_events().len(), 1);
    }

    #[test]
    fn a_kill_supersedes_all_but_kills_and_pause_and_resume_each_other() {
        let pairs =
            |newer: Wish| -> Vec<Wish> { Wish::ALL.into_iter().filter(|wish| wish.is_superseded_by(newer)).collect() };
        assert_eq!(pairs(Wish::Kill), [Wish::Pause, Wish::Resume, Wish::Interrupt]);
        assert_eq!(pairs(Wish::Pause), [Wish::Resume]);
        assert_eq!(pairs(Wish::Resume), [Wish::Pause]);
        assert_eq!(pairs(Wish::Interrupt), []);
    }

    #[test]
    fn words_round_trip() {
        for wish in Wish::ALL {
            assert_eq!(wish.as_str().parse(), Ok(wish));
        }
        assert!("inject".parse::<Wish>().is_err());
    }
}
