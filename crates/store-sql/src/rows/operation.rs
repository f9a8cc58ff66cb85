//! Rows of `operations` and `operation_targets`.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget, Scope, Tally, TargetOutcome};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::{MissionId, Reason};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::{operation_targets, operations};
use crate::types;
use crate::values::{Id, Key, counted, moment};

/// A word that means nothing in its column, or lacks what belongs to it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known, or lacks what belongs to it")]
struct Unknown(String);

row! {
    /// An operation.
    #[diesel(table_name = operations)]
    pub struct OperationRow {
        id: Id,
        wish: String,
        scope: String,
        scope_session: Option<Id>,
        scope_mission: Option<String>,
        actor: String,
        reason: Option<String>,
        requested_at: i64,
        total: i64,
        open: i64,
        observed: i64,
        ended: i64,
        refused: i64,
        superseded: i64,
        completed_at: Option<i64>,
    }
}

impl TryFrom<OperationRow> for Operation {
    type Error = BrokenRow;

    fn try_from(row: OperationRow) -> Result<Self, BrokenRow> {
        let id = row.id;
        row.read().map_err(|fault| fault.of("operations", id.to_string()))
    }
}

impl OperationRow {
    fn read(self) -> Result<Operation, Fault> {
        let session = maybe(self.scope_session, SessionId::try_from).column("scope_session")?;
        let mission = maybe(self.scope_mission, MissionId::new).column("scope_mission")?;
        Ok(Operation {
            id: self.id.try_into().column("id")?,
            wish: self.wish.parse().column("wish")?,
            scope: scope(self.scope, session, mission).column("scope")?,
            actor: serde_json::from_value::<Actor>(self.actor.into()).column("actor")?,
            reason: maybe(self.reason, Reason::new).column("reason")?,
            requested_at: moment(self.requested_at).column("requested_at")?,
            tally: Tally {
                total: u64::try_from(self.total).column("total")?,
                open: u64::try_from(self.open).column("open")?,
                observed: u64::try_from(self.observed).column("observed")?,
                ended: u64::try_from(self.ended).column("ended")?,
                refused: u64::try_from(self.refused).column("refused")?,
                superseded: u64::try_from(self.superseded).column("superseded")?,
            },
            completed_at: maybe(self.completed_at, moment).column("completed_at")?,
        })
    }
}

fn scope(word: String, session: Option<SessionId>, mission: Option<MissionId>) -> Result<Scope, Unknown> {
    match (word.as_str(), session, mission) {
        ("self", Some(session), None) => Ok(Scope::Session(session)),
        ("subtree", Some(session), None) => Ok(Scope::Subtree(session)),
        ("mission", None, Some(mission)) => Ok(Scope::Mission(mission)),
        ("fleet", None, None) => Ok(Scope::Fleet),
        _ => Err(Unknown(word)),
    }
}

/// An operation to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = operations, treat_none_as_default_value = false)]
pub struct NewOperationRow<'a> {
    id: Id,
    wish: &'static str,
    scope: &'static str,
    scope_session: Option<Id>,
    scope_mission: Option<&'a str>,
    actor: &'a str,
    reason: Option<&'a str>,
    requested_at: i64,
    total: i64,
    open: i64,
    observed: i64,
    ended: i64,
    refused: i64,
    superseded: i64,
    completed_at: Option<i64>,
}

impl<'a> From<&'a Operation> for NewOperationRow<'a> {
    fn from(operation: &'a Operation) -> Self {
        let tally = operation.tally;
        Self {
            id: operation.id.key(),
            wish: operation.wish.as_str(),
            scope: operation.scope.as_str(),
            scope_session: operation.scope.session_id().map(|id| id.key()),
            scope_mission: operation.scope.mission_id().map(MissionId::as_str),
            actor: operation.actor.as_str(),
            reason: operation.reason.as_ref().map(Reason::as_str),
            requested_at: operation.requested_at.as_micros(),
            total: counted(tally.total),
            open: counted(tally.open),
            observed: counted(tally.observed),
            ended: counted(tally.ended),
            refused: counted(tally.refused),
            superseded: counted(tally.superseded),
            completed_at: operation.completed_at.map(|at| at.as_micros()),
        }
    }
}

