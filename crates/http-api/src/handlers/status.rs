//! One session's status: read it, report it, give a sign of life.

use actix_web::web::{Data, Json};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::ObservedSession;
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{Authorize, ManageRetention, ManageRunners, Providers, ReadSessions, ReportStatus};

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{HeartbeatReply, PlacementView, SessionView, StatusBody, StatusReply};
use crate::extract::{AgentPath, Body, Cap, NoBody, NoParams};
use crate::problem::ApiError;

/// What is known of one session, and what its runtime reports.
pub(crate) struct Statuses {
    pub(crate) authorize: Authorize,
    pub(crate) sessions: ReadSessions,
    pub(crate) report: ReportStatus,
    pub(crate) retention: ManageRetention,
    pub(crate) providers: Providers,
    pub(crate) runners: ManageRunners,
}

/// One session, whole.
#[utoipa::path(get, path = "/agents/{agentId}/status", operation_id = "getAgent", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")),
    responses((status = 200, description = "the session", body = SessionView),
        (status = 404, description = "no such agent")))]
pub(crate) async fn read(
    statuses: Data<Statuses>,
    caller: Caller,
    _none: NoParams,
    path: AgentPath,
) -> Result<Json<SessionView>, ApiError> {
    statuses.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let session = statuses.sessions.one(path.0).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let placement = if session.provider == ProviderName::runner() {
        statuses.runners.placement(session.id).await?.map(PlacementView::from)
    } else {
        None
    };
    let note = if session.status.is_terminal() { statuses.retention.archived(session.id).await? } else { None };
    let archived = note.map(|note| note.archived_at);
    Ok(Json(SessionView::new(session, &statuses.providers).placed(placement).archived(archived)))
}

/// Report what the agent's runtime observed.
///
/// The same status again counts as a sign of life. A change is also a `system` message of the conversation.
#[utoipa::path(post, path = "/agents/{agentId}/status", operation_id = "reportStatus", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")), request_body = StatusBody,
    responses((status = 200, description = "noted", body = StatusReply),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the status machine has no such move")))]
pub(crate) async fn report(
    statuses: Data<Statuses>,
    caller: Caller,
    _none: NoParams,
    path: AgentPath,
    body: Body<StatusBody>,
) -> Result<Json<StatusReply>, ApiError> {
    statuses.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    let id = path.0;
    let StatusBody { status, reason, provider_session_id } = body.read(Cap::Report).await?;
    if provider_session_id.is_some() {
        statuses.authorize.own_id(&caller.principal, id).await?;
    }
    let reply = to_the_end(async move {
        let observed = statuses.report.introduced(id, status, reason, provider_session_id).await?;
        let ObservedSession { session, control, .. } = observed;
        Ok::<_, ApiError>(StatusReply {
            agent_id: *id.as_uuid(),
            status: session.status.as_str(),
            control: control.into(),
        })
    });
    reply.await.map(Json)
}

/// Give a sign of life, and hear what is wanted.
#[utoipa::path(post, path = "/agents/{agentId}/heartbeat", operation_id = "sendHeartbeat", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")),
    responses((status = 200, description = "noted", body = HeartbeatReply),
        (status = 404, description = "no such agent")))]
pub(crate) async fn heartbeat(
    statuses: Data<Statuses>,
    caller: Caller,
    _none: NoParams,
    path: AgentPath,
    body: NoBody,
) -> Result<Json<HeartbeatReply>, ApiError> {
    statuses.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    body.pass_over().await?;
    let control = statuses.report.heartbeat(path.0).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    Ok(Json(HeartbeatReply { control: control.into() }))
}
