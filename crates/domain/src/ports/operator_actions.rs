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
    /// The store is not available. Neither the action nor an entry was written.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The store is not available, and the action, which stops agents, is durable in the spool ([`super::AuditSpool`]).
    /// It is done as soon as the store is available. No store returns this itself.
    #[error("the store is not available; the {} is kept and done as soon as the store is back", kept.name().as_str())]
    Kept {
        /// The action in the spool; that of an earlier call, if the key is the same.
        kept: Box<SpooledAction>,
        /// Why the store is not available.
        #[source]
        cause: StoreUnavailable,
    },
}

/// Commits operator actions: desired status, message, command, feed event and audit entry in one transaction.
///
/// An action with an idempotency key is done once for its actor. [`Attribution::call`] is asked first, under the lock
/// under which the action is done, and the result of an accepted call is stored in the same transaction, for at least
/// [`Remembered::KEPT_FOR`]. A refused call is not stored, so it may be tried again. A key that belongs to another call
/// is a refusal like any other, on the audit log.
///
/// An action whose entry [is in the spool](Attribution::spooled) is done without an entry.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OperatorActions: Send + Sync {
    /// Commits one action. The session is read under its lock, [`OperatorAction::decide`] decides, and its whole result
    /// is written in the same transaction; a refusal writes only its audit entry. If the audit entry cannot be written,
    /// nothing is written. The new wish supersedes open targets that it makes pointless
    /// ([`crate::operation::OperationTarget::after_wish`]).
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError>;

    /// Commits one action on a session and those around it. [`ScopedAction::scope`] says which sessions it is for, and
    /// [`ScopedAction::decide`] gives the effects on each that has not ended. All of it is written in one transaction
    /// with one audit entry. A session that registers at the same moment is either among them or comes after the fence.
    /// The default implementation returns an error, for a store without operations.
    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        drop(action);
        Err(StoreUnavailable::new("this store has no operations, so one session can be acted on at a time").into())
    }

    /// Commits one action on the whole fleet. `KillAll` engages the kill switch, sets the desired status of every
    /// session that has not ended (lost ones included) to `killed`, and gives each a `kill` command.
    /// `ReleaseKillSwitch` lets sessions spawn again and changes no session. The default implementation returns an
    /// error, for a store without a kill switch.
    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        drop(action);
        Err(StoreUnavailable::new("this store has no kill switch").into())
    }

    /// Writes an audit entry for a call that was refused before any session was looked at.
    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable>;
}
