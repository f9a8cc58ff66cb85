//! Operator actions, each committed whole or not at all.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::{ActionName, ActionRefused, Attribution, OperatorAction};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
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
    /// Its place on the audit log.
    pub audit_seq: AuditSeq,
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
    /// The audit entry, once it is known how many sessions it hit.
    #[must_use]
    pub fn audit(&self, total: u64) -> AuditDraft {
        let mut details = BTreeMap::new();
        let name = match self.intervention {
            FleetIntervention::KillAll => ActionName::KillAll,
            FleetIntervention::ReleaseKillSwitch => ActionName::KillSwitchRelease,
        };
        if let Some(operation) = self.operation(total) {
            details.insert("operationId".to_owned(), operation.id.to_string());
        }
        if self.intervention == FleetIntervention::KillAll {
            details.insert("total".to_owned(), total.to_string());
        }
        self.by.audit(name, AuditTarget::Fleet, AuditOutcome::Accepted, details)
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
    /// Its place on the audit log.
    pub audit_seq: AuditSeq,
}

/// An action on a session and those around it that is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedCommitted {
    /// The operation as it begins.
    pub operation: Operation,
    /// Its place on the audit log.
    pub audit_seq: AuditSeq,
}

/// Commits operator actions: desired status, message, command, feed event and audit entry in one transaction.
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
    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, StoreUnavailable>;

    /// Writes an audit entry for something that was refused before any session was looked at.
    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable>;
}
