//! An operator steps in on one session, or on those around it.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::action::Intervention;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::Reason;
use flightdeck_domain::use_cases::{Intervene, InterveneScope, ScopedRequest, Taken};
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, IntoResponses};

use super::effects::Effects;
use super::operator::{IdempotencyHeader, Operator, answer};
use super::scope::{self, ControlScope};
use super::to_the_end;
use crate::dto::{ControlAnswer, ControlBody, ControlReply, InterruptBody, texts, words};
use crate::extract::{AgentPath, Body, Cap, Params};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// The longest time that a control call waits for the observed effect.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30);

/// Control of an agent, or of those around it.
pub(crate) struct Control {
    pub(crate) intervene: Intervene,
    pub(crate) scope: InterveneScope,
    pub(crate) effects: Effects,
}

/// The parameters of a control call, for the description of the API.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used; the parameters are read by `Params`")]
struct ReachParams {
    /// `self` (when missing), `subtree`, or `mission`: that of the agent.
    #[param(value_type = Option<words::ControlScope>)]
    scope: Option<String>,
    /// How long to wait for the effect, at most 30s. When missing 2s, or 12s for a kill or an interrupt of an agent that the
    /// server runs.
    #[param(inline, value_type = Option<texts::SpanTo30>)]
    wait: Option<String>,
}

/// The answers to a control call, for the description of the API.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
enum ControlResponses {
    /// Observed; with another scope than `self`, nothing is open any more.
    #[response(status = 200)]
    Observed(#[to_schema] ControlAnswer),
    /// Requested, not observed yet. With `auditSpooled`, and a message that says so, it is a stop that is kept while the store
    /// cannot be written.
    #[response(status = 202)]
    Requested(#[to_schema] ControlAnswer),
    /// No such agent.
    #[response(status = 404)]
    NoAgent,
    /// The session has ended, is being killed (another kill is possible), or belongs to no mission.
    #[response(status = 409)]
    Refused,
    /// The idempotency key was used for another call.
    #[response(status = 422)]
    KeyReused,
    /// By default 10 calls a minute for each key and route; kills have a count of their own, 120 a minute and key.
    #[response(status = 429)]
    TooMany,
}

/// Pause an agent where that is possible.
///
/// Says `paused` (200) only when the agent was seen to be; else `pause requested` (202).
#[utoipa::path(post, path = "/agents/{agentId}/pause", operation_id = "pauseAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ReachParams, IdempotencyHeader),
    request_body = Option<ControlBody>,
    responses(ControlResponses))]
pub(crate) async fn pause(
    control: Data<Control>,
    operator: Operator,
    path: AgentPath,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(control, operator, path.0, params, body, Wish::Pause).await
}

/// Let a paused agent go on.
#[utoipa::path(post, path = "/agents/{agentId}/resume", operation_id = "resumeAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ReachParams, IdempotencyHeader),
    request_body = Option<ControlBody>,
    responses(ControlResponses))]
pub(crate) async fn resume(
    control: Data<Control>,
    operator: Operator,
    path: AgentPath,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(control, operator, path.0, params, body, Wish::Resume).await
}

/// Stop the agent's current turn; it waits for the next prompt.
///
/// Messages that wait for the agent are kept and start its next turn, unless the body says `"drop": true`.
#[utoipa::path(post, path = "/agents/{agentId}/interrupt", operation_id = "interruptAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ReachParams, IdempotencyHeader),
    request_body = Option<InterruptBody>,
    responses(ControlResponses))]
pub(crate) async fn interrupt(
    control: Data<Control>,
    operator: Operator,
    path: AgentPath,
    params: Params,
    body: Body<InterruptBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(control, operator, path.0, params, body, Wish::Interrupt).await
}

/// Stop an agent for good.
///
/// From this call on nothing may spawn below it. Says `killed` (200) only when the agent was seen dead; else
/// `kill requested` (202).
#[utoipa::path(post, path = "/agents/{agentId}/kill", operation_id = "killAgent", tag = "control", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ReachParams, IdempotencyHeader),
    request_body = Option<ControlBody>,
    responses(ControlResponses))]
pub(crate) async fn kill(
    control: Data<Control>,
    operator: Operator,
    path: AgentPath,
    params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    intervene(control, operator, path.0, params, body, Wish::Kill).await
}

/// What is asked of an agent.
#[derive(Clone, Copy)]
struct Asked {
    wish: Wish,
    /// With an interrupt: take back the messages that wait, too.
    drop_queued: bool,
}

/// What a body says of it.
struct Told {
    reason: Option<Reason>,
    drop_queued: bool,
}

impl From<ControlBody> for Told {
    fn from(body: ControlBody) -> Self {
        Self { reason: body.reason, drop_queued: false }
    }
}

impl From<InterruptBody> for Told {
    fn from(body: InterruptBody) -> Self {
        Self { reason: body.reason, drop_queued: body.drop }
    }
}

/// Which bucket counts a call, and the cap of its body. Calls that stop or hold an agent have a share of their own.
const fn counted(wish: Wish) -> (Lane, Cap) {
    match wish {
        Wish::Pause => (Lane::Control(ControlRoute::Pause), Cap::Stop),
        Wish::Resume => (Lane::Control(ControlRoute::Resume), Cap::Control),
        Wish::Interrupt => (Lane::Control(ControlRoute::Interrupt), Cap::Stop),
        Wish::Kill => (Lane::Stop, Cap::Stop),
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
    control: Data<Control>,
    operator: Operator,
    id: SessionId,
    mut params: Params,
    body: Body<impl Into<Told> + DeserializeOwned + Send + 'static>,
    wish: Wish,
) -> Result<HttpResponse, ApiError> {
    let patience = control.effects.patience(params.span("wait", MAX_WAIT), wish);
    let scope = params.take::<ControlScope>("scope").unwrap_or_default();
    params.finish()?;
    let (lane, cap) = counted(wish);
    operator.may_control(lane, wish.name(), AuditTarget::Session(id)).await?;
    if scope.0 == Some(Reach::Subtree) {
        operator.may_reach_below(wish.name(), id).await?;
    }
    let Told { reason, drop_queued } = body.read(cap).await?.into();
    let asked = Asked { wish, drop_queued };
    let origin = operator.origin(reason);
    let acting = control.clone();
    if let Some(reach) = scope.0 {
        let request = ScopedRequest { session_id: id, reach, wish: asked.wish, drop_queued: asked.drop_queued };
        let Taken { committed, kept } =
            to_the_end(async move { Ok(acting.scope.execute(request, origin).await?) }).await?;
        if kept {
            return Ok(scope::reply(&committed.operation, &committed, kept));
        }
        let operation = control.effects.settled(committed.operation.id, patience).await?;
        return Ok(scope::reply(&operation, &committed, kept));
    }
    let done = to_the_end(async move { Ok(acting.intervene.execute(id, asked.intervention(), origin).await?) }).await?;
    let session = if done.kept {
        done.committed.session
    } else {
        control.effects.observed(id, patience, |session| asked.wish.is_seen_in(session.status)).await?
    };
    let observed = asked.wish.is_seen_in(session.status);
    let reply = ControlReply {
        message: scope::told_of(asked.told(id, &session, observed), done.kept),
        agent_id: *id.as_uuid(),
        status: session.status.as_str(),
        desired_status: session.desired_status.as_str(),
        observed,
        operation_id: done.committed.operation.map(|id| *id.as_uuid()),
        audit_spooled: done.committed.audit_seq.is_none(),
    };
    let response = if observed { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(answer(response, done.committed.again, &reply))
}
