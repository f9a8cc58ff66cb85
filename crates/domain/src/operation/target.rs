//! One session of an operation, and what settles it.

use super::Wish;
use crate::command::{Command, Receipt};
use crate::ids::{CommandSeq, OperationId, SessionId};
use crate::session::{Session, SessionStatus};
use crate::text::Reason;
use crate::time::Timestamp;

/// The result of an operation at one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetOutcome {
    /// It was observed as wished.
    Observed,
    /// It was observed to have ended in another way.
    Ended {
        /// How it ended.
        status: SessionStatus,
    },
    /// The agent, or a rule, refused.
    Refused {
        /// The reason.
        reason: Reason,
    },
    /// A newer wish superseded it.
    Superseded,
}

impl TargetOutcome {
    /// Every word that [`TargetOutcome::as_str`] gives.
    pub const WORDS: [&'static str; 4] = ["observed", "ended", "refused", "superseded"];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Ended { .. } => "ended",
            Self::Refused { .. } => "refused",
            Self::Superseded => "superseded",
        }
    }
}

/// One session of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationTarget {
    /// The operation.
    pub operation_id: OperationId,
    /// The session.
    pub session_id: SessionId,
    /// How many sessions are above it in its tree. Commands are handed over deepest first.
    pub depth: u64,
    /// The wish of the operation.
    pub wish: Wish,
    /// The command for the agent, if the session got one.
    pub command_seq: Option<CommandSeq>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the agent's runtime first acknowledged the command.
    pub acknowledged_at: Option<Timestamp>,
    /// When the effect, or another end, was observed.
    pub observed_at: Option<Timestamp>,
    /// The result; `None` while it is not final.
    pub outcome: Option<TargetOutcome>,
}

impl OperationTarget {
    /// A target at its beginning: open, unless its session is as wished already.
    #[must_use]
    pub fn begin(
        operation_id: OperationId,
        wish: Wish,
        session: &Session,
        depth: u64,
        command: Option<&Command>,
        at: Timestamp,
    ) -> Self {
        let target = Self {
            operation_id,
            session_id: session.id,
            depth,
            wish,
            command_seq: command.map(|command| command.seq),
            requested_at: at,
            acknowledged_at: None,
            observed_at: None,
            outcome: None,
        };
        target.after_status(session.status, at).unwrap_or(target)
    }

    /// The target after its session was observed in a status; `None` if nothing changes.
    #[must_use]
    pub fn after_status(&self, status: SessionStatus, at: Timestamp) -> Option<Self> {
        let outcome = if self.wish.is_seen_in(status) {
            TargetOutcome::Observed
        } else if status.is_terminal() {
            TargetOutcome::Ended { status }
        } else {
            return None;
        };
        self.is_open().then(|| Self { observed_at: Some(at), outcome: Some(outcome), ..self.clone() })
    }

    /// The target after the receipt of a command of its session changed; `None` if nothing changes. What an agent says
    /// is no proof; only a status is. Only an interrupt is done when the agent says so, because the agent may continue
    /// at once.
    #[must_use]
    pub fn after_receipt(&self, command: &Command) -> Option<Self> {
        if !self.is_open() || self.command_seq != Some(command.seq) {
            return None;
        }
        let at = command.updated_at;
        let mut after = Self { acknowledged_at: self.acknowledged_at.or(Some(at)), ..self.clone() };
        match &command.receipt {
            Receipt::Accepted | Receipt::Cancelled | Receipt::Undeliverable { .. } => return None,
            Receipt::Consumed if self.wish == Wish::Interrupt => {
                after.observed_at = Some(at);
                after.outcome = Some(TargetOutcome::Observed);
            }
            Receipt::Delivered | Receipt::Consumed => {}
            Receipt::Refused { reason } => after.outcome = Some(TargetOutcome::Refused { reason: reason.clone() }),
        }
        (after != *self).then_some(after)
    }

    /// The target after a newer wish for its session; `None` if both can be fulfilled.
    #[must_use]
    pub fn after_wish(&self, newer: Wish) -> Option<Self> {
        let superseded = self.is_open() && self.wish.is_superseded_by(newer);
        superseded.then(|| Self { outcome: Some(TargetOutcome::Superseded), ..self.clone() })
    }

