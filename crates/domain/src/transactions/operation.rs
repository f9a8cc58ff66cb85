//! Operations, from their beginning until their last target is settled.

use async_trait::async_trait;

use super::run::run;
use crate::ids::{OperationId, SessionId};
use crate::operation::{Opened, Operation, OperationTarget, TargetOutcome, Wish};
use crate::ports::{
    ControlRows, OperationPage, OperationQuery, OperationRepository, Rows, StoreUnavailable, TargetPage, TargetQuery,
    Transactional, Tx,
};
use crate::time::Timestamp;

/// Writes an operation at its beginning, with its events.
pub(super) async fn open<T: Tx>(tx: &mut T, opened: &Opened) -> Rows<()> {
    tx.insert_operation(&opened.operation).await?;
    tx.insert_targets(&opened.targets).await?;
    for event in opened.operation.opening_events() {
        tx.tell(event).await?;
    }
    Ok(())
}

/// Settles open targets of a session, which is locked, as the rule says, and reports operations that are completed by
/// it.
pub(super) async fn move_targets<T: Tx>(
    tx: &mut T,
    session: SessionId,
    at: Timestamp,
    rule: impl Fn(&OperationTarget) -> Option<OperationTarget> + Send,
) -> Rows<()> {
    for target in tx.open_targets(session).await? {
        let Some(after) = rule(&target) else { continue };
        tx.save_target(&after).await?;
        if let Some(outcome) = &after.outcome {
            settle(tx, after.operation_id, outcome, 1, at).await?;
        }
    }
    Ok(())
}

/// Gives every session that has not ended a newer wish: open targets that it makes pointless are superseded. All these
/// sessions are locked.
pub(super) async fn supersede_all<T: Tx>(tx: &mut T, newer: Wish, at: Timestamp) -> Rows<()> {
    for wish in Wish::ALL.into_iter().filter(|wish| wish.is_superseded_by(newer)) {
        for operation in tx.open_operations(wish).await? {
            tx.supersede_targets(operation.id).await?;
            // Targets are open only at sessions that have not ended, so none stays open.
            settle(tx, operation.id, &TargetOutcome::Superseded, operation.tally.open, at).await?;
        }
    }
    Ok(())
}

async fn settle<T: Tx>(tx: &mut T, id: OperationId, outcome: &TargetOutcome, targets: u64, at: Timestamp) -> Rows<()> {
    let Some(before) = tx.lock_operation(id).await? else { return Ok(()) };
    let after = before.settled(outcome, targets, at);
    tx.save_operation(&after).await?;
    match after.completion_event() {
        Some(event) => tx.tell(event).await,
        None => Ok(()),
    }
}

#[async_trait]
impl<S: Transactional> OperationRepository for S {
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
        run!(self.read, (id), |tx| tx.operation(id)).await
    }

    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
        run!(self.read, (query), |tx| tx.operation_page(&query)).await
    }

    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
        run!(self.read, (query), |tx| tx.target_page(&query)).await
    }
}
