//! The sessions of operations.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
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

/// Every column, by name: one that a newer replica adds must not reach statements that are prepared without it.
const COLUMNS: &str = "operation_id, depth, session_id, wish, command_seq, requested_at, \
     acknowledged_at, observed_at, outcome, outcome_detail";

/// The most rows in one `INSERT`: a statement takes 65,535 values.
const CHUNK: usize = 1_000;

pub(crate) async fn insert(connection: &mut AsyncPgConnection, targets: &[OperationTarget]) -> Result<(), StoreError> {
    for chunk in targets.chunks(CHUNK) {
        let rows: Vec<NewTargetRow<'_>> = chunk.iter().map(NewTargetRow::from).collect();
        diesel::insert_into(operation_targets::table).values(&rows).execute(connection).await?;
    }
    Ok(())
}

/// Makes a target of every session that has not ended, with the command at its next place. The commands are made by
/// [`super::commands::kill_open`] and their places taken by [`super::sessions::kill_open`], in the same transaction.
pub(crate) async fn kill_open(connection: &mut AsyncPgConnection, operation: &Operation) -> Result<(), StoreError> {
    let wish = operation.wish;
    Statement::begin(format!(
        "WITH RECURSIVE chosen (id) AS (SELECT id FROM sessions WHERE {OPEN}), {DEPTHS} \
         INSERT INTO operation_targets (operation_id, depth, session_id, wish, command_seq, requested_at) \
         SELECT ?, depths.depth, sessions.id, '{wish}', sessions.last_command_seq + 1, ? \
         FROM depths JOIN sessions ON sessions.id = depths.id"
    ))
    .bind(Bind::Id(operation.id.key()))
    .bind(Bind::Integer(operation.requested_at.as_micros()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The open ones of a session.
pub(crate) async fn open_of(
    connection: &mut AsyncPgConnection,
    session: SessionId,
) -> Result<Vec<OperationTarget>, StoreError> {
    let rows: Vec<TargetRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM operation_targets WHERE session_id = ? AND outcome IS NULL \
         ORDER BY operation_id"
        ),
        [Bind::Id(session.key())],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(OperationTarget::try_from).collect::<Result<_, _>>()?)
}

/// Writes what can change of a target.
pub(crate) async fn save(connection: &mut AsyncPgConnection, target: &OperationTarget) -> Result<(), StoreError> {
    tables::operation_targets::save(target).execute(connection).await?;
    Ok(())
}

/// Supersedes whatever is open of an operation.
pub(crate) async fn supersede(connection: &mut AsyncPgConnection, operation: OperationId) -> Result<(), StoreError> {
    tables::operation_targets::supersede(operation).execute(connection).await?;
    Ok(())
}

/// One page, leaves first, and where the next begins.
pub(crate) async fn page(connection: &mut AsyncPgConnection, query: &TargetQuery) -> Result<TargetPage, StoreError> {
    let statement = Statement::begin(format!("SELECT {COLUMNS} FROM operation_targets"));
    let rows: Vec<TargetRow> = tables::operation_targets::page(statement, query).load(connection).await?;
    let cursor = |last: &OperationTarget| TargetCursor { depth: last.depth, session_id: last.session_id };
    let (targets, next) = page_of(rows, query.limit, cursor)?;
    Ok(TargetPage { targets, next })
}
