//! Ids in the path.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, OperationId, SessionId};
use flightdeck_domain::text::MissionId;
use percent_encoding::percent_decode_str;

use super::query::MOST;
use crate::problem::ApiError;

fn agent(request: &HttpRequest) -> Result<SessionId, ApiError> {
    let text = request.match_info().query("agentId");
    text.parse().map_err(|_error| {
        ApiError::field(
            "agentId",
            format!("{text:?} is not a UUID; an agent's id looks like 0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11"),
        )
    })
}

/// `/agents/{agentId}/…`
pub(crate) struct AgentPath(pub(crate) SessionId);

impl FromRequest for AgentPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(agent(request).map(Self))
    }
}

/// `/agents/{agentId}/commands/{seq}/…`
pub(crate) struct CommandPath(pub(crate) SessionId, pub(crate) CommandSeq);

impl FromRequest for CommandPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let seq = || -> Result<CommandSeq, ApiError> {
            let text = request.match_info().query("seq");
            let seq = text.parse().ok().filter(|seq| *seq <= MOST);
            seq.map(CommandSeq::new).ok_or_else(|| {
                ApiError::field("seq", format!("{text:?} is not the seq of a command: a whole number from 1 on"))
            })
        };
        ready(agent(request).and_then(|agent| Ok(Self(agent, seq()?))))
    }
}

fn approval(request: &HttpRequest) -> Result<ApprovalId, ApiError> {
    let text = request.match_info().query("approvalId");
    text.parse().map_err(|_error| ApiError::field("approvalId", format!("{text:?} is not a UUID")))
}

/// `/approvals/{approvalId}/…`
pub(crate) struct ApprovalPath(pub(crate) ApprovalId);

impl FromRequest for ApprovalPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(approval(request).map(Self))
    }
}

/// `/agents/{agentId}/approvals/{approvalId}`
pub(crate) struct AgentApprovalPath(pub(crate) SessionId, pub(crate) ApprovalId);

impl FromRequest for AgentApprovalPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(agent(request).and_then(|agent| Ok(Self(agent, approval(request)?))))
    }
}

/// `/missions/{missionId}`, with what is not plain in it percent-encoded.
pub(crate) struct MissionPath(pub(crate) MissionId);

impl FromRequest for MissionPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A slash and a percent sign are still encoded here, for the path was split at its slashes.
        let text = percent_decode_str(request.match_info().query("missionId")).decode_utf8_lossy();
        let mission = MissionId::new(text).map_err(|error| ApiError::field("missionId", error.to_string()));
        ready(mission.map(Self))
    }
}

/// `/operations/{operationId}`
pub(crate) struct OperationPath(pub(crate) OperationId);

impl FromRequest for OperationPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().query("operationId");
        ready(text.parse().map(Self).map_err(|_error| {
            ApiError::field("operationId", format!("{text:?} is not a UUID; take it from the reply of a control call"))
        }))
    }
}
