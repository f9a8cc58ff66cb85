//! Ids in the path.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, KeyId, OperationId, SessionId};
use flightdeck_domain::provider_config::ConfigName;
use flightdeck_domain::runner::RunnerName;
use flightdeck_domain::sink::SinkName;
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

/// `/missions/{missionId}`, with special characters percent-encoded.
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

/// `/keys/{keyId}`
pub(crate) struct KeyPath(pub(crate) KeyId);

impl FromRequest for KeyPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = KeyId::new(request.match_info().query("keyId"));
        ready(id.map(Self).map_err(|error| ApiError::field("keyId", error.to_string())))
    }
}

/// `/providers/{name}`
pub(crate) struct ProviderPath(pub(crate) ConfigName);

impl FromRequest for ProviderPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = percent_decode_str(request.match_info().query("name")).decode_utf8_lossy();
        let name = ConfigName::new(text).map_err(|error| ApiError::field("name", error.to_string()));
        ready(name.map(Self))
    }
}

fn runner(request: &HttpRequest) -> Result<RunnerName, ApiError> {
    let text = percent_decode_str(request.match_info().query("runner")).decode_utf8_lossy();
    RunnerName::new(text).map_err(|error| ApiError::field("runner", error.to_string()))
}

/// `/runners/{runner}`
pub(crate) struct RunnerPath(pub(crate) RunnerName);

impl FromRequest for RunnerPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(runner(request).map(Self))
    }
}

/// `/runners/{runner}/assignments/{agentId}`
pub(crate) struct AssignmentPath(pub(crate) RunnerName, pub(crate) SessionId);

impl FromRequest for AssignmentPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(runner(request).and_then(|runner| Ok(Self(runner, agent(request)?))))
    }
}

/// `/sinks/{sink}`
pub(crate) struct SinkPath(pub(crate) SinkName);

impl FromRequest for SinkPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = percent_decode_str(request.match_info().query("sink")).decode_utf8_lossy();
        ready(SinkName::new(text).map(Self).map_err(|error| ApiError::field("sink", error.to_string())))
    }
}

/// `If-Match`: the revision that the caller knows, as `ETag` gave it.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(given) = request.headers().get(IF_MATCH) else { return ready(Ok(Self(None))) };
        let text = given.to_str().unwrap_or_default().trim();
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let revision = bare.parse().map(|revision| Self(Some(revision)));
        let wrong = |_| ApiError::field("If-Match", "is not a revision as ETag gives it, such as \"3\"");
        ready(revision.map_err(wrong))
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
