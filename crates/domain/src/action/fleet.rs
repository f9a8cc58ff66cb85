//! An operator acts on the whole fleet.

use std::collections::BTreeMap;

use serde_json::json;

use super::{ActionName, Attribution, Fingerprint, KeyReused, Remembered};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::ids::{AuditSeq, OperationId};
use crate::operation::{Operation, Scope, Tally, Wish};
use crate::operator::Actor;
use crate::session::DesiredStatus;
use crate::time::Timestamp;

/// What an operator wants of the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetIntervention {
    /// Kill every session that has not ended, and let no session spawn any more.
    KillAll,
    /// Let sessions spawn again.
    ReleaseKillSwitch,
}

/// An action of an operator on the whole fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetAction {
    /// What is wanted.
    pub intervention: FleetIntervention,
    /// The id for the operation of a kill, if its effect is to be followed.
    pub operation: Option<OperationId>,
    /// Who wants it, why.
    pub by: Attribution,
}

impl FleetAction {
    /// The audit entry, with the number of sessions that the action hit; `None` when the entry is in the spool.
    #[must_use]
    pub fn audit(&self, total: u64) -> Option<AuditDraft> {
        let mut details = BTreeMap::new();
        if let Some(operation) = self.operation(total) {
            details.insert("operationId".to_owned(), operation.id.to_string());
        }
        if self.intervention == FleetIntervention::KillAll {
            details.insert("total".to_owned(), total.to_string());
        }
        self.by.entry(self.name(), AuditTarget::Fleet, AuditOutcome::Accepted, details)
    }

    /// The audit entry of a call that was refused because of its key.
    #[must_use]
    pub fn refuse(&self, refused: &KeyReused) -> Option<AuditDraft> {
        let details = BTreeMap::from([("refusal".to_owned(), refused.to_string())]);
        self.by.entry(self.name(), AuditTarget::Fleet, AuditOutcome::Refused, details)
    }

    /// What the call asks for, independent of its time.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.name(), &AuditTarget::Fleet, self.by.reason.as_ref(), &BTreeMap::new())
    }

    const fn name(&self) -> ActionName {
        match self.intervention {
            FleetIntervention::KillAll => ActionName::KillAll,
            FleetIntervention::ReleaseKillSwitch => ActionName::KillSwitchRelease,
        }
    }

    /// The operation of a kill. All its targets are open, because none of its sessions was observed dead.
    #[must_use]
    pub fn operation(&self, total: u64) -> Option<Operation> {
        let id = self.operation.filter(|_| self.intervention == FleetIntervention::KillAll)?;
        let tally = Tally { total, open: total, ..Tally::default() };
        Some(Operation::begin(id, Wish::Kill, Scope::Fleet, &self.by, tally))
    }
}

/// A fleet action that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetCommitted {
    /// How many sessions it hit: all that had not ended.
    pub total: u64,
    /// The operation of a kill.
    pub operation: Option<OperationId>,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether an earlier call with the same key did it.
    pub again: bool,
}

impl FleetCommitted {
    /// What is stored of it for a repeated call.
    #[must_use]
    pub fn remember(&self, action: &FleetAction) -> Remembered {
        Remembered {
            operation: self.operation,
            total: self.total,
            ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq)
        }
    }
}

/// The result of an earlier call with the same key.
impl From<Remembered> for FleetCommitted {
    fn from(kept: Remembered) -> Self {
        let Remembered { total, operation, audit_seq, .. } = kept;
        Self { total, operation, audit_seq, again: true }
    }
}

impl FleetEventDraft {
    /// The kill switch was engaged (`desired` killed, with the number of sessions it hit) or released.
    #[must_use]
    pub fn kill_switch(engaged: bool, total: u64, actor: &Actor, at: Timestamp) -> Self {
        let desired = engaged.then_some(DesiredStatus::Killed);
        let data = json!({"engaged": engaged, "actor": actor, "total": total, "desiredStatus": desired});
        Self::new(FleetEventKind::KillSwitch, None, at, data)
    }
}
