//! Operator actions, each committed whole or not at all.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::{ActionName, ActionRefused, Attribution, OperatorAction};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::command::Command;
use crate::ids::AuditSeq;
use crate::message::Message;
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
    /// Who wants it, why.
    pub by: Attribution,
}

impl FleetAction {
    /// The audit entry, once it is known how many sessions it hit.
    #[must_use]
    pub fn audit(&self, total: u64) -> AuditDraft {
        let (name, details) = match self.intervention {
            FleetIntervention::KillAll => (ActionName::KillAll, [("total".to_owned(), total.to_string())].into()),
            FleetIntervention::ReleaseKillSwitch => (ActionName::KillSwitchRelease, std::collections::BTreeMap::new()),
        };
        self.by.audit(name, AuditTarget::Fleet, AuditOutcome::Accepted, details)
    }
}

/// A fleet action that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetCommitted {
    /// The sessions it hit: all that had not ended.
    pub total: u64,
    /// Its place on the audit log.
    pub audit_seq: AuditSeq,
}

/// Commits operator actions: desired status, message, command, feed event and audit entry in one transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OperatorActions: Send + Sync {
    /// Commits one action. The session is read under its lock, [`OperatorAction::decide`] decides, and everything it
    /// gives back is written in the same transaction; a refusal writes its audit entry alone. If the audit entry cannot
    /// be written, nothing is.
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError>;

    /// Commits one action on the whole fleet. `KillAll` engages the kill switch, sets the desired status of every
    /// session that has not ended (a lost one too) to `killed` and gives each a `kill` command;
    /// `ReleaseKillSwitch` lets sessions spawn again and touches none.
    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, StoreUnavailable>;

    /// Writes an audit entry for something that was refused before any session was looked at.
    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable>;
}
