//! The sessions of operations.

use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::{OperationTarget, TargetOutcome};
use flightdeck_domain::ports::TargetQuery;

use crate::rows::operation::outcome_detail;
use crate::rows::page::asked;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, counted};

/// Writes what can change of a target.
#[must_use]
pub fn save(target: &OperationTarget) -> Prepared<Bind<'_>, 7> {
    Prepared::new(
        "UPDATE operation_targets SET acknowledged_at = ?, observed_at = ?, outcome = ?, outcome_detail = ? \
         WHERE operation_id = ? AND depth = ? AND session_id = ?",
        [
            Bind::MaybeInteger(target.acknowledged_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(target.observed_at.map(|at| at.as_micros())),
            Bind::MaybeText(target.outcome.as_ref().map(TargetOutcome::as_str)),
            Bind::MaybeText(target.outcome.as_ref().and_then(outcome_detail)),
            Bind::Id(target.operation_id.key()),
            Bind::Integer(counted(target.depth)),
            Bind::Id(target.session_id.key()),
        ],
    )
}

/// Supersedes whatever is open of an operation.
#[must_use]
pub fn supersede(operation: OperationId) -> Prepared<Bind<'static>, 2> {
    Prepared::new(
        "UPDATE operation_targets SET outcome = ? WHERE operation_id = ? AND outcome IS NULL",
        [Bind::Text(TargetOutcome::Superseded.as_str()), Bind::Id(operation.key())],
    )
}

/// One page, leaves first.
#[must_use]
pub fn page<'a>(statement: Statement<'a>, query: &'a TargetQuery) -> Statement<'a> {
    let mut statement = statement.sql(" WHERE operation_id = ?").bind(Bind::Id(query.operation.key()));
    if query.unseen_only {
        statement = statement.sql(" AND (outcome IS NULL OR outcome NOT IN ('observed', 'ended'))");
    }
    if let Some(after) = &query.after {
        statement = statement
            .sql(" AND (depth, session_id) < (?, ?)")
            .bind(Bind::Integer(counted(after.depth)))
            .bind(Bind::Id(after.session_id.key()));
    }
    statement.sql(" ORDER BY depth DESC, session_id DESC LIMIT ?").bind(asked(query.limit))
}
