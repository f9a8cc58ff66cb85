//! Permission requests.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalOptions, ApprovalState};
use flightdeck_domain::ids::ApprovalId;
use flightdeck_domain::number::whole;
use flightdeck_domain::text::{ApprovalTitle, JsonObject, Reason};
use flightdeck_domain::use_cases::{KeyNames, NewApproval};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{texts, words};
use crate::problem::ApiError;

/// The longest that a request can stay open when it has a deadline: a week.
const LONGEST: u64 = 604_800;

/// An agent asks for permission.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "title": "Run cargo publish",
    "detail": {"command": "cargo publish -p flightdeck"},
    "options": ["allow_once", "reject_once"],
    "expiresInSeconds": 600
}))]
pub(crate) struct AskBody {
    /// Minted when missing. The same id again with the same body is the same request.
    id: Option<Uuid>,
    /// What for, in one line.
    #[schema(value_type = texts::ApprovalTitle)]
    title: ApprovalTitle,
    /// What for, in full: the tool call, a diff, whatever helps to decide. At most 256 KiB. `form` makes it a question: a JSON
    /// Schema of an object (`properties`, `required`) that whoever allows the request fills in.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    detail: JsonObject,
    /// What may be chosen; all four when missing.
    #[serde(default)]
    #[schema(value_type = Vec<words::ApprovalOption>, required = false, min_items = 1)]
    options: ApprovalOptions,
    /// After how long it expires when nobody decides; never when missing.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in_seconds: Option<u64>,
}

impl TryFrom<AskBody> for NewApproval {
    type Error = ApiError;

    fn try_from(body: AskBody) -> Result<Self, ApiError> {
        if let Some(seconds) = body.expires_in_seconds.filter(|seconds| !(1..=LONGEST).contains(seconds)) {
            let detail = format!("{seconds} is not a whole number from 1 to {LONGEST} (a week)");
            return Err(ApiError::field("/expiresInSeconds", detail));
        }
        Ok(Self {
            id: body.id.map(ApprovalId::new),
            title: body.title,
            detail: body.detail,
            options: body.options,
            expires_in: body.expires_in_seconds.map(Duration::from_secs),
        })
    }
}

/// An operator decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"option": "allow_once", "reason": "the release is tested"}))]
pub(crate) struct DecideBody {
    /// One of those that the request offers.
    #[schema(value_type = words::ApprovalOption)]
    pub(crate) option: ApprovalOption,
    /// Why, for the agent and the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
    /// What is filled into the form of a request that has one (`detail.form`), with an option that allows it: at most 16 KiB
    /// of JSON. It goes to the agent, and is kept with the decision and on the audit log.
    #[schema(value_type = Option<texts::JsonObject>)]
    pub(crate) answer: Option<JsonObject>,
}

/// What an operator decided.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecisionView {
    /// What was chosen.
    #[schema(value_type = words::ApprovalOption)]
    option: ApprovalOption,
    /// Whether the agent may do what it asked for.
    allowed: bool,
    /// The id of the operator's key.
    by: String,
    /// What people call that key; missing for a key that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    by_name: Option<String>,
    at: DateTime<Utc>,
    #[schema(required = true)]
    reason: Option<String>,
    /// What was filled into the form of a request that has one.
    #[schema(value_type = texts::JsonObject, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<JsonObject>,
}

/// Why nobody can decide any more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExpiredView {
    #[schema(value_type = words::ExpiryReason)]
    why: &'static str,
    at: DateTime<Utc>,
}

/// A permission request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalView {
    id: Uuid,
    /// The agent that asks.
    agent_id: Uuid,
    title: String,
    #[schema(value_type = texts::JsonObject)]
    detail: JsonObject,
    /// What may be chosen.
    #[schema(value_type = Vec<words::ApprovalOption>)]
    options: ApprovalOptions,
    #[schema(value_type = words::ApprovalStatus)]
    status: &'static str,
    /// Of a decided one.
    #[schema(required = true)]
    decision: Option<DecisionView>,
    /// Of an expired one.
    #[schema(required = true)]
    expired: Option<ExpiredView>,
    opened_at: DateTime<Utc>,
    /// When it expires by itself.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
}

impl ApprovalView {
    pub(crate) fn new(approval: Approval, names: &KeyNames) -> Self {
        let status = approval.status().as_str();
        let (decision, expired) = match approval.state {
            ApprovalState::Open => (None, None),
            ApprovalState::Decided(verdict) => {
                let view = DecisionView {
                    option: verdict.option,
                    allowed: verdict.option.allows(),
                    by_name: names.get(verdict.by.as_str()).map(ToString::to_string),
                    by: verdict.by.to_string(),
                    at: verdict.at.as_datetime(),
                    reason: verdict.reason.map(Into::into),
                    answer: verdict.answer,
                };
                (Some(view), None)
            }
            ApprovalState::Expired { why, at } => (None, Some(ExpiredView { why: why.as_str(), at: at.as_datetime() })),
        };
        Self {
            id: *approval.id.as_uuid(),
            agent_id: *approval.session_id.as_uuid(),
            title: approval.title.into(),
            detail: approval.detail,
            options: approval.options,
            status,
            decision,
            expired,
            opened_at: approval.opened_at.as_datetime(),
            expires_at: approval.expires_at.map(|at| at.as_datetime()),
        }
    }
}

/// One page of permission requests, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalsView {
    pub(crate) approvals: Vec<ApprovalView>,
    /// Give it as `before` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) next_before: Option<String>,
    /// The place on the fleet feed to continue from.
    pub(crate) as_of: String,
}
