//! Actions that stop agents while the audit log cannot be written.
//!
//! All other actions are refused at that time. A kill or a pause is first written to a spool outside the database,
//! durably, and then done without its entry. The entry follows when the log can be written again, and says that it is
//! late.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AuditDraft, AuditOutcome, AuditTarget};
use crate::action::{ActionName, Attribution, FleetAction, FleetIntervention, Intervention, OperatorAction, Origin};
use crate::ids::{OperationId, SessionId};
use crate::operation::{Reach, ScopedAction, Wish};
use crate::operator::Actor;
use crate::text::{IdempotencyKey, Reason, RequestId};
use crate::time::Timestamp;

/// An intervention in the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpooledAction {
    /// Its id in the spool, and in its entry as `details.spooled`.
    pub id: Uuid,
    /// Which sessions it stops.
    pub stop: Stop,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// The reason, in the operator's words.
    pub reason: Option<Reason>,
    /// The request.
    pub request_id: RequestId,
    /// The idempotency key of the call.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Which sessions an intervention stops. Each variant has the id of its operation, by which its commands are found
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "who", deny_unknown_fields)]
pub enum Stop {
    /// One session.
    One {
        /// The session.
        session: SessionId,
        /// `pause` or `kill`.
        wish: Wish,
        /// The operation.
        operation: Option<OperationId>,
    },
    /// A session and those around it.
    Around {
        /// The session that is named.
        session: SessionId,
        /// How far the action reaches from that session.
        reach: Reach,
        /// `pause` or `kill`.
        wish: Wish,
        /// The operation.
        operation: OperationId,
    },
    /// The whole fleet.
    Fleet {
        /// The operation.
        operation: Option<OperationId>,
    },
}

/// What became of an intervention in the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "fate", content = "why")]
pub enum Fate {
    /// It was done at once; only its entry is missing.
    Done,
    /// It was done when the store could be written again.
    DoneLate,
    /// It was not done.
    NotDone(String),
}

impl SpooledAction {
    /// An action on one session; `None` when the intervention does not stop it, or comes from the spool itself.
    #[must_use]
    pub fn one(id: Uuid, action: &OperatorAction) -> Option<Self> {
        let wish = Wish::of(&action.intervention)?;
        let stop = Stop::One { session: action.session_id, wish, operation: action.operation };
        Self::new(id, stop, &action.by)
    }

    /// An action on a session and those around it.
    #[must_use]
    pub fn around(id: Uuid, action: &ScopedAction) -> Option<Self> {
        let ScopedAction { session_id: session, reach, wish, operation, .. } = *action;
        Self::new(id, Stop::Around { session, reach, wish, operation }, &action.by)
    }

    /// An action on the whole fleet; a release stops no session.
    #[must_use]
    pub fn fleet(id: Uuid, action: &FleetAction) -> Option<Self> {
        let kills = action.intervention == FleetIntervention::KillAll;
        kills.then(|| Self::new(id, Stop::Fleet { operation: action.operation }, &action.by)).flatten()
    }

    fn new(id: Uuid, stop: Stop, by: &Attribution) -> Option<Self> {
        if by.spooled {
            return None;
        }
        let Attribution { actor, reason, request_id, at, idempotency_key, .. } = by.clone();
        let spooled = Self { id, stop, at, actor, reason, request_id, idempotency_key };
        spooled.name().may_be_spooled().then_some(spooled)
    }

    /// The name of the action on the audit log.
    #[must_use]
    pub const fn name(&self) -> ActionName {
        match &self.stop {
            Stop::One { wish, .. } | Stop::Around { wish, .. } => wish.name(),
            Stop::Fleet { .. } => ActionName::KillAll,
        }
    }

    /// The wish for the sessions that it stops.
    #[must_use]
    pub const fn wish(&self) -> Wish {
        match &self.stop {
            Stop::One { wish, .. } | Stop::Around { wish, .. } => *wish,
            Stop::Fleet { .. } => Wish::Kill,
        }
    }

    /// The operation by which its commands are found.
    #[must_use]
    pub const fn operation(&self) -> Option<OperationId> {
        match &self.stop {
            Stop::One { operation, .. } | Stop::Fleet { operation } => *operation,
            Stop::Around { operation, .. } => Some(*operation),
        }
    }

