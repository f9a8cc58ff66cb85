//! An operator closes a session that will not report again.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::action::{ActionName, Intervention};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::use_cases::Intervene;

use super::operator::{IdempotencyHeader, Operator, answer};
use super::to_the_end;
use crate::dto::{ControlBody, ControlReply};
use crate::extract::{AgentPath, Body, Cap, Params};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// Close a session by hand: say that nothing runs there any more.
///
/// For an agent that ended without a word, such as a program that crashed. Nothing is asked of the agent: when it does speak
/// again it begins anew or, where it was to be killed, is told to stop. The session is `completed`, or `killed` where that
/// was asked for.
#[utoipa::path(post, path = "/agents/{agentId}/close", operation_id = "closeAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), IdempotencyHeader), request_body = Option<ControlBody>,
    responses((status = 200, description = "closed", body = ControlReply),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the session has ended, or its agent runs in this server"),
        (status = 422, description = "the idempotency key was used for another call"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn close(
    intervene: Data<Intervene>,
    operator: Operator,
    path: AgentPath,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    let id = path.0;
    params.finish()?;
    operator.may_control(Lane::Control(ControlRoute::Close), ActionName::Close, AuditTarget::Session(id)).await?;
    let origin = operator.origin(body.read(Cap::Control).await?.reason);
    let done = to_the_end(async move { Ok(intervene.execute(id, Intervention::Close, origin).await?) });
    let committed = done.await?.committed;
    let reply = ControlReply {
        message: format!("Agent {id} closed"),
        agent_id: *id.as_uuid(),
        status: committed.session.status.as_str(),
        desired_status: committed.session.desired_status.as_str(),
        observed: committed.session.status.is_terminal(),
        operation_id: None,
        audit_spooled: committed.audit_seq.is_none(),
    };
    Ok(answer(HttpResponse::Ok(), committed.again, &reply))
}
