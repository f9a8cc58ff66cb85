//! Operator actions, each committed whole or not at all.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::{ActionName, ActionRefused, Attribution, Fingerprint, KeyReused, OperatorAction, Remembered};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget, SpooledAction};
use crate::command::Command;
use crate::ids::{AuditSeq, OperationId};
use crate::message::Message;
use crate::operation::{Operation, Scope, ScopedAction, Tally, Wish};
use crate::session::Session;

/// An action that was accepted and is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The session after it.
    pub session: Session,
    /// The operator's message.
    pub message: Option<Message>,
    /// The command for the agent.
    pub command: Option<Command>,
    /// The operation that tells when the effect is seen.
    pub operation: Option<OperationId>,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether it was done by an earlier call with the same key; session and command are as they stand now.
    pub again: bool,
}

impl Committed {
    /// What is kept of it, for the call that comes again.
    #[must_use]
    pub fn remember(&self, action: &OperatorAction) -> Remembered {
        Remembered {
            message: self.message.as_ref().map(|message| message.seq),
            command: self.command.as_ref().map(|command| command.seq),
            operation: self.operation,
            ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq)
        }
    }
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorActionError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] ActionRefused),
    /// The store cannot. Nothing was written, neither the action nor an entry.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The store cannot, and what stops agents lies in the spool, durably ([`super::AuditSpool`]): it is done as soon as
    /// the store can. No store gives this by itself.
    #[error("the store is not available; the {} is kept and done as soon as the store is back", kept.name().as_str())]
    Kept {
        /// As it lies in the spool; of an earlier call, when that had the same key.
        kept: Box<SpooledAction>,
        /// Why the store cannot.
        #[source]
        cause: StoreUnavailable,
    },
}

/// What an operator wants of the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetIntervention {
    /// Kill every session that has not ended, and let nothing spawn any more.
    KillAll,
    /// Let things spawn again.
    ReleaseKillSwitch,
}

/// A person steps in on the whole fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetAction {
    /// What is wanted.
    pub intervention: FleetIntervention,
    /// The id for the operation of a kill, where it is to be followed until it is seen.
    pub operation: Option<OperationId>,
    /// Who wants it, why.
    pub by: Attribution,
}

impl FleetAction {
    /// The audit entry, once it is known how many sessions it hit; `None` when it lies in the spool.
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

    /// The audit entry of a call that was refused for its key.
    #[must_use]
    pub fn refuse(&self, refused: &KeyReused) -> Option<AuditDraft> {
        let details = BTreeMap::from([("refusal".to_owned(), refused.to_string())]);
        self.by.entry(self.name(), AuditTarget::Fleet, AuditOutcome::Refused, details)
    }

    /// What it asks for, whenever it comes.
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

    /// The operation of a kill, all of whose targets are open: none of those that it hits is seen dead.
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
    /// The sessions it hit: all that had not ended.
    pub total: u64,
    /// The operation of a kill.
    pub operation: Option<OperationId>,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether it was done by an earlier call with the same key.
    pub again: bool,
}

impl FleetCommitted {
    /// What is kept of it, for the call that comes again.
    #[must_use]
    pub fn remember(&self, action: &FleetAction) -> Remembered {
        Remembered {
            operation: self.operation,
            total: self.total,
            ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq)
        }
    }
}

/// What an earlier call with the same key came to.
impl From<Remembered> for FleetCommitted {
    fn from(kept: Remembered) -> Self {
        let Remembered { total, operation, audit_seq, .. } = kept;
        Self { total, operation, audit_seq, again: true }
    }
}

/// An action on a session and those around it that is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedCommitted {
    /// The operation as it begins; as it stands, when it was done by an earlier call.
    pub operation: Operation,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// Whether it was done by an earlier call with the same key.
    pub again: bool,
}

impl ScopedCommitted {
    /// What is kept of it, for the call that comes again.
    #[must_use]
    pub fn remember(&self, action: &ScopedAction) -> Remembered {
        let operation = Some(self.operation.id);
        Remembered { operation, ..Remembered::new(action.fingerprint(), action.by.at, self.audit_seq) }
    }
}

/// Commits operator actions: desired status, message, command, feed event and audit entry in one transaction.
///
/// An action with an idempotency key is done once for its actor: under the lock under which it is done,
/// [`Attribution::call`] is asked first; what an accepted call came to is kept in the same transaction, for
/// [`Remembered::KEPT_FOR`] at least. A refused one is not kept: it may be tried again. A key that stands for another call
/// is a refusal as any other, on the audit log.
///
/// An action whose entry [lies in the spool](Attribution::spooled) is done without one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OperatorActions: Send + Sync {
    /// Commits one action. The session is read under its lock, [`OperatorAction::decide`] decides, and everything it
    /// gives back is written in the same transaction; a refusal writes its audit entry alone. If the audit entry cannot
    /// be written, nothing is. Open targets that the new wish makes pointless are superseded
    /// ([`crate::operation::OperationTarget::after_wish`]).
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError>;

    /// Commits one action on a session and those around it: [`ScopedAction::scope`] says whom it concerns,
    /// [`ScopedAction::decide`] what follows for each of them that has not ended, and all of it is written in one
    /// transaction under one audit entry. What registers at the same moment is among them or comes after the fence.
    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError>;

    /// Commits one action on the whole fleet. `KillAll` engages the kill switch, sets the desired status of every
    /// session that has not ended (a lost one too) to `killed` and gives each a `kill` command;
    /// `ReleaseKillSwitch` lets sessions spawn again and touches none.
    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError>;

    /// Writes an audit entry for something that was refused before any session was looked at.
    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable>;
}
