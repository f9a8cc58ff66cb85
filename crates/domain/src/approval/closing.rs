//! A permission request is closed: an operator decides it, or its deadline passes.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Approval, ApprovalOption, ApprovalOptions, ApprovalState, ExpiryReason, Follow, Form, InvalidAnswer, Verdict,
};
use crate::action::{ActionName, Attribution, Fingerprint, KeyReused};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::feed::FleetEventDraft;
use crate::ids::{ApprovalId, MessageId, SessionId};
use crate::session::{DesiredStatus, Observation, Session, SessionStatus};
use crate::text::{JsonObject, Reason};
use crate::time::Timestamp;

/// An operator decides a permission request.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalAction {
    /// The request.
    pub approval_id: ApprovalId,
    /// The chosen option.
    pub option: ApprovalOption,
    /// What is filled into the form, if the request has one.
    pub answer: Option<JsonObject>,
    /// The id for the `system` message that says that the session continues, if it does because of this.
    pub message_id: MessageId,
    /// Who decides, and why.
    pub by: Attribution,
}

/// A check whether the deadline of a permission request has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The request.
    pub approval_id: ApprovalId,
    /// The id for the `system` message that says that the session continues, if it does because of this.
    pub message_id: MessageId,
    /// The time of the check.
    pub at: Timestamp,
}

/// The facts that the rules need, read under the session's lock.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalFacts<'a> {
    /// The request.
    pub approval: &'a Approval,
    /// Its session.
    pub session: &'a Session,
    /// How many requests of the session are open, including this one.
    pub open: u64,
}

/// Why a decision was refused. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefused {
    /// There is no such request.
    #[error("there is no permission request {0}")]
    Unknown(ApprovalId),
    /// The agent did not offer this option.
    #[error("permission request {approval} does not offer {option}; choose one of {offered}")]
    NotOffered {
        /// The request.
        approval: ApprovalId,
        /// The chosen option.
        option: ApprovalOption,
        /// The options that the agent offers.
        offered: ApprovalOptions,
    },
    /// The answer does not fit the form.
    #[error(transparent)]
    Answer(#[from] InvalidAnswer),
    /// Another operator has decided already.
    #[error("permission request {approval} was decided already: {} by {} at {}", verdict.option, verdict.by, verdict.at)]
    Decided {
        /// The request.
        approval: ApprovalId,
        /// Who decided what, and when.
        verdict: Box<Verdict>,
    },
    /// The request has expired.
    #[error("permission request {approval} expired at {at}: {}", why.told())]
    Expired {
        /// The request.
        approval: ApprovalId,
        /// What closed it.
        why: ExpiryReason,
        /// When.
        at: Timestamp,
    },
    /// The session is being killed, so nothing is allowed to it any more.
    #[error("session {0} is being killed; its permission requests expire with it")]
    BeingKilled(SessionId),
    /// The key belongs to another call.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
}

/// Everything that is written when a request is closed, besides an audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    /// The request after it.
    pub approval: Approval,
    /// Its event for the fleet feed; it comes before the event of the session's change of status.
    pub event: FleetEventDraft,
    /// The session, if it continues because of this (it waited, and this was the last open request) or gave a sign of
    /// life.
    pub session: Option<Follow>,
}

