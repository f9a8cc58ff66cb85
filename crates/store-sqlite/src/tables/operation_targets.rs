//! The sessions of operations.

use diesel::prelude::*;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget, TargetOutcome};
use flightdeck_domain::ports::{TargetCursor, TargetPage, TargetQuery};
use flightdeck_store_sql::rows::operation::{NewTargetRow, TargetRow, outcome_detail};
use flightdeck_store_sql::schema::operation_targets;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::values::{Key, counted, integer};

use super::session_tree::DEPTHS;
use super::sessions::OPEN;
use crate::error::StoreError;

pub(crate) fn insert(connection: &mut SqliteConnection, target: &OperationTarget) -> Result<(), StoreError> {
    diesel::insert_into(operation_targets::table).values(&NewTargetRow::from(target)).execute(connection)?;
    Ok(())
}

/// Makes a target of every session that has not ended, with the command at its next place. The commands are made by
/// [`super::commands::kill_open`] and their places taken by [`super::sessions::kill_open`], in the same transaction.
pub(crate) fn kill_open(connection: &mut SqliteConnection, operation: &Operation) -> Result<(), StoreError> {
    let wish = operation.wish;
    Statement::begin(format!(
        "WITH RECURSIVE chosen (id) AS (SELECT id FROM sessions INDEXED BY sessions_open WHERE {OPEN}), {DEPTHS} \
         INSERT INTO operation_targets (operation_id, depth, session_id, wish, command_seq, requested_at) \
         SELECT ?, depths.depth, sessions.id, '{wish}', sessions.last_command_seq + 1, ? \
         FROM depths JOIN sessions ON sessions.id = depths.id"
    ))
    .bind(Bind::Id(operation.id.key()))
    .bind(Bind::Integer(operation.requested_at.as_micros()))
    .execute(connection)?;
    Ok(())
}

/// The open ones of a session.
pub(crate) fn open_of(
    connection: &mut SqliteConnection,
    session: SessionId,
) -> Result<Vec<OperationTarget>, StoreError> {
    let rows: Vec<TargetRow> = Prepared::new(
        "SELECT * FROM operation_targets INDEXED BY operation_targets_open WHERE session_id = ? AND outcome IS NULL \
         ORDER BY operation_id",
        [Bind::Id(session.key())],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(OperationTarget::try_from).collect::<Result<_, _>>()?)
}

/// Writes what can change of a target.
pub(crate) fn save(connection: &mut SqliteConnection, target: &OperationTarget) -> Result<(), StoreError> {
    Prepared::new(
        "UPDATE operation_targets SET acknowledged_at = ?, observed_at = ?, outcome = ?, outcome_detail = ? \
         WHERE operation_id = ? AND depth = ? AND session_id = ?",
        [
            Bind::MaybeInteger(target.acknowledged_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(target.observed_at.map(|at| at.as_micros())),
            Bind::MaybeText(target.outcome.as_ref().map(TargetOutcome::as_str)),
            Bind::MaybeText(target.outcome.as_ref().and_then(outcome_detail)),
            Bind::Id(target.operation_id.key()),
            Bind::Integer(counted(target.depth)),
            Bind::Id(target.session_id.key()),
        ],
    )
    .execute(connection)?;
    Ok(())
}

/// Supersedes whatever is open of an operation.
pub(crate) fn supersede(connection: &mut SqliteConnection, operation: OperationId) -> Result<(), StoreError> {
    Prepared::new(
        "UPDATE operation_targets SET outcome = ? WHERE operation_id = ? AND outcome IS NULL",
        [Bind::Text(TargetOutcome::Superseded.as_str()), Bind::Id(operation.key())],
    )
    .execute(connection)?;
    Ok(())
}

/// One page, leaves first, and where the next begins.
pub(crate) fn page(connection: &mut SqliteConnection, query: &TargetQuery) -> Result<TargetPage, StoreError> {
    let mut statement = Statement::begin("SELECT * FROM operation_targets WHERE operation_id = ?")
        .bind(Bind::Id(query.operation.key()));
    if query.unseen_only {
        statement = statement.sql(" AND (outcome IS NULL OR outcome NOT IN ('observed', 'ended'))");
    }
    if let Some(after) = &query.after {
        statement = statement
            .sql(" AND (depth, session_id) < (?, ?)")
            .bind(Bind::Integer(counted(after.depth)))
            .bind(Bind::Id(after.session_id.key()));
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let rows: Vec<TargetRow> =
        statement.sql(" ORDER BY depth DESC, session_id DESC LIMIT ?").bind(Bind::Integer(limit)).load(connection)?;
    let more = rows.len() > query.limit;
    let targets: Vec<OperationTarget> =
        rows.into_iter().take(query.limit).map(OperationTarget::try_from).collect::<Result<_, _>>()?;
    let last = targets.last().filter(|_| more);
    let next = last.map(|last| TargetCursor { depth: last.depth, session_id: last.session_id });
    Ok(TargetPage { targets, next })
}
