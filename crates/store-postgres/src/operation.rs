//! Operations and what became of them.

use async_trait::async_trait;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Opened, Operation, OperationTarget, TargetOutcome, Wish};
use flightdeck_domain::ports::{
    OperationPage, OperationQuery, OperationRepository, StoreUnavailable, TargetPage, TargetQuery,
};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::tables::{operation_targets, operations};

#[async_trait]
impl OperationRepository for PostgresStore {
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
        Ok(on!(self.read, (id), |connection| operations::get(connection, *id)).await?)
    }

    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
        Ok(on!(self.read, (query), |connection| operations::page(connection, query)).await?)
    }

    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
        Ok(on!(self.read, (query), |connection| operation_targets::page(connection, query)).await?)
    }
}

/// Writes an operation as it begins, with its events.
pub(crate) async fn open(tx: &mut Transaction, opened: &Opened) -> Result<(), StoreError> {
    operations::insert(tx, &opened.operation).await?;
    operation_targets::insert(tx, &opened.targets).await?;
    for event in opened.operation.opening_events() {
        tx.tell(event);
    }
    Ok(())
}

/// Moves each open target of a session as the rule says, and tells of operations that are completed by it. The caller has
/// the session's lock; the operations are locked in the order of their ids.
pub(crate) async fn move_targets(
    tx: &mut Transaction,
    session: SessionId,
    at: Timestamp,
    rule: impl Fn(&OperationTarget) -> Option<OperationTarget>,
) -> Result<(), StoreError> {
    for after in operation_targets::open_of(tx, session).await?.iter().filter_map(rule) {
        operation_targets::save(tx, &after).await?;
        if let Some(outcome) = &after.outcome {
            settle(tx, after.operation_id, outcome, 1, at).await?;
        }
    }
    Ok(())
}

/// Every session that has not ended gets a newer wish: whatever open target it makes pointless is superseded. The caller
/// has the locks of them all, so nothing settles a target meanwhile.
pub(crate) async fn supersede_all(tx: &mut Transaction, newer: Wish, at: Timestamp) -> Result<(), StoreError> {
    for wish in Wish::ALL.into_iter().filter(|wish| wish.is_superseded_by(newer)) {
        for operation in operations::open_with(tx, wish).await? {
            operation_targets::supersede(tx, operation.id).await?;
            // Targets are open only at sessions that have not ended, so none stays open.
            settle(tx, operation.id, &TargetOutcome::Superseded, operation.tally.open, at).await?;
        }
    }
    Ok(())
}

async fn settle(
    tx: &mut Transaction,
    id: OperationId,
    outcome: &TargetOutcome,
    targets: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(before) = operations::lock(tx, id).await? else { return Ok(()) };
    let after = before.settled(outcome, targets, at);
    operations::save(tx, &after).await?;
    if let Some(event) = after.completion_event() {
        tx.tell(event);
    }
    Ok(())
}