/// The decision about a request: what to write or why nothing is written, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalDecision {
    /// What to write, or why nothing is written.
    pub outcome: Result<Box<Closing>, ApprovalRefused>,
    /// What to write to the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl ApprovalAction {
    /// Applies the rules to the decision; the first decision counts. A store calls this under the session's lock and
    /// writes the result in one transaction.
    #[must_use]
    pub fn decide(&self, facts: Option<ApprovalFacts<'_>>) -> ApprovalDecision {
        let outcome = match facts {
            None => Err(ApprovalRefused::Unknown(self.approval_id)),
            Some(facts) => self.allowed(facts).map(|()| Box::new(self.close(facts))),
        };
        let mut details = self.details();
        if let Err(refused) = &outcome {
            details.insert("refusal".to_owned(), refused.to_string());
        }
        let result = if outcome.is_ok() { AuditOutcome::Accepted } else { AuditOutcome::Refused };
        let target = facts
            .map_or(AuditTarget::Approval(self.approval_id), |facts| AuditTarget::Session(facts.approval.session_id));
        ApprovalDecision { audit: self.by.audit(ActionName::ApprovalDecide, target, result, details), outcome }
    }

    /// The audit entry of a call that was refused because of its key, before any request was looked at.
    #[must_use]
    pub fn refuse(&self, refused: &KeyReused) -> AuditDraft {
        let mut details = self.details();
        details.insert("refusal".to_owned(), refused.to_string());
        let target = AuditTarget::Approval(self.approval_id);
        self.by.audit(ActionName::ApprovalDecide, target, AuditOutcome::Refused, details)
    }

    /// What the call asks for, independent of its time.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let target = AuditTarget::Approval(self.approval_id);
        Fingerprint::of(ActionName::ApprovalDecide, &target, self.by.reason.as_ref(), &self.details())
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::from([
            ("approvalId".to_owned(), self.approval_id.to_string()),
            ("option".to_owned(), self.option.to_string()),
        ]);
        // One that is refused for its length is not kept either.
        let answer = self.answer.as_ref().map(|answer| json!(answer).to_string());
        details.extend(
            answer.filter(|answer| answer.len() <= Form::LONGEST_ANSWER).map(|answer| ("answer".to_owned(), answer)),
        );
        details
    }

    fn allowed(&self, facts: ApprovalFacts<'_>) -> Result<(), ApprovalRefused> {
        let ApprovalFacts { approval, session, .. } = facts;
        let id = approval.id;
        match &approval.state {
            ApprovalState::Open => {}
            ApprovalState::Decided(verdict) => {
                return Err(ApprovalRefused::Decided { approval: id, verdict: Box::new(verdict.clone()) });
            }
            ApprovalState::Expired { why, at } => {
                return Err(ApprovalRefused::Expired { approval: id, why: *why, at: *at });
            }
        }
        if session.status.is_terminal() {
            let at = session.completed_at.unwrap_or(self.by.at);
            return Err(ApprovalRefused::Expired { approval: id, why: ExpiryReason::SessionEnded, at });
        }
        // Whoever looks for deadlines comes by once in a while; the deadline counts all the same.
        if let Some(at) = approval.deadline_passed(self.by.at) {
            return Err(ApprovalRefused::Expired { approval: id, why: ExpiryReason::Deadline, at });
        }
        if session.desired_status == DesiredStatus::Killed {
            return Err(ApprovalRefused::BeingKilled(session.id));
        }
        if !approval.options.offers(self.option) {
            let offered = approval.options.clone();
            return Err(ApprovalRefused::NotOffered { approval: id, option: self.option, offered });
        }
        Ok(approval.check_answer(self.option.allows(), self.answer.as_ref())?)
    }

    fn close(&self, facts: ApprovalFacts<'_>) -> Closing {
        let Attribution { actor, reason, at, .. } = &self.by;
        let (option, answer) = (self.option, self.answer.clone());
        let verdict = Verdict { option, by: actor.clone(), at: *at, reason: reason.clone(), answer };
        let told = format!("permission request decided: {}", self.option);
        let approval = Approval { state: ApprovalState::Decided(verdict), ..facts.approval.clone() };
        let event = FleetEventDraft::approval(&approval, *at);
        Closing { approval, event, session: facts.go_on(told, self.message_id, *at) }
    }
}

impl Expiry {
    /// Closes the request if it is open and its deadline has passed; `None` when there is nothing to do. A store calls
    /// this under the session's lock and writes the result in one transaction.
    #[must_use]
    pub fn close(&self, facts: ApprovalFacts<'_>) -> Option<Closing> {
        let at = self.at;
        if !facts.approval.is_open() || facts.approval.deadline_passed(at).is_none() {
            return None;
        }
        let (approval, event) = facts.approval.expired(ExpiryReason::Deadline, at);
        let told = "permission request expired".to_owned();
        Some(Closing { approval, event, session: facts.go_on(told, self.message_id, at) })
    }
}

impl Approval {
    /// The deadline, when it has passed.
    pub(super) fn deadline_passed(&self, now: Timestamp) -> Option<Timestamp> {
        self.expires_at.filter(|deadline| *deadline <= now)
    }
}

