//! Permission requests.

use flightdeck_domain::approval::Approval;
use flightdeck_domain::ports::ApprovalQuery;

use super::Words;
use crate::rows::approval::Closed;
use crate::rows::page::asked;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::Key;

/// Writes what can change of a request: how it was closed.
#[must_use]
pub fn save<'a>(approval: &Approval, closed: &'a Closed<'_>) -> Prepared<Bind<'a>, 8> {
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
}

/// One page, newest first.
#[must_use]
pub fn page<'a>(mut statement: Statement<'a>, query: &'a ApprovalQuery, words: Words) -> Statement<'a> {
    if let Some(session) = &query.filter.session_id {
        statement = statement.sql(" AND session_id = ?").bind(Bind::Id(session.key()));
    }
    if let Some(top) = &query.filter.subtree {
        statement = statement.sql(" AND session_id IN ").sql(&words.below()).bind(Bind::Id(top.key()));
    }
    statement = match query.filter.statuses.as_slice() {
        [] => statement,
        [status] if query.filter.session_id.is_none() => {
            statement.sql(" AND status = ?").bind(Bind::Text(status.as_str()))
        }
        several => statement.sql(&words.status_in(several)),
    };
    if let Some(before) = &query.before {
        statement = statement
            .sql(" AND (opened_at, id) < (?, ?)")
            .bind(Bind::Integer(before.opened_at.as_micros()))
            .bind(Bind::Id(before.id.key()));
    }
    statement.sql(" ORDER BY opened_at DESC, id DESC LIMIT ?").bind(asked(query.limit))
}