    /// The action without its entry.
    #[must_use]
    pub fn action(&self) -> SpooledIntervention {
        let by = self.by();
        match self.stop.clone() {
            Stop::One { session: session_id, wish, operation } => {
                let intervention = if wish == Wish::Pause { Intervention::Pause } else { Intervention::Kill };
                SpooledIntervention::One(OperatorAction { session_id, intervention, operation, able: None, by })
            }
            Stop::Around { session: session_id, reach, wish, operation } => {
                SpooledIntervention::Around(ScopedAction { operation, session_id, reach, wish, drop_queued: false, by })
            }
            Stop::Fleet { operation } => {
                SpooledIntervention::Fleet(FleetAction { intervention: FleetIntervention::KillAll, operation, by })
            }
        }
    }

    /// Its entry, once the log can be written again.
    #[must_use]
    pub fn entry(&self, fate: &Fate, now: Timestamp) -> AuditDraft {
        let mut details =
            BTreeMap::from([("spooled".to_owned(), self.id.to_string()), ("foldedAt".to_owned(), now.to_string())]);
        if let Some(operation) = self.operation() {
            details.insert("operationId".to_owned(), operation.to_string());
        }
        let target = match &self.stop {
            Stop::One { session, .. } => AuditTarget::Session(*session),
            Stop::Around { session, reach, .. } => {
                details.insert("scope".to_owned(), reach.as_str().to_owned());
                AuditTarget::Session(*session)
            }
            Stop::Fleet { .. } => AuditTarget::Fleet,
        };
        let outcome = match fate {
            Fate::Done => AuditOutcome::Accepted,
            Fate::DoneLate => {
                details.insert("doneAt".to_owned(), now.to_string());
                AuditOutcome::Accepted
            }
            Fate::NotDone(why) => {
                details.insert("refusal".to_owned(), why.clone());
                AuditOutcome::Refused
            }
        };
        self.by().audit(self.name(), target, outcome, details)
    }

    fn by(&self) -> Attribution {
        let Self { actor, reason, request_id, idempotency_key, at, .. } = self.clone();
        let origin = Origin { actor, reason, request_id, idempotency_key };
        Attribution { spooled: true, ..origin.at(at) }
    }
}

/// An action that is read from the spool.
#[derive(Clone, Debug, PartialEq)]
pub enum SpooledIntervention {
    /// On one session.
    One(OperatorAction),
    /// On a session and those around it.
    Around(ScopedAction),
    /// On the whole fleet.
    Fleet(FleetAction),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, attribution, operation_id, session_id};

    fn one(intervention: Intervention) -> Option<SpooledAction> {
        let by = attribution("because");
        let action = OperatorAction {
            session_id: session_id(1),
            intervention,
            operation: Some(operation_id(1)),
            able: None,
            by,
        };
        SpooledAction::one(Uuid::from_u128(7), &action)
    }

    #[test]
    fn only_what_stops_agents_goes_into_the_spool() {
        assert!(one(Intervention::Kill).is_some() && one(Intervention::Pause).is_some());
        assert!(one(Intervention::Resume).is_none());
        assert!(one(Intervention::Interrupt { drop_queued: false }).is_none());
        let fleet = |intervention| FleetAction { intervention, operation: None, by: attribution("because") };
        assert!(SpooledAction::fleet(Uuid::nil(), &fleet(FleetIntervention::KillAll)).is_some());
        assert!(SpooledAction::fleet(Uuid::nil(), &fleet(FleetIntervention::ReleaseKillSwitch)).is_none());
    }

    #[test]
    fn it_comes_out_as_it_went_in_and_its_entry_says_that_it_is_late() {
        let kill = one(Intervention::Kill).expect("kept");
        let text = serde_json::to_string(&kill).expect("written");
        assert_eq!(serde_json::from_str::<SpooledAction>(&text).expect("read"), kill);
        let SpooledIntervention::One(action) = kill.action() else { panic!("of one") };
        assert_eq!((action.intervention, action.operation), (Intervention::Kill, Some(operation_id(1))));
        assert!(action.by.spooled && action.by.actor == attribution("").actor);
        let entry = kill.entry(&Fate::DoneLate, at(60));
        assert_eq!((entry.action, entry.outcome, entry.at), (ActionName::Kill, AuditOutcome::Accepted, at(0)));
        assert_eq!((&entry.details["spooled"], &entry.details["doneAt"]), (&kill.id.to_string(), &at(60).to_string()));
        let refused = kill.entry(&Fate::NotDone("it has ended".to_owned()), at(60));
        assert_eq!((refused.outcome, refused.details["refusal"].as_str()), (AuditOutcome::Refused, "it has ended"));
    }
}
