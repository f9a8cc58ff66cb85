//! Operations.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::{Operation, Wish};
use flightdeck_domain::ports::{OperationCursor, OperationPage, OperationQuery};
use flightdeck_store_sql::rows::operation::{NewOperationRow, OperationRow};
use flightdeck_store_sql::rows::page::page_of;
use flightdeck_store_sql::schema::operations;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::values::Key;

use crate::error::StoreError;

/// Every column, by name: one that a newer replica adds must not reach statements that are prepared without it.
const COLUMNS: &str = "id, wish, scope, scope_session, scope_mission, actor, reason, requested_at, total, open, \
     observed, ended, refused, superseded, completed_at";

pub(crate) async fn insert(connection: &mut AsyncPgConnection, operation: &Operation) -> Result<(), StoreError> {
    diesel::insert_into(operations::table).values(&NewOperationRow::from(operation)).execute(connection).await?;
    Ok(())
}

pub(crate) async fn get(connection: &mut AsyncPgConnection, id: OperationId) -> Result<Option<Operation>, StoreError> {
    let row =
        operations::table.find(id.key()).select(OperationRow::as_select()).get_result(connection).await.optional()?;
    Ok(row.map(Operation::try_from).transpose()?)
}

/// One operation, which nobody else changes until the end of the transaction.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, id: OperationId) -> Result<Option<Operation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = ? FOR NO KEY UPDATE");
    let row: Option<OperationRow> = Prepared::new(sql, [Bind::Id(id.key())]).get_result(connection).await.optional()?;
    Ok(row.map(Operation::try_from).transpose()?)
}

/// Writes what can change of an operation: how far it has come.
pub(crate) async fn save(connection: &mut AsyncPgConnection, operation: &Operation) -> Result<(), StoreError> {
    tables::operations::save(operation).execute(connection).await?;
    Ok(())
}

/// The open ones of one wish, oldest first.
pub(crate) async fn open_with(connection: &mut AsyncPgConnection, wish: Wish) -> Result<Vec<Operation>, StoreError> {
    let rows: Vec<OperationRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM operations WHERE completed_at IS NULL AND wish = ? \
         ORDER BY requested_at, id"
        ),
        [Bind::Text(wish.as_str())],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Operation::try_from).collect::<Result<_, _>>()?)
}

/// One page, newest first, and where the next begins.
pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    query: &OperationQuery,
) -> Result<OperationPage, StoreError> {
    let which = match query.open {
        None => "TRUE",
        Some(true) => "completed_at IS NULL",
        Some(false) => "completed_at IS NOT NULL",
    };
    let statement = Statement::begin(format!("SELECT {COLUMNS} FROM operations WHERE {which}"));
    let rows: Vec<OperationRow> = tables::operations::page(statement, query).load(connection).await?;
    let cursor = |last: &Operation| OperationCursor { requested_at: last.requested_at, id: last.id };
    let (operations, next) = page_of(rows, query.limit, cursor)?;
    Ok(OperationPage { operations, next })
}
