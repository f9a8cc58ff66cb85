//! An observation of a session, and what it changes.

use serde_json::json;

use super::{IllegalTransition, Session, SessionStatus};
use crate::feed::FleetEventDraft;
use crate::ids::{MessageId, SessionId};
use crate::message::{Author, Message, MessageRole};
use crate::text::{MessageContent, ProviderSessionId, Reason};
use crate::time::Timestamp;

/// A session was observed in a status.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The session.
    pub session_id: SessionId,
    /// The status it was seen in.
    pub status: SessionStatus,
    /// The reason, if it is known.
    pub reason: Option<Reason>,
    /// The provider's own id of the session, if it was reported too.
    pub provider_session_id: Option<ProviderSessionId>,
    /// The id for the `system` message that will report the change in the conversation.
    pub message_id: MessageId,
    /// The time.
    pub at: Timestamp,
}

/// The effect of an observation on a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// Nothing new; it counts only as a sign of life.
    Unchanged(Box<Session>),
    /// A change of status.
    Changed(Box<StatusChange>),
}

/// A change of status with everything that is to be written in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusChange {
    /// The session after it.
    pub session: Session,
    /// The `system` message that reports it.
    pub message: Message,
    /// The event for the fleet feed.
    pub event: FleetEventDraft,
}

impl Observed {
    /// The session as it is to be written, and the `system` message that reports a change. The event of the change is
    /// dropped: for a store without a feed.
    #[must_use]
    pub fn into_parts(self) -> (Session, Option<Message>) {
        match self {
            Self::Unchanged(session) => (*session, None),
            Self::Changed(change) => (change.session, Some(change.message)),
        }
    }
}

impl Session {
    /// Applies an observation.
    ///
    /// # Errors
    /// The status machine does not allow the change.
    pub fn observe(&self, observation: &Observation) -> Result<Observed, IllegalTransition> {
        let (from, at) = (self.status, observation.at);
        let to = from.transition(observation.status)?;
        let mut session = self.clone();
        if to != SessionStatus::Lost {
            // Reports may overtake each other; a sign of life never moves back.
            session.last_seen_at = self.last_seen_at.max(Some(at));
        }
        let own = observation.provider_session_id.as_ref();
        let is_new = own.is_some() && own != self.provider_session_id.as_ref();
        if is_new {
            session.provider_session_id = own.cloned();
        }
        if from == to {
            session.revision += u64::from(is_new);
            return Ok(Observed::Unchanged(Box::new(session)));
        }
        session.status = to;
        session.lost_from = (to == SessionStatus::Lost).then_some(from);
        session.status_reason.clone_from(&observation.reason);
        session.revision += 1;
        session.last_seq = self.last_seq.next();
        if to == SessionStatus::Running && session.started_at.is_none() {
            session.started_at = Some(at);
        }
        if to.is_terminal() {
            session.completed_at = Some(at);
        }
        let message = Message {
            id: observation.message_id,
            session_id: self.id,
            seq: session.last_seq,
            role: MessageRole::System,
            content: told(from, to, observation.reason.as_ref()),
            provider: self.provider.clone(),
            metadata: Author::server(json!({"type": "status", "from": from, "to": to, "reason": observation.reason})),
            created_at: at,
        };
        let event = FleetEventDraft::status(&session, from, at);
        Ok(Observed::Changed(Box::new(StatusChange { session, message, event })))
    }
}

fn told(from: SessionStatus, to: SessionStatus, reason: Option<&Reason>) -> MessageContent {
    let because = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    MessageContent::trusted(format!("status: {from} → {to}{because}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, message_id, session};
    use crate::ids::Seq;

    fn seen(status: SessionStatus) -> Observation {
        Observation {
            session_id: session(1).id,
            status,
            reason: Reason::new("because").ok(),
            provider_session_id: None,
            message_id: message_id(7),
            at: at(60),
        }
    }

    fn changed(session: &Session, observation: &Observation) -> StatusChange {
        match session.observe(observation) {
            Ok(Observed::Changed(change)) => *change,
            other => panic!("no change: {other:?}"),
        }
    }

    #[test]
    fn a_move_is_told_in_the_transcript_and_on_the_feed() {
        let before = session(1);
        let change = changed(&before, &seen(SessionStatus::Paused));
        assert_eq!(change.session.status, SessionStatus::Paused);
        assert_eq!((change.message.seq, change.session.last_seq), (Seq::new(1), Seq::new(1)));
        assert_eq!(change.message.content.as_str(), "status: running → paused (because)");
        assert_eq!(change.event.session_id, Some(before.id));
        assert_eq!(change.session.revision, before.revision + 1);
    }

    #[test]
    fn the_same_status_again_is_only_a_sign_of_life() {
        let before = session(1);
        let Ok(Observed::Unchanged(after)) = before.observe(&seen(SessionStatus::Running)) else { panic!("changed") };
        assert_eq!(*after, Session { last_seen_at: Some(at(60)), ..before });
    }

    #[test]
    fn the_id_that_the_provider_has_for_it_is_kept_once_it_is_known() {
        let told = |status, id| Observation { provider_session_id: ProviderSessionId::new(id).ok(), ..seen(status) };
        let known = |session: &Session| session.provider_session_id.as_ref().map(ToString::to_string);
        let Ok(Observed::Unchanged(named)) = session(1).observe(&told(SessionStatus::Running, "s-1")) else {
            panic!("changed")
        };
        assert_eq!((known(&named).as_deref(), named.revision), (Some("s-1"), session(1).revision + 1));
        let idle = changed(&named, &seen(SessionStatus::Idle)).session;
        assert_eq!(known(&idle).as_deref(), Some("s-1"), "a report without it takes nothing back");
        let other = changed(&idle, &told(SessionStatus::Running, "s-2")).session;
        assert_eq!(known(&other).as_deref(), Some("s-2"));
    }

    #[test]
    fn an_end_has_its_time_and_is_final() {
        let change = changed(&session(1), &seen(SessionStatus::Completed));
        assert_eq!(change.session.completed_at, Some(at(60)));
        assert!(change.session.observe(&seen(SessionStatus::Running)).is_err());
    }

    #[test]
    fn a_report_that_was_overtaken_moves_no_sign_of_life_back() {
        let before = Session { last_seen_at: Some(at(90)), ..session(1) };
        let change = changed(&before, &seen(SessionStatus::Idle));
        assert_eq!(change.session.last_seen_at, Some(at(90)));
    }

    #[test]
    fn being_lost_is_no_sign_of_life() {
        let before = session(1);
        let change = changed(&before, &seen(SessionStatus::Lost));
        assert_eq!(change.session.last_seen_at, before.last_seen_at);
    }
}
