//! The operator of a control call, and whether they may make it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::text::{IdempotencyKey, Reason, RequestId};
use serde::Serialize;
use utoipa::IntoParams;

use super::gate::Gate;
use crate::auth::Caller;
use crate::dto::texts;
use crate::extract::wired;
use crate::problem::ApiError;
use crate::request::id_of;
use crate::throttle::Lane;

/// The request header that makes of many calls one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The answer's header that says that the call was done before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The header that every control call takes, for the description of the API.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used; the header is read by `Operator`")]
pub(crate) struct IdempotencyHeader {
    /// Names the call: sent again with the same key and body within 24 hours it is not done again but answered with what
    /// came of it, and `Idempotency-Replayed: true`. With another body it is a 422.
    #[param(rename = "Idempotency-Key", inline, value_type = Option<texts::IdempotencyKey>)]
    key: Option<String>,
}

/// Whoever asks for an intervention, and by which call.
pub(crate) struct Operator {
    pub(super) caller: Caller,
    request_id: RequestId,
    idempotency_key: Option<IdempotencyKey>,
    gate: Data<Gate>,
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut operator = || {
            Ok(Self {
                caller: Caller::from_request(request, payload).into_inner()?,
                request_id: request_id(request)?,
                idempotency_key: request.headers().get(IDEMPOTENCY_KEY).map(read_key).transpose()?,
                gate: wired(request)?,
            })
        };
        ready(operator())
    }
}

/// The draft of the header makes it a structured field, a text in quotes; most clients send it without.
fn read_key(value: &HeaderValue) -> Result<IdempotencyKey, ApiError> {
    let fault = |detail: String| ApiError::field("Idempotency-Key", detail);
    let text = value.to_str().map_err(|_error| fault("is not plain ASCII".to_owned()))?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    IdempotencyKey::new(text).map_err(|error| fault(error.to_string()))
}

impl Operator {
    /// What the domain needs to know of the call.
    pub(super) fn origin(self, reason: Option<Reason>) -> Origin {
        let Self { caller, request_id, idempotency_key, .. } = self;
        Origin { actor: caller.principal.actor(), reason, request_id, idempotency_key }
    }

    /// Whether they may step in, and do so not too often; that they may not is put on record.
    pub(super) async fn may_control(
        &self,
        lane: Lane,
        action: ActionName,
        target: AuditTarget,
    ) -> Result<(), ApiError> {
        self.permitted(action, target).await?;
        self.gate.admit(&self.caller.principal.key_id, lane).await
    }

    /// Whether they may manage keys; that they may not is put on record.
    pub(super) async fn may_manage_keys(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        let (permission, principal) = (Permission::ManageKeys, &self.caller.principal);
        self.gate.permit_to(permission, principal, &self.request_id, action, target).await
    }

    /// Whether they may step in on a session and all below it; that they may not is put on record.
    pub(super) async fn may_reach_below(&self, action: ActionName, top: SessionId) -> Result<(), ApiError> {
        self.gate.permit_below(&self.caller.principal, &self.request_id, action, top).await
    }

    /// Whether they may change configurations of providers; that they may not is put on record.
    pub(super) async fn may_manage_providers(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        let (permission, principal) = (Permission::ManageProviders, &self.caller.principal);
        self.gate.permit_to(permission, principal, &self.request_id, action, target).await
    }

    /// Whether they may drain and remove runners; that they may not is put on record.
    pub(super) async fn may_manage_runners(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        let (permission, principal) = (Permission::ManageRunners, &self.caller.principal);
        self.gate.permit_to(permission, principal, &self.request_id, action, target).await
    }

    /// Whether they may change sinks; that they may not is put on record.
    pub(super) async fn may_manage_sinks(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        let (permission, principal) = (Permission::ManageSinks, &self.caller.principal);
        self.gate.permit_to(permission, principal, &self.request_id, action, target).await
    }

    /// Whether they may change the rules of retention; that they may not is put on record.
    pub(super) async fn may_manage_retention(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        let (permission, principal) = (Permission::ManageRetention, &self.caller.principal);
        self.gate.permit_to(permission, principal, &self.request_id, action, target).await
    }

    /// Counts the call.
    pub(super) async fn counted(&self, lane: Lane) -> Result<(), ApiError> {
        self.gate.admit(&self.caller.principal.key_id, lane).await
    }

    /// Whether they may step in, however often; see [`Gate::permit`].
    pub(super) async fn permitted(&self, action: ActionName, target: AuditTarget) -> Result<(), ApiError> {
        self.gate.permit(&self.caller.principal, &self.request_id, action, target).await
    }
}

pub(super) fn request_id(request: &HttpRequest) -> Result<RequestId, ApiError> {
    id_of(request).ok_or_else(|| ApiError::Internal("the request has no id".into()))
}

/// Ends an answer, and says when the call was done before.
pub(super) fn answer(mut response: HttpResponseBuilder, again: bool, body: &impl Serialize) -> HttpResponse {
    if again {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(body)
}
