//! Operations.

use chrono::{DateTime, Utc};
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::operation::{Operation, OperationTarget, TargetOutcome};
use flightdeck_domain::text::MissionId;
use flightdeck_domain::use_cases::KeyNames;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;

/// One wish for one or many agents, and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationView {
    operation_id: Uuid,
    #[schema(value_type = words::Wish)]
    action: &'static str,
    #[schema(value_type = words::OperationScope)]
    scope: &'static str,
    /// With the scopes `self` and `subtree`: the agent that was named.
    #[schema(required = true)]
    agent_id: Option<Uuid>,
    /// With the scope `mission`.
    #[schema(required = true)]
    mission_id: Option<String>,
    /// The id of the key that asked.
    operator: String,
    /// What people call that key; missing for `cli`, `budget` and `system`, and for a key that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    operator_name: Option<String>,
    #[schema(required = true)]
    reason: Option<String>,
    /// `open` while nothing final is known of some target, `done` when each was seen to be as wished (of a kill: to have
    /// ended), `closed` when nothing is open any more and not each was.
    #[schema(value_type = words::OperationState)]
    state: &'static str,
    total: u64,
    open: u64,
    /// Seen to be as wished.
    observed: u64,
    /// Seen to have ended in another way.
    ended: u64,
    refused: u64,
    /// A newer wish took its place.
    superseded: u64,
    requested_at: DateTime<Utc>,
    #[schema(required = true)]
    completed_at: Option<DateTime<Utc>>,
}

impl OperationView {
    pub(crate) fn new(operation: Operation, names: &KeyNames) -> Self {
        let tally = operation.tally;
        Self {
            operation_id: *operation.id.as_uuid(),
            action: operation.wish.as_str(),
            scope: operation.scope.as_str(),
            agent_id: operation.scope.session_id().map(|id| *id.as_uuid()),
            mission_id: operation.scope.mission_id().map(MissionId::to_string),
            operator_name: names.get(operation.actor.as_str()).map(ToString::to_string),
            operator: operation.actor.to_string(),
            state: operation.state().as_str(),
            total: tally.total,
            open: tally.open,
            observed: tally.observed,
            ended: tally.ended,
            refused: tally.refused,
            superseded: tally.superseded,
            requested_at: operation.requested_at.as_datetime(),
            completed_at: operation.completed_at.map(|at| at.as_datetime()),
            reason: operation.reason.map(Into::into),
        }
    }
}

/// One agent of an operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetView {
    agent_id: Uuid,
    /// How many agents are above it in its tree.
    depth: u64,
    /// The command that it got, if any.
    #[schema(required = true)]
    command_seq: Option<u64>,
    /// Null while nothing final is known.
    #[schema(value_type = Option<words::TargetOutcome>, required = true)]
    outcome: Option<&'static str>,
    /// How it ended, or why it was refused.
    #[schema(required = true)]
    detail: Option<String>,
    requested_at: DateTime<Utc>,
    /// When the agent's runtime first said that it has the command.
    #[schema(required = true)]
    acknowledged_at: Option<DateTime<Utc>>,
    /// When the effect, or another end, was seen.
    #[schema(required = true)]
    observed_at: Option<DateTime<Utc>>,
}

impl From<OperationTarget> for TargetView {
    fn from(target: OperationTarget) -> Self {
        let detail = match &target.outcome {
            Some(TargetOutcome::Ended { status }) => Some(status.to_string()),
            Some(TargetOutcome::Refused { reason }) => Some(reason.to_string()),
            Some(TargetOutcome::Observed | TargetOutcome::Superseded) | None => None,
        };
        Self {
            agent_id: *target.session_id.as_uuid(),
            depth: target.depth,
            command_seq: target.command_seq.map(CommandSeq::get),
            outcome: target.outcome.as_ref().map(TargetOutcome::as_str),
            detail,
            requested_at: target.requested_at.as_datetime(),
            acknowledged_at: target.acknowledged_at.map(|at| at.as_datetime()),
            observed_at: target.observed_at.map(|at| at.as_datetime()),
        }
    }
}

/// A page of operations, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationsView {
    pub(crate) operations: Vec<OperationView>,
    /// Give it as `after` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) next_after: Option<String>,
}

/// An operation with a page of its targets, leaves first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationWithTargetsView {
    #[serde(flatten)]
    pub(crate) operation: OperationView,
    pub(crate) targets: Vec<TargetView>,
    /// Give it as `after` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) next_after: Option<String>,
}

/// What was asked of many agents, and what was seen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopedReply {
    /// `3 of 5 agents paused`
    pub(crate) message: String,
    pub(crate) operation_id: Uuid,
    /// The agents of the scope that had not ended.
    pub(crate) total: u64,
    /// Those of them that were seen to be as wished.
    pub(crate) observed: u64,
    /// Those of them of which nothing final is known.
    pub(crate) open: u64,
    /// The audit log cannot be written. The entry is kept on disk and goes on the log as soon as it can.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) audit_spooled: bool,
}

/// What a control call answers: the first for one agent, the second with another scope.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two bodies; each is written as itself")]
pub(crate) enum ControlAnswer {
    One(super::ControlReply),
    Many(ScopedReply),
}
