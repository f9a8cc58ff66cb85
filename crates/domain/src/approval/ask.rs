//! An agent asks for permission.

use std::time::Duration;

use super::{Approval, ApprovalOptions, ApprovalState, Follow};
use crate::feed::FleetEventDraft;
use crate::ids::{ApprovalId, MessageId, SessionId};
use crate::session::{DesiredStatus, Observation, Session, SessionStatus};
use crate::text::{ApprovalTitle, JsonObject, Reason};
use crate::time::Timestamp;

/// An agent asks for permission.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The id of the request. The same id with the same body is the same request.
    pub id: ApprovalId,
    /// The session.
    pub session_id: SessionId,
    /// What permission is asked for, in one line.
    pub title: ApprovalTitle,
    /// What permission is asked for, in full.
    pub detail: JsonObject,
    /// The options of the operator.
    pub options: ApprovalOptions,
    /// The time after which it expires, if it does.
    pub expires_in: Option<Duration>,
    /// The id for the `system` message that says that the session waits, if the session begins to wait because of the
    /// request.
    pub message_id: MessageId,
    /// When.
    pub at: Timestamp,
}

/// Why a request was not opened. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskRefused {
    /// The session has ended, so no agent could act on a decision.
    #[error("session {session} is {status}; it cannot ask for anything any more")]
    Ended {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
    },
    /// The session is being killed.
    #[error("session {0} is being killed; it cannot ask for anything any more")]
    BeingKilled(SessionId),
    /// Another request has this id.
    #[error("permission request {0} is there already, with another session, title, detail, options or deadline")]
    Conflict(ApprovalId),
}

/// The decision about an ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Nothing is to be done: an earlier call opened the request.
    Exists(Box<Approval>),
    /// Write this, in one transaction.
    Open(Box<Opened>),
}

/// Everything that is written for a new request.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The request.
    pub approval: Approval,
    /// Its event for the fleet feed; it comes before the event of the session's change of status.
    pub event: FleetEventDraft,
    /// The session. Asking is a sign of life, and a running session begins to wait.
    pub session: Follow,
}

impl Ask {
    /// Decides whether the request is opened. `existing` is the request that already has its id, of any session.
    ///
    /// Only a session that is `running` becomes `waiting`. A session that waits may ask for more. A session with
    /// another status (paused while it asks, or lost) keeps that status.
    ///
    /// # Errors
    /// The id is taken by another request, or the session has ended or is being killed.
    pub fn open(&self, session: &Session, existing: Option<&Approval>) -> Result<Asked, AskRefused> {
        if let Some(existing) = existing {
            let same = self.same_body(existing);
            return if same {
                Ok(Asked::Exists(Box::new(existing.clone())))
            } else {
                Err(AskRefused::Conflict(self.id))
            };
        }
        if session.status.is_terminal() {
            return Err(AskRefused::Ended { session: session.id, status: session.status });
        }
        if session.desired_status == DesiredStatus::Killed {
            return Err(AskRefused::BeingKilled(session.id));
        }
        let approval = Approval {
            id: self.id,
            session_id: session.id,
            title: self.title.clone(),
            detail: self.detail.clone(),
            options: self.options.clone(),
            state: ApprovalState::Open,
            opened_at: self.at,
            expires_at: self.expires_in.map(|span| self.at.saturating_add(span)),
        };
        let event = FleetEventDraft::approval(&approval, self.at);
        let status = match session.status {
            SessionStatus::Running => SessionStatus::Waiting,
            other => other,
        };
        let reason = Some(Reason::trusted(format!("asks for permission: {}", self.title)));
        let seen = Observation {
            session_id: session.id,
            status,
            reason,
            provider_session_id: None,
            message_id: self.message_id,
            at: self.at,
        };
        Ok(Asked::Open(Box::new(Opened { approval, event, session: session.follow(&seen) })))
    }

    /// The moment does not count: a retry comes later.
    fn same_body(&self, existing: &Approval) -> bool {
        existing.session_id == self.session_id
            && existing.title == self.title
            && existing.detail == self.detail
            && existing.options == self.options
            && existing.expires_at == self.expires_in.map(|span| existing.opened_at.saturating_add(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::ApprovalOption;
    use crate::fixtures::{approval, ask, at, session, session_id};
    use crate::session::Observed;

    fn opened(ask: &Ask, session: &Session) -> Opened {
        match ask.open(session, None) {
            Ok(Asked::Open(opened)) => *opened,
            other => panic!("not opened: {other:?}"),
        }
    }

    #[test]
    fn a_running_session_waits_and_says_what_for() {
        let asked = Ask { expires_in: Some(Duration::from_mins(1)), ..ask(1) };
        let opened = opened(&asked, &session(1));
        assert_eq!((opened.approval.opened_at, opened.approval.expires_at), (at(10), Some(at(70))));
        let Observed::Changed(change) = opened.session.observed else { panic!("no change") };
        assert_eq!(change.session.status, SessionStatus::Waiting);
        assert_eq!(
            change.message.content.as_str(),
            "status: running → waiting (asks for permission: delete the folder 1)"
        );
        assert_eq!(opened.session.moved, Some(change.message.seq));
        assert_eq!(opened.event.data.as_map()["change"], "opened");
    }

    #[test]
    fn any_other_live_session_stays_what_it_was_seen_as() {
        for status in SessionStatus::ALL {
            let before = Session { status, ..session(1) };
            match ask(1).open(&before, None) {
                Ok(Asked::Open(opened)) => {
                    assert_eq!(opened.session.moved.is_some(), status == SessionStatus::Running, "{status}");
                }
                Err(AskRefused::Ended { .. }) => assert!(status.is_terminal(), "{status}"),
                other => panic!("{status}: {other:?}"),
            }
        }
    }

    #[test]
    fn asking_is_a_sign_of_life() {
        let before = Session { status: SessionStatus::Waiting, ..session(1) };
        let Observed::Unchanged(after) = opened(&ask(1), &before).session.observed else { panic!("changed") };
        assert_eq!(after.last_seen_at, Some(at(10)));
    }

    #[test]
    fn a_dying_session_asks_for_nothing() {
        let dying = Session { desired_status: DesiredStatus::Killed, ..session(1) };
        assert_eq!(ask(1).open(&dying, None), Err(AskRefused::BeingKilled(session_id(1))));
    }

    #[test]
    fn the_same_again_is_harmless_even_after_the_end_and_anything_else_is_a_conflict() {
        let first = approval(1);
        let ended = Session { status: SessionStatus::Completed, ..session(1) };
        let again = Ask { at: at(500), ..ask(1) };
        assert_eq!(again.open(&ended, Some(&first)), Ok(Asked::Exists(Box::new(first.clone()))));
        for other in [
            Ask { session_id: session_id(2), ..ask(1) },
            Ask { title: ApprovalTitle::new("something else").expect("valid"), ..ask(1) },
            Ask { detail: JsonObject::trusted(serde_json::json!({"tool": "rm"})), ..ask(1) },
            Ask { options: ApprovalOptions::new([ApprovalOption::AllowOnce]).expect("one"), ..ask(1) },
            Ask { expires_in: Some(Duration::from_secs(1)), ..ask(1) },
        ] {
            assert_eq!(other.open(&session(1), Some(&first)), Err(AskRefused::Conflict(first.id)), "{other:?}");
        }
    }
}
