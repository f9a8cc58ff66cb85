//! Permission requests.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
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

/// Every column, by name: one that a newer replica adds must not reach statements that are prepared without it.
const COLUMNS: &str = "id, session_id, status, title, options, opened_at, expires_at, closed_at, \
     decided_option, decided_by, reason, expired_why, detail, answer";

/// `false` when there is one under its id, which another transaction may have put there a moment ago.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, approval: &Approval) -> Result<bool, StoreError> {
    let row = NewApprovalRow::from(approval);
    let rows = diesel::insert_into(approvals::table).values(&row).on_conflict_do_nothing().execute(connection).await?;
    Ok(rows > 0)
}

pub(crate) async fn get(connection: &mut AsyncPgConnection, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let row = approvals::table.find(id.key()).select(ApprovalRow::as_select()).first(connection).await.optional()?;
    Ok(row.map(Approval::try_from).transpose()?)
}

/// Writes what can change of a request: how it was closed.
pub(crate) async fn save(connection: &mut AsyncPgConnection, approval: &Approval) -> Result<(), StoreError> {
    let closed = Closed::of(approval);
    tables::approvals::save(approval, &closed).execute(connection).await?;
    Ok(())
}

/// Those of a session that nobody has decided.
pub(crate) async fn open(connection: &mut AsyncPgConnection, session: SessionId) -> Result<Vec<Approval>, StoreError> {
    let rows: Vec<ApprovalRow> = Prepared::new(
        format!("SELECT {COLUMNS} FROM approvals WHERE session_id = ? AND status = 'open'"),
        [Bind::Id(session.key())],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Approval::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn count_open(connection: &mut AsyncPgConnection, session: SessionId) -> Result<u64, StoreError> {
    let count: Number = Prepared::new(
        "SELECT COUNT(*) AS n FROM approvals WHERE session_id = ? AND status = 'open'",
        [Bind::Id(session.key())],
    )
    .get_result(connection)
    .await?;
    Ok(count.count())
}

/// At most `limit` open ones whose deadline has passed, the earliest first.
pub(crate) async fn due(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ApprovalId>, StoreError> {
    let rows: Vec<ApprovalRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM approvals WHERE status = 'open' AND expires_at IS NOT NULL \
         AND expires_at <= ? ORDER BY expires_at, id LIMIT ?"
        ),
        [Bind::Integer(now.as_micros()), Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.iter().map(ApprovalRow::id).collect::<Result<_, _>>()?)
}

/// One page, newest first, and where the next begins.
pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    query: &ApprovalQuery,
) -> Result<(Vec<Approval>, Option<ApprovalCursor>), StoreError> {
    let statement = Statement::begin(format!("SELECT {COLUMNS} FROM approvals WHERE TRUE"));
    let rows: Vec<ApprovalRow> = tables::approvals::page(statement, query, Words::POSTGRES).load(connection).await?;
    let cursor = |last: &Approval| ApprovalCursor { opened_at: last.opened_at, id: last.id };
    Ok(page_of(rows, query.limit, cursor)?)
}
