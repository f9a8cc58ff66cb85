//! Who asks for an action, why, and with which request.

use std::collections::BTreeMap;

use super::ActionName;
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::operator::Actor;
use crate::text::{IdempotencyKey, Reason, RequestId};
use crate::time::Timestamp;

/// Who asks, why, and with which request, without the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who asks.
    pub actor: Actor,
    /// Why, in their words.
    pub reason: Option<Reason>,
    /// The request.
    pub request_id: RequestId,
    /// The idempotency key of the call.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl Origin {
    /// A call without a reason and without a key.
    #[must_use]
    pub const fn new(actor: Actor, request_id: RequestId) -> Self {
        Self { actor, reason: None, request_id, idempotency_key: None }
    }

    /// Adds a reason, if there is one.
    #[must_use]
    pub fn because(self, reason: Option<Reason>) -> Self {
        Self { reason, ..self }
    }

    /// Adds the time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Attribution {
        let Self { actor, reason, request_id, idempotency_key } = self;
        Attribution { actor, reason, request_id, at, idempotency_key, spooled: false }
    }
}

/// Who asks, why, with which request and when: the part of an action that only the record needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Who asks.
    pub actor: Actor,
    /// Why, in their words.
    pub reason: Option<Reason>,
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// The idempotency key of the call.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The entry is already durable in the spool, because the audit log could not be written. The action is done
    /// without an entry if it [may be](ActionName::may_be_spooled).
    pub spooled: bool,
}

impl Attribution {
    /// An audit entry for an action of this origin.
    #[must_use]
    pub fn audit(
        &self,
        action: ActionName,
        target: AuditTarget,
        outcome: AuditOutcome,
        mut details: BTreeMap<String, String>,
    ) -> AuditDraft {
        if let Some(key) = &self.idempotency_key {
            details.insert("idempotencyKey".to_owned(), key.to_string());
        }
        AuditDraft {
            action,
            actor: self.actor.clone(),
            at: self.at,
            details,
            outcome,
            reason: self.reason.clone(),
            request_id: self.request_id.clone(),
            target,
        }
    }

    /// The audit entry that must be written together with an intervention; `None` when it lies in the spool and the action
    /// may be done all the same.
    pub(crate) fn entry(
        &self,
        action: ActionName,
        target: AuditTarget,
        outcome: AuditOutcome,
        details: BTreeMap<String, String>,
    ) -> Option<AuditDraft> {
        let spooled = self.spooled && action.may_be_spooled();
        (!spooled).then(|| self.audit(action, target, outcome, details))
    }
}
