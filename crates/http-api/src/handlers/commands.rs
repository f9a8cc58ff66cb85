//! The agent's side of control.

use std::time::Duration;

use actix_web::http::header::ACCEPT;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::action::{ActionName, Intervention};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, Authorize, Intervene, ReadCommands, ReadSessions, ReportStatus,
};
use tokio::time::Instant;

use super::messages::last_event_id;
use super::operator::{IdempotencyHeader, Operator, answer};
use super::waiting::{Look, Pace, Waiting};
use super::{command_stream, to_the_end};
use crate::auth::Caller;
use crate::dto::{AcknowledgeBody, CancelReply, CommandView, CommandsView, ControlBody, StreamEvent, texts};
use crate::extract::{AgentPath, Body, Cap, CommandPath, EntryNumber, MOST, NoParams, Params};
use crate::problem::ApiError;
use crate::sse::Streams;
use crate::throttle::{ControlRoute, Lane};

/// The longest time that a call waits for a command.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// The queues of agents.
pub(crate) struct Commands {
    pub(crate) authorize: Authorize,
    pub(crate) read: ReadCommands,
    pub(crate) acknowledge: AcknowledgeCommand,
    /// An agent that fetches commands gives a sign of life.
    pub(crate) report: ReportStatus,
    /// Ends the stream of commands with the session.
    pub(crate) sessions: ReadSessions,
    pub(crate) waiting: Waiting,
    /// How often a queue is read without a hint.
    pub(crate) poll: Duration,
}

/// The commands that wait for an agent, in order.
///
/// Each comes again until it is acknowledged as `consumed` or `refused`. With `wait` the answer is held back until there is
/// one. Asked with `Accept: text/event-stream` it is a stream of `event: command` with the seq as `id`, resumable by
/// `Last-Event-ID`; it ends with the session. Counts as a sign of life. While the store cannot be written, what waits is given
/// out all the same, and `control.desiredStatus` tells of stops that are kept until it can.
#[utoipa::path(get, path = "/agents/{agentId}/commands", operation_id = "listCommands", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("Last-Event-ID" = Option<u64>, Header, description = "only those after this seq; for streams", maximum = 9_223_372_036_854_775_807_i64),
        ("after" = Option<u64>, Query, description = "only those after this seq", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("wait" = inline(Option<texts::SpanTo60>), Query, description = "how long to wait for one; not at all when missing")),
    responses(
        (status = 200, description = "what waits for the agent; as an event stream when the request accepts one", content((CommandsView = "application/json"), (StreamEvent = "text/event-stream"))),
        (status = 429, description = "the key has as many open streams as it may"),
        (status = 404, description = "no such agent")))]
pub(crate) async fn list(
    commands: Data<Commands>,
    streams: Data<Streams>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = params.number("after", 0..=MOST);
    let wait = params.span("wait", MAX_WAIT).unwrap_or_default();
    params.finish()?;
    let resumed = last_event_id::<EntryNumber>(request.headers())?.map(|EntryNumber(seq)| seq);
    commands.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    let after = CommandSeq::new(resumed.or(after).unwrap_or(0));
    let control = match commands.report.heartbeat(path.0).await {
        Ok(control) => control,
        // The sign of life cannot be written. What waits for the agent, it is given all the same: a stop may be among it.
        Err(away) => commands.read.control(path.0).await.map_err(|_unreadable| away)?,
    };
    let control = control.ok_or_else(|| ApiError::no_session(path.0))?;
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/event-stream") {
        let counted = streams.admit(&caller)?;
        return Ok(command_stream::open(commands, &streams, &request, &caller, counted, path.0, after));
    }
    let waiting = wait_for_commands(&commands, path.0, after, wait).await?;
    let commands = waiting.into_iter().map(CommandView::from).collect();
    Ok(HttpResponse::Ok().json(CommandsView { commands, control: control.into() }))
}

