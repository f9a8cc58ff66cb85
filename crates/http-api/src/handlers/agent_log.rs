//! What an agent's program wrote to its standard error.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{Authorize, ManageRunners, Providers, ReadSessions};

use crate::auth::Caller;
use crate::extract::{AgentPath, NoParams};
use crate::problem::ApiError;

/// Whether the beginning is missing.
const TRUNCATED: HeaderName = HeaderName::from_static("flightdeck-truncated");

/// Where such a log is found.
pub(crate) struct AgentLogs {
    pub(crate) authorize: Authorize,
    pub(crate) sessions: ReadSessions,
    pub(crate) providers: Providers,
    pub(crate) runners: ManageRunners,
}

/// The newest 256 KiB of the standard error of an agent that the server runs. That of an agent of a runner is on the runner's
/// machine.
#[utoipa::path(get, path = "/agents/{agentId}/log", operation_id = "getAgentLog", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")),
    responses((status = 200, description = "plain text, from the begin of a line on", content_type = "text/plain",
            body = String,
            headers(("Flightdeck-Truncated" = bool, description = "whether there was more before it"))),
        (status = 409, description = "it is on the machine of a runner, which is named"),
        (status = 404, description = "no such agent, or nothing of the kind is kept of it")))]
pub(crate) async fn read(
    logs: Data<AgentLogs>,
    caller: Caller,
    _none: NoParams,
    path: AgentPath,
) -> Result<HttpResponse, ApiError> {
    logs.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let session = logs.sessions.one(path.0).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let kept = match logs.providers.get(&session.provider) {
        Ok(provider) => provider.log(session.id).await.map_err(|error| ApiError::Internal(Box::new(error)))?,
        Err(_gone) => None,
    };
    let Some(log) = kept else {
        if let Some((assignment, _)) = logs.runners.placement(session.id).await?
            && let Some(runner) = assignment.runner
        {
            let detail = format!(
                "the log of session {} is on the machine of runner {runner}: agent-logs/{}.log in its --data-dir, if it is a \
                 flightdeck runner",
                session.id, session.id
            );
            return Err(ApiError::Conflict { kind: "log-at-runner", detail, field: None });
        }
        let detail = format!("no log is kept of session {}: the server does not run its program", session.id);
        return Err(ApiError::NotFound { kind: "no-log", detail });
    };
    // It is the agent's text: nothing may take it for anything else.
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((TRUNCATED, log.truncated.to_string()))
        .body(log.text))
}