impl ApprovalFacts<'_> {
    /// The session's move when the request is closed: one that waits goes on when nothing is open any more.
    pub(super) fn go_on(&self, why: String, message_id: MessageId, at: Timestamp) -> Option<Follow> {
        if self.open > 1 || self.session.status != SessionStatus::Waiting {
            return None;
        }
        let (session_id, status) = (self.session.id, SessionStatus::Running);
        let reason = Some(Reason::trusted(why));
        Some(self.session.follow(&Observation {
            session_id,
            status,
            reason,
            provider_session_id: None,
            message_id,
            at,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{approval, at, attribution, message_id, session, session_id};
    use crate::session::Observed;

    fn waiting() -> Session {
        Session { status: SessionStatus::Waiting, ..session(1) }
    }

    fn action(option: ApprovalOption) -> ApprovalAction {
        let by = Attribution { at: at(30), ..attribution("it is safe") };
        ApprovalAction { approval_id: approval(1).id, option, answer: None, message_id: message_id(7), by }
    }

    fn decide(approval: &Approval, session: &Session, open: u64) -> ApprovalDecision {
        action(ApprovalOption::AllowOnce).decide(Some(ApprovalFacts { approval, session, open }))
    }

    fn refusal(approval: &Approval, session: &Session) -> ApprovalRefused {
        let decision = decide(approval, session, 1);
        assert_eq!(decision.audit.outcome, AuditOutcome::Refused);
        let refused = decision.outcome.expect_err("refused");
        assert_eq!(decision.audit.details["refusal"], refused.to_string());
        refused
    }

    #[test]
    fn the_last_decision_lets_the_session_go_on() {
        let decision = decide(&approval(1), &waiting(), 1);
        assert_eq!(decision.audit.target, AuditTarget::Session(session_id(1)));
        assert_eq!(decision.audit.details["option"], "allow_once");
        let closing = decision.outcome.expect("accepted");
        let ApprovalState::Decided(verdict) = &closing.approval.state else { panic!("{closing:?}") };
        assert_eq!((verdict.option, verdict.at), (ApprovalOption::AllowOnce, at(30)));
        assert_eq!(verdict.reason.as_ref().map(Reason::as_str), Some("it is safe"));
        let Some(Observed::Changed(change)) = closing.session.map(|follow| follow.observed) else { panic!("stays") };
        assert_eq!(change.session.status, SessionStatus::Running);
        assert_eq!(
            change.message.content.as_str(),
            "status: waiting → running (permission request decided: allow_once)"
        );
    }

    #[test]
    fn a_session_stays_while_another_is_open_and_when_it_does_not_wait() {
        assert_eq!(decide(&approval(1), &waiting(), 2).outcome.expect("accepted").session, None);
        for status in [SessionStatus::Running, SessionStatus::Paused, SessionStatus::Lost] {
            let session = Session { status, ..session(1) };
            assert_eq!(decide(&approval(1), &session, 1).outcome.expect("accepted").session, None, "{status}");
        }
    }

    #[test]
    fn a_later_decision_is_told_who_decided_what() {
        let first = decide(&approval(1), &waiting(), 1).outcome.expect("accepted").approval;
        let refused = refusal(&first, &session(1));
        assert!(matches!(refused, ApprovalRefused::Decided { .. }));
        let told = refused.to_string();
        assert!(
            told.ends_with("was decided already: allow_once by 0102030405ab at 2026-01-01T00:00:30.000000Z"),
            "{told}"
        );
    }

    #[test]
    fn only_what_was_offered_can_be_chosen() {
        let options = ApprovalOptions::new([ApprovalOption::RejectOnce]).expect("one");
        let refused = refusal(&Approval { options, ..approval(1) }, &waiting());
        assert!(refused.to_string().ends_with("does not offer allow_once; choose one of reject_once"), "{refused}");
    }

    #[test]
    fn an_end_a_deadline_and_a_kill_come_before_a_decision() {
        let ended = Session { status: SessionStatus::Failed, completed_at: Some(at(20)), ..session(1) };
        let expired = |why, moment| ApprovalRefused::Expired { approval: approval(1).id, why, at: at(moment) };
        assert_eq!(refusal(&approval(1), &ended), expired(ExpiryReason::SessionEnded, 20));
        let late = Approval { expires_at: Some(at(30)), ..approval(1) };
        assert_eq!(refusal(&late, &waiting()), expired(ExpiryReason::Deadline, 30));
        let (closed, _) = approval(1).end(at(25));
        assert_eq!(refusal(&closed, &ended), expired(ExpiryReason::SessionEnded, 25));
        let dying = Session { desired_status: DesiredStatus::Killed, ..waiting() };
        assert_eq!(refusal(&approval(1), &dying), ApprovalRefused::BeingKilled(session_id(1)));
        let in_time = Approval { expires_at: Some(at(31)), ..approval(1) };
        assert!(decide(&in_time, &waiting(), 1).outcome.is_ok());
    }

    #[test]
    fn an_unknown_request_is_refused_on_record() {
        let decision = action(ApprovalOption::AllowOnce).decide(None);
        assert_eq!(decision.outcome, Err(ApprovalRefused::Unknown(approval(1).id)));
        assert_eq!(
            (decision.audit.outcome, decision.audit.target),
            (AuditOutcome::Refused, AuditTarget::Approval(approval(1).id))
        );
    }

    #[test]
    fn a_deadline_closes_what_is_open_and_nothing_else() {
        let session = waiting();
        let expire = |approval: &Approval, seconds| {
            Expiry { approval_id: approval.id, message_id: message_id(7), at: at(seconds) }.close(ApprovalFacts {
                approval,
                session: &session,
                open: 1,
            })
        };
        let due = Approval { expires_at: Some(at(30)), ..approval(1) };
        assert_eq!(expire(&due, 29), None);
        let closing = expire(&due, 30).expect("due");
        assert_eq!(closing.approval.state, ApprovalState::Expired { why: ExpiryReason::Deadline, at: at(30) });
        assert!(closing.session.is_some_and(|follow| follow.moved.is_some()));
        assert_eq!(expire(&closing.approval, 31), None);
        assert_eq!(expire(&approval(1), 1_000_000), None, "without a deadline it stays open");
    }
}