/// Waits until there is a command.
async fn wait_for_commands(
    commands: &Commands,
    session: SessionId,
    after: CommandSeq,
    wait: Duration,
) -> Result<Vec<Command>, ApiError> {
    let until = Instant::now() + wait;
    let (waiting, pace) = (&commands.waiting, Pace::at_hints(commands.poll));
    let found = waiting.look_until(waiting.hints.commands(session), pace, async || {
        let found = commands.read.execute(session, after).await?.ok_or_else(|| ApiError::no_session(session))?;
        Ok(if found.is_empty() { Look::NotYet(found, until) } else { Look::Found(found) })
    });
    found.await
}

/// One command, with what became of it.
#[utoipa::path(get, path = "/agents/{agentId}/commands/{seq}", operation_id = "getCommand", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ("seq" = u64, Path, description = "the place of the command in the agent's queue", maximum = 9_223_372_036_854_775_807_i64)),
    responses((status = 200, description = "the command with its receipt", body = CommandView),
        (status = 404, description = "no such agent or command")))]
pub(crate) async fn read(
    commands: Data<Commands>,
    caller: Caller,
    _none: NoParams,
    path: CommandPath,
) -> Result<Json<CommandView>, ApiError> {
    let CommandPath(id, seq) = path;
    commands.authorize.on_session(&caller.principal, Permission::ReadSession, id).await?;
    let command = commands.read.one(id, seq).await?.ok_or_else(|| ApiError::no_command(id, seq))?;
    Ok(Json(command.into()))
}

/// Take an injected message back before the agent has it.
///
/// A pause or a kill is not taken back: resume the agent instead.
#[utoipa::path(post, path = "/agents/{agentId}/commands/{seq}/cancel", operation_id = "cancelCommand", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ("seq" = u64, Path, description = "the place of the command in the agent's queue", maximum = 9_223_372_036_854_775_807_i64), IdempotencyHeader), request_body = Option<ControlBody>,
    responses((status = 200, description = "taken back", body = CancelReply),
        (status = 404, description = "no such agent or command"),
        (status = 409, description = "the agent has it already, or it is no message"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn cancel(
    intervene: Data<Intervene>,
    operator: Operator,
    _none: NoParams,
    path: CommandPath,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    let CommandPath(id, seq) = path;
    operator
        .may_control(Lane::Control(ControlRoute::CancelCommand), ActionName::CommandCancel, AuditTarget::Session(id))
        .await?;
    let origin = operator.origin(body.read(Cap::Control).await?.reason);
    let intervention = Intervention::Cancel { command: seq };
    let done = to_the_end(async move { Ok(intervene.execute(id, intervention, origin).await?) }).await?;
    let reply = CancelReply { message: format!("Command {seq} of agent {id} cancelled"), receipt: "cancelled" };
    Ok(answer(HttpResponse::Ok(), done.committed.again, &reply))
}

/// Acknowledge a command. Doing it twice is harmless.
#[utoipa::path(post, path = "/agents/{agentId}/commands/{seq}/ack", operation_id = "acknowledgeCommand", tag = "commands", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ("seq" = u64, Path, description = "the place of the command in the agent's queue", maximum = 9_223_372_036_854_775_807_i64)), request_body = AcknowledgeBody,
    responses((status = 200, description = "the command with its receipt", body = CommandView),
        (status = 404, description = "no such command"),
        (status = 409, description = "its receipt is final")))]
pub(crate) async fn acknowledge(
    commands: Data<Commands>,
    caller: Caller,
    _none: NoParams,
    path: CommandPath,
    body: Body<AcknowledgeBody>,
) -> Result<Json<CommandView>, ApiError> {
    let CommandPath(id, seq) = path;
    commands.authorize.on_session(&caller.principal, Permission::Report, id).await?;
    let receipt = Receipt::try_from(body.read(Cap::Report).await?)?;
    let command = to_the_end(async move { Ok(commands.acknowledge.execute(id, seq, receipt).await?) }).await?;
    Ok(Json(command.into()))
}
