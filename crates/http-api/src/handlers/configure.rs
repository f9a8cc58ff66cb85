//! An operator has an agent at work use another model or another mode.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::action::{ActionName, Intervention};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::session::Choice;
use flightdeck_domain::use_cases::{Intervene, ReadCommands};
use tokio::time::Instant;

use super::control::MAX_WAIT;
use super::operator::{IdempotencyHeader, Operator, answer};
use super::to_the_end;
use super::waiting::{Look, Pace, Waiting};
use crate::dto::{ConfigureBody, ConfigureReply, texts};
use crate::extract::{AgentPath, Body, Cap, Params};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// Changes agents at work.
pub(crate) struct Configure {
    pub(crate) intervene: Intervene,
    pub(crate) read: ReadCommands,
    pub(crate) waiting: Waiting,
    /// How long a call waits by default.
    pub(crate) control_wait: Duration,
}

/// Have an agent at work use another model or another mode.
///
/// The choice, the command that brings it to the agent and the audit entry are one write. The agent is told at once; what is
/// said to it afterwards is for the agent as it was chosen. `GET /agents/{agentId}/commands/{seq}` tells what became of it.
#[utoipa::path(post, path = "/agents/{agentId}/configure", operation_id = "configureAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("wait" = inline(Option<texts::SpanTo30>), Query, description = "how long to wait for the agent's answer, at most 30s; 2s when missing"),
        IdempotencyHeader), request_body = ConfigureBody,
    responses((status = 200, description = "the agent has answered: its receipt is `consumed`, or `refused` with the reason", body = ConfigureReply),
        (status = 202, description = "the agent has not answered yet", body = ConfigureReply),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the session has ended or is being killed, or its agent works with one model and in one mode"),
        (status = 422, description = "the idempotency key was used for another call"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn configure(
    agents: Data<Configure>,
    operator: Operator,
    path: AgentPath,
    mut params: Params,
    body: Body<ConfigureBody>,
) -> Result<HttpResponse, ApiError> {
    let id = path.0;
    let wait = params.span("wait", MAX_WAIT).unwrap_or(agents.control_wait);
    params.finish()?;
    let target = AuditTarget::Session(id);
    operator.may_control(Lane::Control(ControlRoute::Configure), ActionName::Configure, target).await?;
    let ConfigureBody { model, mode, reason } = body.read(Cap::Control).await?;
    let choice = Choice { model, mode };
    if choice.is_empty() {
        return Err(ApiError::field("/model", "is missing, and so is /mode; give at least one of them"));
    }
    let origin = operator.origin(reason);
    let (acting, intervention) = (agents.clone(), Intervention::Configure(choice.clone()));
    let done = to_the_end(async move { Ok(acting.intervene.execute(id, intervention, origin).await?) });
    let committed = done.await?.committed;
    let command =
        committed.command.ok_or_else(|| ApiError::Internal("a choice has no command that brings it".into()))?;
    let command = agents.answered(id, command.seq, wait).await?;
    let reply = ConfigureReply {
        message: told(id, &choice, &command.receipt),
        agent_id: *id.as_uuid(),
        command_seq: command.seq.get(),
        receipt: command.receipt.as_str(),
        receipt_reason: command.receipt.reason().map(ToString::to_string),
    };
    let response = if command.receipt.is_pending() { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    Ok(answer(response, committed.again, &reply))
}

impl Configure {
    /// Waits until the receipt is final; gives the command as it is then.
    async fn answered(&self, id: SessionId, seq: CommandSeq, wait: Duration) -> Result<Command, ApiError> {
        let until = Instant::now() + wait;
        let (waiting, pace) = (&self.waiting, Pace::at_hints(Duration::from_millis(250)));
        let seen = waiting.look_until(waiting.hints.feed(), pace, async || {
            let command = self.read.one(id, seq).await?.ok_or_else(|| ApiError::no_command(id, seq))?;
            Ok(if command.receipt.is_pending() { Look::NotYet(command, until) } else { Look::Found(command) })
        });
        seen.await
    }
}

fn told(id: SessionId, choice: &Choice, receipt: &Receipt) -> String {
    match receipt {
        Receipt::Consumed => format!("Agent {id} works with {choice}"),
        Receipt::Refused { reason } => format!("Agent {id} refused {choice}: {reason}"),
        Receipt::Undeliverable { reason } => format!("Agent {id} was not given {choice}: {reason}"),
        Receipt::Accepted | Receipt::Delivered | Receipt::Cancelled => format!("Agent {id} {choice} requested"),
    }
}
