//! An operator steps in on one session.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use flightdeck_domain::action::{ActionName, Attribution, Intervention};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::Wish;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{Reason, RequestId};
use flightdeck_domain::use_cases::ScopedRequest;
use tokio::time::Instant;

use super::operation_wait::settled;
use super::scope::{self, ControlScope};
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{ControlAnswer, ControlBody, ControlReply, InjectBody, InjectReply, InterruptBody};
use crate::extract::{AgentPath, Body, Params};
use crate::problem::{ApiError, Problem};
use crate::request::id_of;
use crate::state::Api;

/// The longest that a control call waits for the observed effect.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30);

/// Say something to an agent.
///
/// The message, the command that brings it to the agent and the audit entry are one write.
#[utoipa::path(post, path = "/agents/{agentId}/inject", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path)), request_body = InjectBody,
    responses((status = 200, body = InjectReply),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the session has ended or is being killed", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn inject(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    body: Body<InjectBody>,
) -> Result<Json<InjectReply>, ApiError> {
    let id = path.0;
    let request_id = request_id(&request)?;
    may_control(&api, &caller, ActionName::Inject, AuditTarget::Session(id), &request_id).await?;
    let InjectBody { message, delivery, reason } = body.0;
    let message_id = api.ids.message_id();
    let intervention = Intervention::Inject { message_id, content: message, delivery };
    let actor = caller.principal.actor();
    let done = to_the_end(async move { Ok(api.intervene.execute(id, intervention, actor, reason, request_id).await?) });
    let committed = done.await?.committed;
    let reply = InjectReply {
        message: format!("Message injected into agent {id}"),
        message_id: *message_id.as_uuid(),
        seq: committed.message.map_or(0, |message| message.seq.get()),
        receipt: committed.command.as_ref().map_or("accepted", |command| command.receipt.as_str()),
        command_seq: committed.command.map(|command| command.seq.get()),
    };
    Ok(Json(reply))
}

/// Pause an agent where that is possible.
///
/// Says `paused` (200) only when the agent was seen to be; else `pause requested` (202).
#[utoipa::path(post, path = "/agents/{agentId}/pause", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("scope" = Option<String>, Query, description = "`self` (when missing), `subtree`, or `mission`: that of the agent"),
        ("wait" = Option<String>, Query, description = "how long to wait for the effect: 2s when missing, at most 30s")),
    request_body = ControlBody,
    responses((status = 200, description = "observed; with another scope than `self`, nothing is open any more",
            body = ControlAnswer),
        (status = 202, description = "requested, not observed yet", body = ControlAnswer),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the session has ended, is being killed, or belongs to no mission", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn pause(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(api, caller, path.0, request, params, body.0.reason, Wish::Pause.into()).await
}

/// Let a paused agent go on.
#[utoipa::path(post, path = "/agents/{agentId}/resume", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("scope" = Option<String>, Query, description = "`self` (when missing), `subtree`, or `mission`: that of the agent"),
        ("wait" = Option<String>, Query, description = "how long to wait for the effect: 2s when missing, at most 30s")),
    request_body = ControlBody,
    responses((status = 200, description = "observed; with another scope than `self`, nothing is open any more",
            body = ControlAnswer),
        (status = 202, description = "requested, not observed yet", body = ControlAnswer),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the session has ended, is being killed, or belongs to no mission", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn resume(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(api, caller, path.0, request, params, body.0.reason, Wish::Resume.into()).await
}

/// Stop the agent's current turn; it waits for the next prompt.
///
/// Messages that wait for the agent are kept and start its next turn, unless the body says `"drop": true`.
#[utoipa::path(post, path = "/agents/{agentId}/interrupt", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("scope" = Option<String>, Query, description = "`self` (when missing), `subtree`, or `mission`: that of the agent"),
        ("wait" = Option<String>, Query, description = "how long to wait for the effect: 2s when missing, at most 30s")),
    request_body = InterruptBody,
    responses((status = 200, description = "observed; with another scope than `self`, nothing is open any more",
            body = ControlAnswer),
        (status = 202, description = "requested, not observed yet", body = ControlAnswer),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the session has ended, is being killed, or belongs to no mission", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn interrupt(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    params: Params,
    body: Body<InterruptBody>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked { wish: Wish::Interrupt, drop_queued: body.0.drop };
    intervene(api, caller, path.0, request, params, body.0.reason, asked).await
}

/// Stop an agent for good.
///
/// From this call on nothing may spawn below it. Says `killed` (200) only when the agent was seen dead; else
/// `kill requested` (202).
#[utoipa::path(post, path = "/agents/{agentId}/kill", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("scope" = Option<String>, Query, description = "`self` (when missing), `subtree`, or `mission`: that of the agent"),
        ("wait" = Option<String>, Query, description = "how long to wait for the effect: 2s when missing, at most 30s")),
    request_body = ControlBody,
    responses((status = 200, description = "observed; with another scope than `self`, nothing is open any more",
            body = ControlAnswer),
        (status = 202, description = "requested, not observed yet", body = ControlAnswer),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the session has ended", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn kill(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(api, caller, path.0, request, params, body.0.reason, Wish::Kill.into()).await
}

/// What is asked of an agent.
#[derive(Clone, Copy)]
struct Asked {
    wish: Wish,
    /// With an interrupt: take back the messages that wait, too.
    drop_queued: bool,
}

