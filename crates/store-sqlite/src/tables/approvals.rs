//! Permission requests.

use diesel::prelude::*;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::ports::{ApprovalCursor, ApprovalQuery};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::approval::{ApprovalRow, Closed, NewApprovalRow};
use flightdeck_store_sql::schema::approvals;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::values::{Key, integer};

use super::Number;
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
    Prepared::new(
        "UPDATE approvals SET status = ?, closed_at = ?, decided_option = ?, decided_by = ?, reason = ?, expired_why = ?, \
         answer = ? \
         WHERE id = ?",
        [
            Bind::Text(approval.status().as_str()),
            Bind::MaybeInteger(closed.at),
            Bind::MaybeText(closed.option),
            Bind::MaybeText(closed.by),
            Bind::MaybeText(closed.reason),
            Bind::MaybeText(closed.why),
            Bind::MaybeText(closed.answer.as_deref()),
            Bind::Id(approval.id.key()),
        ],
    )
    .execute(connection)?;
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
    let mut statement = Statement::begin("SELECT * FROM approvals WHERE TRUE");
    if let Some(session) = &query.filter.session_id {
        statement = statement.sql(" AND session_id = ?").bind(Bind::Id(session.key()));
    }
    if let Some(top) = &query.filter.subtree {
        let below = " AND session_id IN (WITH RECURSIVE below (id) AS ( \
             SELECT ? UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)";
        statement = statement.sql(below).bind(Bind::Id(top.key()));
    }
    statement = match query.filter.statuses.as_slice() {
        [] => statement,
        [status] if query.filter.session_id.is_none() => {
            statement.sql(" AND status = ?").bind(Bind::Text(status.as_str()))
        }
        several => {
            let words: Vec<String> = several.iter().map(|status| format!("'{status}'")).collect();
            // The plus keeps SQLite from gathering each status by its index and sorting it all for one page.
            statement.sql(&format!(" AND +status IN ({})", words.join(", ")))
        }
    };
    if let Some(before) = &query.before {
        statement = statement
            .sql(" AND (opened_at, id) < (?, ?)")
            .bind(Bind::Integer(before.opened_at.as_micros()))
            .bind(Bind::Id(before.id.key()));
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let rows: Vec<ApprovalRow> =
        statement.sql(" ORDER BY opened_at DESC, id DESC LIMIT ?").bind(Bind::Integer(limit)).load(connection)?;
    let more = rows.len() > query.limit;
    let page: Vec<Approval> = rows.into_iter().take(query.limit).map(Approval::try_from).collect::<Result<_, _>>()?;
    let last = page.last().map(|last| ApprovalCursor { opened_at: last.opened_at, id: last.id });
    Ok((page, last.filter(|_| more)))
}
