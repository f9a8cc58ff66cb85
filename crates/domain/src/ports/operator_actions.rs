//! Operator actions, each committed whole or not at all.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::{ActionRefused, Committed, FleetAction, FleetCommitted, OperatorAction};
#[cfg(doc)]
use crate::action::{Attribution, Remembered};
use crate::audit::{AuditDraft, SpooledAction};
use crate::ids::AuditSeq;
use crate::operation::{ScopedAction, ScopedCommitted};

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
    /// transaction under one audit entry. What registers at the same moment is among them or comes after the fence. As given
    /// here the store cannot: for one that has no operations.
    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        drop(action);
        Err(StoreUnavailable::new("this store has no operations, so one session can be acted on at a time").into())
    }

    /// Commits one action on the whole fleet. `KillAll` engages the kill switch, sets the desired status of every
    /// session that has not ended (a lost one too) to `killed` and gives each a `kill` command;
    /// `ReleaseKillSwitch` lets sessions spawn again and touches none. As given here the store cannot: for one that has no
    /// kill switch.
    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        drop(action);
        Err(StoreUnavailable::new("this store has no kill switch").into())
    }

    /// Writes an audit entry for something that was refused before any session was looked at.
    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable>;
}