impl From<Wish> for Asked {
    fn from(wish: Wish) -> Self {
        Self { wish, drop_queued: false }
    }
}

impl Asked {
    const fn intervention(self) -> Intervention {
        match self.wish {
            Wish::Pause => Intervention::Pause,
            Wish::Resume => Intervention::Resume,
            Wish::Interrupt => Intervention::Interrupt { drop_queued: self.drop_queued },
            Wish::Kill => Intervention::Kill,
        }
    }

    /// In the words of the seed system when it is done.
    fn told(self, id: SessionId, session: &Session, observed: bool) -> String {
        if !observed && session.status.is_terminal() {
            return format!("Agent {id} is {} already", session.status);
        }
        match (self.wish, observed) {
            (Wish::Pause, true) => format!("Agent {id} paused"),
            (Wish::Resume, true) => format!("Agent {id} resumed"),
            (Wish::Interrupt, true) => format!("Agent {id} interrupted"),
            (Wish::Kill, true) => format!("Agent {id} killed"),
            (Wish::Pause, false) => format!("Agent {id} pause requested"),
            (Wish::Resume, false) => format!("Agent {id} resume requested"),
            (Wish::Interrupt, false) => format!("Agent {id} interrupt requested"),
            (Wish::Kill, false) => format!("Agent {id} kill requested"),
        }
    }
}

async fn intervene(
    api: Data<Api>,
    caller: Caller,
    id: SessionId,
    request: HttpRequest,
    mut params: Params,
    reason: Option<Reason>,
    asked: Asked,
) -> Result<HttpResponse, ApiError> {
    let wait = params.span("wait", MAX_WAIT).unwrap_or(api.options.control_wait);
    let scope = params.take::<ControlScope>("scope").unwrap_or_default();
    params.finish()?;
    let request_id = request_id(&request)?;
    may_control(&api, &caller, asked.wish.name(), AuditTarget::Session(id), &request_id).await?;
    let actor = caller.principal.actor();
    let acting = api.clone();
    if let Some(reach) = scope.0 {
        let request = ScopedRequest { session_id: id, reach, wish: asked.wish, drop_queued: asked.drop_queued };
        let done =
            to_the_end(async move { Ok(acting.scope.execute(request, actor, reason, request_id).await?) }).await?;
        let operation = settled(&api, done.operation.id, wait).await?;
        return Ok(scope::reply(&operation));
    }
    let done =
        to_the_end(
            async move { Ok(acting.intervene.execute(id, asked.intervention(), actor, reason, request_id).await?) },
        )
        .await?;
    let session = observe(&api, id, wait, |session| asked.wish.is_seen_in(session.status)).await?;
    let observed = asked.wish.is_seen_in(session.status);
    let reply = ControlReply {
        message: asked.told(id, &session, observed),
        agent_id: *id.as_uuid(),
        status: session.status.as_str(),
        desired_status: session.desired_status.as_str(),
        observed,
        operation_id: done.committed.operation.map(|id| *id.as_uuid()),
    };
    let mut response = if observed { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(response.json(reply))
}

/// Waits until the session is as wished, has ended, or the time is up; gives the session as it was last seen.
async fn observe(
    api: &Api,
    id: SessionId,
    wait: Duration,
    wished: impl Fn(&Session) -> bool,
) -> Result<Session, ApiError> {
    let deadline = Instant::now() + wait;
    let mut hints = api.hints.feed();
    loop {
        hints.mark_unchanged();
        let session = api.sessions.one(id).await?.ok_or_else(|| ApiError::no_session(id))?;
        if wished(&session) || session.status.is_terminal() || Instant::now() >= deadline {
            return Ok(session);
        }
        // A hint may be lost, or come from another replica later: look from time to time anyway.
        let next_look = deadline.min(Instant::now() + Duration::from_millis(250));
        let _ = tokio::time::timeout_at(next_look, hints.changed()).await;
    }
}

/// Whether the caller may step in, and does so not too often; that they may not is put on record.
pub(super) async fn may_control(
    api: &Api,
    caller: &Caller,
    action: ActionName,
    target: AuditTarget,
    request_id: &RequestId,
) -> Result<(), ApiError> {
    permitted(api, caller, action, target, request_id).await?;
    api.throttle_control.admit(&caller.principal.key_id).await.pass()
}

/// Whether the caller may step in, however often; that they may not is put on record.
pub(super) async fn permitted(
    api: &Api,
    caller: &Caller,
    action: ActionName,
    target: AuditTarget,
    request_id: &RequestId,
) -> Result<(), ApiError> {
    if let Err(denied) = api.authorize.role(&caller.principal, Permission::Control) {
        let by = Attribution {
            actor: caller.principal.actor(),
            reason: None,
            request_id: request_id.clone(),
            at: api.ports.clock.now(),
        };
        let details = [("refusal".to_owned(), denied.to_string())].into();
        api.ports.actions.record(by.audit(action, target, AuditOutcome::Refused, details)).await?;
        return Err(ApiError::Denied(denied.to_string()));
    }
    Ok(())
}

pub(super) fn request_id(request: &HttpRequest) -> Result<RequestId, ApiError> {
    id_of(request).ok_or_else(|| ApiError::Internal("the request has no id".into()))
}
