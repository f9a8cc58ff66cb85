//! The sessions of operations.

use diesel::prelude::*;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::{TargetCursor, TargetPage, TargetQuery};
use flightdeck_store_sql::rows::operation::{NewTargetRow, TargetRow};
use flightdeck_store_sql::rows::page::page_of;
use flightdeck_store_sql::schema::operation_targets;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::values::Key;

use super::session_tree::DEPTHS;
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
    tables::operation_targets::save(target).execute(connection)?;
    Ok(())
}

/// Supersedes whatever is open of an operation.
pub(crate) fn supersede(connection: &mut SqliteConnection, operation: OperationId) -> Result<(), StoreError> {
    tables::operation_targets::supersede(operation).execute(connection)?;
    Ok(())
}

/// One page, leaves first, and where the next begins.
pub(crate) fn page(connection: &mut SqliteConnection, query: &TargetQuery) -> Result<TargetPage, StoreError> {
    let statement = Statement::begin("SELECT * FROM operation_targets");
    let rows: Vec<TargetRow> = tables::operation_targets::page(statement, query).load(connection)?;
    let cursor = |last: &OperationTarget| TargetCursor { depth: last.depth, session_id: last.session_id };
    let (targets, next) = page_of(rows, query.limit, cursor)?;
    Ok(TargetPage { targets, next })
}
