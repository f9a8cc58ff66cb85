//! Operations.

use flightdeck_domain::operation::Operation;
use flightdeck_domain::ports::OperationQuery;

use crate::rows::page::asked;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, counted};

/// Writes what can change of an operation: how far it has come.
#[must_use]
pub fn save(operation: &Operation) -> Prepared<Bind<'_>, 7> {
    let tally = operation.tally;
    Prepared::new(
        "UPDATE operations SET open = ?, observed = ?, ended = ?, refused = ?, superseded = ?, completed_at = ? WHERE id = ?",
        [
            Bind::Integer(counted(tally.open)),
            Bind::Integer(counted(tally.observed)),
            Bind::Integer(counted(tally.ended)),
            Bind::Integer(counted(tally.refused)),
            Bind::Integer(counted(tally.superseded)),
            Bind::MaybeInteger(operation.completed_at.map(|at| at.as_micros())),
            Bind::Id(operation.id.key()),
        ],
    )
}

/// One page, newest first.
#[must_use]
pub fn page<'a>(mut statement: Statement<'a>, query: &'a OperationQuery) -> Statement<'a> {
    if let Some(after) = &query.after {
        statement = statement
            .sql(" AND (requested_at, id) < (?, ?)")
            .bind(Bind::Integer(after.requested_at.as_micros()))
            .bind(Bind::Id(after.id.key()));
    }
    statement.sql(" ORDER BY requested_at DESC, id DESC LIMIT ?").bind(asked(query.limit))
}
