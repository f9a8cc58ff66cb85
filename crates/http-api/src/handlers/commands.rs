//! The agent's side of control.

use actix_web::web::{Data, Json};
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::operator::Permission;

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{AcknowledgeBody, CommandView, CommandsView};
use crate::extract::{AgentPath, Body, CommandPath, Params};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// The commands that wait for an agent, in order.
///
/// Each comes again until it is acknowledged as `consumed` or `refused`. Counts as a sign of life.
#[utoipa::path(get, path = "/agents/{agentId}/commands", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("after" = Option<u64>, Query, description = "only those after this seq")),
    responses((status = 200, body = CommandsView),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<Json<CommandsView>, ApiError> {
    let after = CommandSeq::new(params.number("after", 0..=u64::MAX).unwrap_or(0));
    params.finish()?;
    api.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    let unknown = || ApiError::no_session(path.0);
    let commands = api.commands.execute(path.0, after).await?.ok_or_else(unknown)?;
    let control = api.report.heartbeat(path.0).await?.ok_or_else(unknown)?;
    Ok(Json(CommandsView { commands: commands.into_iter().map(CommandView::from).collect(), control: control.into() }))
}

/// Acknowledge a command. Doing it twice is harmless.
#[utoipa::path(post, path = "/agents/{agentId}/commands/{seq}/ack", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path), ("seq" = u64, Path)), request_body = AcknowledgeBody,
    responses((status = 200, body = CommandView),
        (status = 404, description = "no such command", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "its receipt is final", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn acknowledge(
    api: Data<Api>,
    caller: Caller,
    path: CommandPath,
    body: Body<AcknowledgeBody>,
) -> Result<Json<CommandView>, ApiError> {
    let CommandPath(id, seq) = path;
    api.authorize.on_session(&caller.principal, Permission::Report, id).await?;
    let receipt = Receipt::try_from(body.0)?;
    let command = to_the_end(async move { Ok(api.acknowledge.execute(id, seq, receipt).await?) }).await?;
    Ok(Json(command.into()))
}
