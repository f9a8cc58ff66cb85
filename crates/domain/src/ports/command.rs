//! The commands that wait for an agent.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::command::{Command, Receipt, ReceiptIsFinal};
use crate::ids::{CommandSeq, SessionId};
use crate::time::Timestamp;

/// Why an acknowledgement was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// There is no such command.
    #[error("session {session} has no command {seq}")]
    UnknownCommand {
        /// The session.
        session: SessionId,
        /// The place.
        seq: CommandSeq,
    },
    /// The receipt is final.
    #[error(transparent)]
    Final(#[from] ReceiptIsFinal),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps commands until they are acknowledged. Commands enter only by [`super::OperatorActions`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CommandQueue: Send + Sync {
    /// Gives at most `limit` pending commands after a place, in order. A command is given again until it is
    /// acknowledged as consumed or refused. `None` when there is no such session.
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable>;

    /// One command; `None` when there is no such one.
    async fn command(&self, session: SessionId, seq: CommandSeq) -> Result<Option<Command>, StoreUnavailable>;

    /// Moves a receipt forward, under the rules of [`Command::acknowledge`], with a `receipt` event if it changed.
    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError>;
}