    /// Whether the target has no final result.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CommandKind;
    use crate::fixtures::{at, command, operation_id, session};
    use SessionStatus::{Completed, Failed, Idle, Killed, Lost, Paused, Running, Spawning, Waiting};

    fn target(wish: Wish) -> OperationTarget {
        let waiting = Session { status: Lost, ..session(1) };
        OperationTarget::begin(operation_id(1), wish, &waiting, 0, Some(&command(1, CommandKind::Kill)), at(0))
    }

    fn outcomes(wish: Wish) -> Vec<(SessionStatus, &'static str)> {
        let moved = |status| target(wish).after_status(status, at(5)).and_then(|after| after.outcome);
        SessionStatus::ALL.into_iter().filter_map(|status| moved(status).map(|it| (status, it.as_str()))).collect()
    }

    #[test]
    fn only_the_wished_status_or_an_end_moves_a_target() {
        let (seen, ended) = ("observed", "ended");
        assert_eq!(outcomes(Wish::Pause), [(Paused, seen), (Completed, ended), (Failed, ended), (Killed, ended)]);
        let live = [(Spawning, seen), (Running, seen), (Idle, seen), (Waiting, seen)];
        let resumed: Vec<_> = live.into_iter().chain([(Completed, ended), (Failed, ended), (Killed, ended)]).collect();
        assert_eq!(outcomes(Wish::Resume), resumed);
        assert_eq!(outcomes(Wish::Interrupt), [(Idle, seen), (Completed, ended), (Failed, ended), (Killed, ended)]);
        assert_eq!(outcomes(Wish::Kill), [(Completed, ended), (Failed, ended), (Killed, seen)]);
    }

    #[test]
    fn what_is_so_already_is_observed_at_once() {
        let paused = Session { status: Paused, ..session(1) };
        let target = OperationTarget::begin(operation_id(1), Wish::Pause, &paused, 0, None, at(3));
        assert_eq!((target.outcome, target.observed_at), (Some(TargetOutcome::Observed), Some(at(3))));
    }

    fn told(wish: Wish, receipt: Receipt) -> Option<OperationTarget> {
        target(wish).after_receipt(&Command { receipt, updated_at: at(4), ..command(1, CommandKind::Pause) })
    }

    #[test]
    fn a_receipt_acknowledges_and_does_not_prove() {
        for receipt in [Receipt::Delivered, Receipt::Consumed] {
            for wish in [Wish::Pause, Wish::Resume, Wish::Kill] {
                let after = told(wish, receipt.clone()).expect("moved");
                assert_eq!((after.acknowledged_at, after.observed_at, after.outcome), (Some(at(4)), None, None));
            }
        }
        let interrupted = told(Wish::Interrupt, Receipt::Consumed).expect("moved");
        assert_eq!((interrupted.observed_at, interrupted.outcome), (Some(at(4)), Some(TargetOutcome::Observed)));
        let reason = Reason::new("busy").expect("valid");
        let refused = told(Wish::Pause, Receipt::Refused { reason: reason.clone() }).expect("moved");
        assert_eq!((refused.observed_at, refused.outcome), (None, Some(TargetOutcome::Refused { reason })));
    }

    #[test]
    fn the_first_acknowledgement_counts_and_that_of_another_command_does_not() {
        let first = told(Wish::Pause, Receipt::Delivered).expect("moved");
        let later = Command { receipt: Receipt::Consumed, updated_at: at(9), ..command(1, CommandKind::Pause) };
        assert_eq!(first.after_receipt(&later), None);
        let other = Command { receipt: Receipt::Delivered, ..command(2, CommandKind::Pause) };
        assert_eq!(target(Wish::Pause).after_receipt(&other), None);
    }

    #[test]
    fn an_outcome_is_final() {
        let done = target(Wish::Pause).after_wish(Wish::Kill).expect("superseded");
        assert_eq!(done.outcome, Some(TargetOutcome::Superseded));
        assert_eq!(done.after_status(Paused, at(9)), None);
        assert_eq!(done.after_wish(Wish::Resume), None);
        assert_eq!(done.after_receipt(&Command { receipt: Receipt::Consumed, ..command(1, CommandKind::Kill) }), None);
    }
}
