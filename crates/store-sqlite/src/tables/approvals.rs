//! Permission requests.

use diesel::prelude::*;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::ports::{ApprovalCursor, ApprovalQuery};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::approval::{ApprovalRow, Closed, NewApprovalRow};
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::page::page_of;
use flightdeck_store_sql::schema::approvals;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables::{self, Words};
use flightdeck_store_sql::values::{Key, integer};

use crate::error::StoreError;

/// `false` when there is one under its id.
pub(crate) fn insert(connection: &mut SqliteConnection, approval: &Approval) -> Result<bool, StoreError> {
    let row = NewApprovalRow::from(approval);
    Ok(diesel::insert_or_ignore_into(approvals::table).values(&row).execute(connection)? > 0)
}

pub(crate) fn get(connection: &mut SqliteConnection, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let row = approvals::table.find(id.key()).select(ApprovalRow::as_select()).first(connection).optional()?;
    Ok(row.map(Approval::try_from).transpose()?)
}

/// Writes what can change of a request: how it was closed.
pub(crate) fn save(connection: &mut SqliteConnection, approval: &Approval) -> Result<(), StoreError> {
    let closed = Closed::of(approval);
    tables::approvals::save(approval, &closed).execute(connection)?;
    Ok(())
}

/// Those of a session that nobody has decided.
pub(crate) fn open(connection: &mut SqliteConnection, session: SessionId) -> Result<Vec<Approval>, StoreError> {
    let rows: Vec<ApprovalRow> = Prepared::new(
        "SELECT * FROM approvals INDEXED BY approvals_open WHERE session_id = ? AND status = 'open'",
        [Bind::Id(session.key())],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(Approval::try_from).collect::<Result<_, _>>()?)
}

pub(crate) fn count_open(connection: &mut SqliteConnection, session: SessionId) -> Result<u64, StoreError> {
    let count: Number = Prepared::new(
        "SELECT COUNT(*) AS n FROM approvals INDEXED BY approvals_open WHERE session_id = ? AND status = 'open'",
        [Bind::Id(session.key())],
    )
    .get_result(connection)?;
    Ok(count.count())
}

/// At most `limit` open ones whose deadline has passed, the earliest first.
pub(crate) fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ApprovalId>, StoreError> {
    let rows: Vec<ApprovalRow> = Prepared::new(
        "SELECT * FROM approvals INDEXED BY approvals_due WHERE status = 'open' AND expires_at IS NOT NULL \
         AND expires_at <= ? ORDER BY expires_at, id LIMIT ?",
        [Bind::Integer(now.as_micros()), Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.iter().map(ApprovalRow::id).collect::<Result<_, _>>()?)
}

/// One page, newest first, and where the next begins.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    query: &ApprovalQuery,
) -> Result<(Vec<Approval>, Option<ApprovalCursor>), StoreError> {
    let statement = Statement::begin("SELECT * FROM approvals WHERE TRUE");
    let rows: Vec<ApprovalRow> = tables::approvals::page(statement, query, Words::SQLITE).load(connection)?;
    let cursor = |last: &Approval| ApprovalCursor { opened_at: last.opened_at, id: last.id };
    Ok(page_of(rows, query.limit, cursor)?)
}
