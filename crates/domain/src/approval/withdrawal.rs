//! An agent takes its own request back because it no longer needs the answer.

use super::{Approval, ApprovalFacts, ApprovalState, Closing, ExpiryReason, Verdict};
use crate::ids::{ApprovalId, MessageId};
use crate::session::{Observation, Session};
use crate::time::Timestamp;

/// An agent takes a permission request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The request.
    pub approval_id: ApprovalId,
    /// The id for the `system` message that says that the session continues, if it does because of this.
    pub message_id: MessageId,
    /// When.
    pub at: Timestamp,
}

/// The decision about a withdrawal.
#[derive(Clone, Debug, PartialEq)]
pub enum Withdrawn {
    /// Nothing is to be done: an earlier call withdrew the request.
    Already(Box<Approval>),
    /// Write this, in one transaction.
    Close(Box<Closing>),
}

/// Why a request was not withdrawn: it is closed in another way. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawalRefused {
    /// An operator has decided it.
    #[error("permission request {approval} was decided already: {} by {} at {}", verdict.option, verdict.by, verdict.at)]
    Decided {
        /// The request.
        approval: ApprovalId,
        /// Who decided what, and when.
        verdict: Box<Verdict>,
    },
    /// It has expired.
    #[error("permission request {approval} expired at {at}: {}", why.told())]
    Expired {
        /// The request.
        approval: ApprovalId,
        /// What closed it.
        why: ExpiryReason,
        /// When.
        at: Timestamp,
    },
}

impl Withdrawal {
    /// Closes the request if it is open. A session that is being killed may withdraw as well, because this allows
    /// nothing. A store calls this under the session's lock and writes the result in one transaction.
    ///
    /// A withdrawal is a sign of life, so the result always contains the session.
    ///
    /// # Errors
    /// The request was decided, its deadline has passed, or its session has ended.
    pub fn close(&self, facts: ApprovalFacts<'_>) -> Result<Withdrawn, WithdrawalRefused> {
        let ApprovalFacts { approval, session, .. } = facts;
        let expired = |why, at| WithdrawalRefused::Expired { approval: approval.id, why, at };
        match &approval.state {
            ApprovalState::Open => {}
            ApprovalState::Expired { why: ExpiryReason::Withdrawn, .. } => {
                return Ok(Withdrawn::Already(Box::new(approval.clone())));
            }
            ApprovalState::Expired { why, at } => return Err(expired(*why, *at)),
            ApprovalState::Decided(verdict) => {
                return Err(WithdrawalRefused::Decided { approval: approval.id, verdict: Box::new(verdict.clone()) });
            }
        }
        if session.status.is_terminal() {
            return Err(expired(ExpiryReason::SessionEnded, session.completed_at.unwrap_or(self.at)));
        }
        if let Some(at) = approval.deadline_passed(self.at) {
            return Err(expired(ExpiryReason::Deadline, at));
        }
        let (approval, event) = approval.expired(ExpiryReason::Withdrawn, self.at);
        let goes_on = facts.go_on("permission request withdrawn".to_owned(), self.message_id, self.at);
        let follow = goes_on.unwrap_or_else(|| session.follow(&self.sign_of_life(session)));
        Ok(Withdrawn::Close(Box::new(Closing { approval, event, session: Some(follow) })))
    }

    /// The session, observed in the status that it already has.
    const fn sign_of_life(&self, session: &Session) -> Observation {
        let Self { message_id, at, .. } = *self;
        Observation {
            session_id: session.id,
            status: session.status,
            reason: None,
            provider_session_id: None,
            message_id,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::ApprovalOption;
    use crate::fixtures::{approval, at, attribution, message_id, session};
    use crate::session::{DesiredStatus, Observed, SessionStatus};

    fn waiting() -> Session {
        Session { status: SessionStatus::Waiting, ..session(1) }
    }

    fn withdraw(approval: &Approval, session: &Session, open: u64) -> Result<Withdrawn, WithdrawalRefused> {
        let withdrawal = Withdrawal { approval_id: approval.id, message_id: message_id(7), at: at(30) };
        withdrawal.close(ApprovalFacts { approval, session, open })
    }

    fn closed(approval: &Approval, session: &Session, open: u64) -> Closing {
        match withdraw(approval, session, open) {
            Ok(Withdrawn::Close(closing)) => *closing,
            other => panic!("not closed: {other:?}"),
        }
    }

    #[test]
    fn the_last_one_lets_the_session_go_on() {
        let closing = closed(&approval(1), &waiting(), 1);
        assert_eq!(closing.approval.state, ApprovalState::Expired { why: ExpiryReason::Withdrawn, at: at(30) });
        assert_eq!(closing.event.data.as_map()["why"], "withdrawn");
        let Some(Observed::Changed(change)) = closing.session.map(|follow| follow.observed) else { panic!("stays") };
        assert_eq!(change.message.content.as_str(), "status: waiting → running (permission request withdrawn)");
        // Whoever is to die may say that it asks for nothing any more.
        let dying = Session { desired_status: DesiredStatus::Killed, ..waiting() };
        assert!(closed(&approval(1), &dying, 1).session.is_some_and(|follow| follow.moved.is_some()));
    }

    #[test]
    fn while_another_is_open_it_is_a_sign_of_life_only() {
        for (session, open) in [(waiting(), 2), (Session { status: SessionStatus::Paused, ..session(1) }, 1)] {
            let follow = closed(&approval(1), &session, open).session.expect("seen");
            assert_eq!(follow.moved, None);
            let Observed::Unchanged(after) = follow.observed else { panic!("moved: {follow:?}") };
            assert_eq!(*after, Session { last_seen_at: Some(at(30)), ..session });
        }
    }

    #[test]
    fn again_is_harmless_and_keeps_the_first_moment() {
        let (first, _) = approval(1).expired(ExpiryReason::Withdrawn, at(20));
        assert_eq!(withdraw(&first, &session(1), 0), Ok(Withdrawn::Already(Box::new(first.clone()))));
        let ended = Session { status: SessionStatus::Completed, ..session(1) };
        assert!(withdraw(&first, &ended, 0).is_ok(), "also when the session is over");
    }

    #[test]
    fn whatever_closed_it_before_counts() {
        let by = attribution("it is safe");
        let verdict =
            Verdict { option: ApprovalOption::AllowOnce, by: by.actor, at: at(20), reason: by.reason, answer: None };
        let decided = Approval { state: ApprovalState::Decided(verdict), ..approval(1) };
        let told = withdraw(&decided, &session(1), 0).expect_err("decided").to_string();
        let expected = "was decided already: allow_once by 0102030405ab at 2026-01-01T00:00:20.000000Z";
        assert!(told.ends_with(expected), "{told}");
        let expired = |why, moment| Err(WithdrawalRefused::Expired { approval: approval(1).id, why, at: at(moment) });
        let (closed, _) = approval(1).end(at(25));
        assert_eq!(withdraw(&closed, &session(1), 0), expired(ExpiryReason::SessionEnded, 25));
        let late = Approval { expires_at: Some(at(30)), ..approval(1) };
        assert_eq!(withdraw(&late, &waiting(), 1), expired(ExpiryReason::Deadline, 30));
        let ended = Session { status: SessionStatus::Failed, completed_at: Some(at(20)), ..session(1) };
        assert_eq!(withdraw(&approval(1), &ended, 1), expired(ExpiryReason::SessionEnded, 20));
    }
}
