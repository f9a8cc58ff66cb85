//! The commands that wait for an agent.

use async_trait::async_trait;

use super::operation::move_targets;
use super::run::run;
use crate::command::{Command, Receipt};
use crate::feed::FleetEventDraft;
use crate::ids::{CommandSeq, SessionId};
use crate::ports::{AcknowledgeError, CommandQueue, Rows, StoreUnavailable, TalkRows, Transactional, Tx};
use crate::time::Timestamp;

/// `None` when there is no such session.
async fn pending<T: Tx>(tx: &mut T, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Option<Vec<Command>>> {
    let pending = tx.pending_commands(session, after, limit).await?;
    // Where there is a command, there is its session; and a session that is there stays. So two moments will do.
    let known = !pending.is_empty() || tx.head(session).await?.is_some();
    Ok(known.then_some(pending))
}

/// Moves a receipt on: [`CommandQueue::acknowledge`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn acknowledge<T: Tx>(
    tx: &mut T,
    session: SessionId,
    seq: CommandSeq,
    receipt: Receipt,
    at: Timestamp,
) -> Result<Command, AcknowledgeError> {
    let unknown = || AcknowledgeError::UnknownCommand { session, seq };
    tx.lock_head(session).await?.ok_or_else(unknown)?;
    let before = tx.command(session, seq).await?.ok_or_else(unknown)?;
    let after = before.acknowledge(receipt, at)?;
    if after.receipt != before.receipt {
        tx.save_command(&after).await?;
        tx.tell(FleetEventDraft::receipt(&after, at)).await?;
        move_targets(tx, session, at, |target| target.after_receipt(&after)).await?;
    }
    Ok(after)
}

#[async_trait]
impl<S: Transactional> CommandQueue for S {
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        run!(self.read, (session, after, limit), |tx| pending(tx, session, after, limit)).await
    }

    async fn command(&self, session: SessionId, seq: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
        run!(self.read, (session, seq), |tx| tx.command(session, seq)).await
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        run!(self.write, (receipt), |tx| acknowledge(tx, session, seq, receipt, at)).await
    }
}