row! {
    /// One session of an operation.
    #[diesel(table_name = operation_targets)]
    pub struct TargetRow {
        operation_id: Id,
        depth: i64,
        session_id: Id,
        wish: String,
        command_seq: Option<i64>,
        requested_at: i64,
        acknowledged_at: Option<i64>,
        observed_at: Option<i64>,
        outcome: Option<String>,
        outcome_detail: Option<String>,
    }
}

impl TryFrom<TargetRow> for OperationTarget {
    type Error = BrokenRow;

    fn try_from(row: TargetRow) -> Result<Self, BrokenRow> {
        let (operation, session) = (row.operation_id, row.session_id);
        row.read().map_err(|fault| fault.of("operation_targets", format!("{operation}/{session}")))
    }
}

impl TargetRow {
    fn read(self) -> Result<OperationTarget, Fault> {
        let detail = self.outcome_detail;
        Ok(OperationTarget {
            operation_id: self.operation_id.try_into().column("operation_id")?,
            session_id: self.session_id.try_into().column("session_id")?,
            depth: u64::try_from(self.depth).column("depth")?,
            wish: self.wish.parse().column("wish")?,
            command_seq: maybe(self.command_seq, CommandSeq::from_i64).column("command_seq")?,
            requested_at: moment(self.requested_at).column("requested_at")?,
            acknowledged_at: maybe(self.acknowledged_at, moment).column("acknowledged_at")?,
            observed_at: maybe(self.observed_at, moment).column("observed_at")?,
            outcome: maybe(self.outcome, |word| outcome(word, detail)).column("outcome")?,
        })
    }
}

fn outcome(word: String, detail: Option<String>) -> Result<TargetOutcome, Unknown> {
    let read = match (word.as_str(), detail) {
        ("observed", None) => Some(TargetOutcome::Observed),
        ("superseded", None) => Some(TargetOutcome::Superseded),
        ("ended", Some(status)) => status.parse().ok().map(|status| TargetOutcome::Ended { status }),
        ("refused", Some(reason)) => Reason::new(reason).ok().map(|reason| TargetOutcome::Refused { reason }),
        _ => None,
    };
    read.ok_or(Unknown(word))
}

/// What belongs to an outcome.
#[must_use]
pub fn outcome_detail(outcome: &TargetOutcome) -> Option<&str> {
    match outcome {
        TargetOutcome::Observed | TargetOutcome::Superseded => None,
        TargetOutcome::Ended { status } => Some(status.as_str()),
        TargetOutcome::Refused { reason } => Some(reason.as_str()),
    }
}

/// A target to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = operation_targets, treat_none_as_default_value = false)]
pub struct NewTargetRow<'a> {
    operation_id: Id,
    depth: i64,
    session_id: Id,
    wish: &'static str,
    command_seq: Option<i64>,
    requested_at: i64,
    acknowledged_at: Option<i64>,
    observed_at: Option<i64>,
    outcome: Option<&'static str>,
    outcome_detail: Option<&'a str>,
}

impl<'a> From<&'a OperationTarget> for NewTargetRow<'a> {
    fn from(target: &'a OperationTarget) -> Self {
        Self {
            operation_id: target.operation_id.key(),
            depth: counted(target.depth),
            session_id: target.session_id.key(),
            wish: target.wish.as_str(),
            command_seq: target.command_seq.map(CommandSeq::to_i64),
            requested_at: target.requested_at.as_micros(),
            acknowledged_at: target.acknowledged_at.map(|at| at.as_micros()),
            observed_at: target.observed_at.map(|at| at.as_micros()),
            outcome: target.outcome.as_ref().map(TargetOutcome::as_str),
            outcome_detail: target.outcome.as_ref().and_then(outcome_detail),
        }
    }
}

/// A session of a scope, and how many are above it.
#[derive(Debug, QueryableByName)]
pub struct MemberRow {
    #[diesel(sql_type = types::Id)]
    id: Id,
    #[diesel(sql_type = BigInt)]
    depth: i64,
}

/// Reads a member.
pub fn member(row: &MemberRow) -> Result<(SessionId, u64), BrokenRow> {
    let MemberRow { id, depth } = *row;
    let read = || Ok((id.try_into().column("id")?, u64::try_from(depth).column("depth")?));
    read().map_err(|fault: Fault| fault.of("sessions", id.to_string()))
}
