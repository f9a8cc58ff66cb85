//! The audit log.

use actix_web::web::{Data, Json};
use flightdeck_domain::api_key::KeyId;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::operator::{Actor, Permission};
use flightdeck_domain::ports::AuditFilter;

use crate::auth::Caller;
use crate::dto::{AuditPageView, AuditVerificationView};
use crate::extract::Params;
use crate::problem::ApiError;
use crate::state::Api;

/// Read the audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", security(("apiKey" = [])),
    params(
        ("agentId" = Option<String>, Query, description = "only entries about this agent"),
        ("operator" = Option<String>, Query, description = "only entries by this key id"),
        ("action" = Option<String>, Query, description = "only entries of this action"),
        ("before" = Option<u64>, Query, description = "only entries before this seq"),
        ("limit" = Option<u64>, Query, description = "1 to 1000, 100 when missing")),
    responses((status = 200, body = AuditPageView)))]
pub(crate) async fn page(api: Data<Api>, caller: Caller, mut params: Params) -> Result<Json<AuditPageView>, ApiError> {
    let session_id = params.take("agentId");
    let action = params.take("action");
    let actor = params.take::<Operator>("operator").map(|operator| operator.0);
    let before = params.number("before", 1..=u64::MAX).map(AuditSeq::new);
    let limit = usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100);
    params.finish()?;
    readable(&api, &caller)?;
    let page = api.audit.execute(AuditFilter { session_id, actor, action }, before, limit).await?;
    AuditPageView::new(&page, limit).map(Json)
}

/// Walk the whole chain of hashes, and say whether every entry is what it was and where it was.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", security(("apiKey" = [])),
    responses((status = 200, description = "look at `valid`", body = AuditVerificationView)))]
pub(crate) async fn verify(api: Data<Api>, caller: Caller) -> Result<Json<AuditVerificationView>, ApiError> {
    readable(&api, &caller)?;
    Ok(Json(api.verify_audit.execute().await?.into()))
}

fn readable(api: &Api, caller: &Caller) -> Result<(), ApiError> {
    let allowed = api.authorize.role(&caller.principal, Permission::ReadAudit);
    allowed.map_err(|denied| ApiError::Denied(denied.to_string()))
}

/// An operator on the audit log: a key id, or the command line.
struct Operator(Actor);

impl std::str::FromStr for Operator {
    type Err = flightdeck_domain::api_key::InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Actor::local_cli().as_str() {
            return Ok(Self(Actor::local_cli()));
        }
        Ok(Self(Actor::key(&KeyId::new(text)?)))
    }
}
