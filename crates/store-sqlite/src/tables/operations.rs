//! Operations.

use diesel::prelude::*;
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

pub(crate) fn insert(connection: &mut SqliteConnection, operation: &Operation) -> Result<(), StoreError> {
    diesel::insert_into(operations::table).values(&NewOperationRow::from(operation)).execute(connection)?;
    Ok(())
}

pub(crate) fn get(connection: &mut SqliteConnection, id: OperationId) -> Result<Option<Operation>, StoreError> {
    let row = operations::table.find(id.key()).select(OperationRow::as_select()).get_result(connection).optional()?;
    Ok(row.map(Operation::try_from).transpose()?)
}

/// Writes what can change of an operation: how far it has come.
pub(crate) fn save(connection: &mut SqliteConnection, operation: &Operation) -> Result<(), StoreError> {
    tables::operations::save(operation).execute(connection)?;
    Ok(())
}

/// The open ones of one wish, oldest first.
pub(crate) fn open_with(connection: &mut SqliteConnection, wish: Wish) -> Result<Vec<Operation>, StoreError> {
    let rows: Vec<OperationRow> = Prepared::new(
        "SELECT * FROM operations INDEXED BY operations_open WHERE completed_at IS NULL AND wish = ? \
         ORDER BY requested_at, id",
        [Bind::Text(wish.as_str())],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(Operation::try_from).collect::<Result<_, _>>()?)
}

/// One page, newest first, and where the next begins.
pub(crate) fn page(connection: &mut SqliteConnection, query: &OperationQuery) -> Result<OperationPage, StoreError> {
    let which = match query.open {
        None => "INDEXED BY operations_newest WHERE TRUE",
        Some(true) => "INDEXED BY operations_open WHERE completed_at IS NULL",
        Some(false) => "INDEXED BY operations_completed WHERE completed_at IS NOT NULL",
    };
    let statement = Statement::begin(format!("SELECT * FROM operations {which}"));
    let rows: Vec<OperationRow> = tables::operations::page(statement, query).load(connection)?;
    let cursor = |last: &Operation| OperationCursor { requested_at: last.requested_at, id: last.id };
    let (operations, next) = page_of(rows, query.limit, cursor)?;
    Ok(OperationPage { operations, next })
}
