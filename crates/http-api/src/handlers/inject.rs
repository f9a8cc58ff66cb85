//! An operator sends a message to an agent.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::action::{ActionName, Intervention};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::use_cases::Intervene;

use super::operator::{IdempotencyHeader, Operator, answer};
use super::to_the_end;
use crate::dto::{InjectBody, InjectReply};
use crate::extract::{AgentPath, Body, Cap, NoParams};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// Say something to an agent.
///
/// The message, the command that brings it to the agent and the audit entry are one write.
#[utoipa::path(post, path = "/agents/{agentId}/inject", operation_id = "injectMessage", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), IdempotencyHeader), request_body = InjectBody,
    responses((status = 200, description = "it is in the conversation", body = InjectReply),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the session has ended or is being killed"),
        (status = 422, description = "the idempotency key was used for another call"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn inject(
    intervene: Data<Intervene>,
    ids: Data<dyn IdGenerator>,
    operator: Operator,
    _none: NoParams,
    path: AgentPath,
    body: Body<InjectBody>,
) -> Result<HttpResponse, ApiError> {
    let id = path.0;
    operator.may_control(Lane::Control(ControlRoute::Inject), ActionName::Inject, AuditTarget::Session(id)).await?;
    let InjectBody { message, delivery, reason } = body.read(Cap::Inject).await?;
    let intervention = Intervention::Inject { message_id: ids.message_id(), content: message, delivery };
    let origin = operator.origin(reason);
    let done = to_the_end(async move { Ok(intervene.execute(id, intervention, origin).await?) });
    let committed = done.await?.committed;
    let (message, command) = committed
        .message
        .zip(committed.command)
        .ok_or_else(|| ApiError::Internal("an inject has no message or no command".into()))?;
    let reply = InjectReply {
        message: format!("Message injected into agent {id}"),
        message_id: *message.id.as_uuid(),
        seq: message.seq.get(),
        receipt: command.receipt.as_str(),
        command_seq: Some(command.seq.get()),
    };
    Ok(answer(HttpResponse::Ok(), committed.again, &reply))
}
