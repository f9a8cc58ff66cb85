//! Sums of usage, and budgets over them.

use flightdeck_domain::ports::MissionQuery;

use crate::rows::page::asked;
use crate::statement::{Bind, Statement};

/// One page of missions, newest first.
#[must_use]
pub fn missions<'a>(mut statement: Statement<'a>, query: &'a MissionQuery) -> Statement<'a> {
    if let Some(after) = &query.after {
        statement = statement
            .sql(" AND (opened_at, key) < (?, ?)")
            .bind(Bind::Integer(after.opened_at.as_micros()))
            .bind(Bind::Text(after.id.as_str()));
    }
    statement.sql(" ORDER BY opened_at DESC, key DESC LIMIT ?").bind(asked(query.limit))
}
