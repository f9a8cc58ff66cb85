//! Operations and what became of them.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Opened, Operation, OperationTarget, TargetOutcome, Wish};
use flightdeck_domain::ports::{
    OperationPage, OperationQuery, OperationRepository, StoreUnavailable, TargetPage, TargetQuery,
};
use flightdeck_domain::time::Timestamp;

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{feed_events, operation_targets, operations};

#[async_trait]
impl OperationRepository for SqliteStore {
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| operations::get(connection, id)).await?)
    }

    async fn operations(&self, query: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
        Ok(self.readers.read(move |connection| operations::page(connection, &query)).await?)
    }

    async fn targets(&self, query: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
        Ok(self.readers.read(move |connection| operation_targets::page(connection, &query)).await?)
    }
}

/// Writes an operation as it begins, with its events.
pub(crate) fn open(connection: &mut SqliteConnection, opened: &Opened) -> Result<(), StoreError> {
    operations::insert(connection, &opened.operation)?;
    for target in &opened.targets {
        operation_targets::insert(connection, target)?;
    }
    for event in opened.operation.opening_events() {
        feed_events::insert(connection, &event)?;
    }
    Ok(())
}

/// Moves each open target of a session as the rule says, and tells of operations that are completed by it.
pub(crate) fn move_targets(
    connection: &mut SqliteConnection,
    session: SessionId,
    at: Timestamp,
    rule: impl Fn(&OperationTarget) -> Option<OperationTarget>,
) -> Result<(), StoreError> {
    for after in operation_targets::open_of(connection, session)?.iter().filter_map(rule) {
        operation_targets::save(connection, &after)?;
        if let Some(outcome) = &after.outcome {
            settle(connection, after.operation_id, outcome, 1, at)?;
        }
    }
    Ok(())
}

/// Every session that has not ended gets a newer wish: whatever open target it makes pointless is superseded.
pub(crate) fn supersede_all(connection: &mut SqliteConnection, newer: Wish, at: Timestamp) -> Result<(), StoreError> {
    for wish in Wish::ALL.into_iter().filter(|wish| wish.is_superseded_by(newer)) {
        for operation in operations::open_with(connection, wish)? {
            operation_targets::supersede(connection, operation.id)?;
            // Targets are open only at sessions that have not ended, so none stays open.
            settle(connection, operation.id, &TargetOutcome::Superseded, operation.tally.open, at)?;
        }
    }
    Ok(())
}

fn settle(
    connection: &mut SqliteConnection,
    id: OperationId,
    outcome: &TargetOutcome,
    targets: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(before) = operations::get(connection, id)? else { return Ok(()) };
    let after = before.settled(outcome, targets, at);
    operations::save(connection, &after)?;
    match after.completion_event() {
        Some(event) => feed_events::insert(connection, &event),
        None => Ok(()),
    }
}
