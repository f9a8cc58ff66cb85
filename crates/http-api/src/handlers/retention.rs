//! The rules of retention, and which sessions are archived.

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, HeaderName, HeaderValue};
use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::retention::Retention;
use flightdeck_domain::use_cases::{Authorize, ManageRetention, NameKeys};

use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{RetentionBody, RetentionPlanView, RetentionView};
use crate::extract::{Body, Cap, IfMatch, NoParams};
use crate::problem::ApiError;

/// What is read comes from the archive.
const ARCHIVED: HeaderName = HeaderName::from_static("flightdeck-archived");

/// The rules, and who may see and change them.
pub(crate) struct Retaining {
    pub(crate) authorize: Authorize,
    pub(crate) manage: ManageRetention,
    pub(crate) names: NameKeys,
    /// Whether there is an archive.
    pub(crate) archive: bool,
}

impl Retaining {
    async fn answer(&self, retention: Retention) -> HttpResponse {
        let names = self.names.of(retention.changed.as_ref().map(|changed| &changed.by)).await;
        let tag = format!("\"{}\"", retention.revision);
        HttpResponse::Ok().insert_header((ETAG, tag)).json(RetentionView::new(retention, &names, self.archive))
    }
}

/// Says in an answer that the conversation that it is about is in the archive. Only ended sessions are looked up.
pub(super) async fn tell_archived(
    manage: &ManageRetention,
    session: SessionId,
    ended: bool,
    response: &mut HttpResponse,
) -> Result<(), ApiError> {
    if ended && manage.archived(session).await?.is_some() {
        response.headers_mut().insert(ARCHIVED, HeaderValue::from_static("true"));
    }
    Ok(())
}

/// The rules of retention: after how many days conversations of ended sessions go to the archive, and entries of the fleet
/// feed go.
#[utoipa::path(get, path = "/retention", operation_id = "getRetention", tag = "retention", security(("apiKey" = [])),
    responses((status = 200, description = "the rules; `ETag` has their revision", body = RetentionView)))]
pub(crate) async fn read(
    retaining: Data<Retaining>,
    caller: Caller,
    _none: NoParams,
) -> Result<HttpResponse, ApiError> {
    retaining.authorize.on_fleet(&caller.principal, Permission::ReadRetention)?;
    let retention = retaining.manage.read().await?;
    Ok(retaining.answer(retention).await)
}

/// Change the rules of retention as a whole.
///
/// They are followed at the next look, every hour by default. `POST /retention/plan` shows what would go.
#[utoipa::path(put, path = "/retention", operation_id = "setRetention", tag = "retention", security(("apiKey" = [])),
    params(("If-Match" = String, Header, description = "the revision that is changed, as `ETag` gave it; \"0\" before the first change")),
    request_body = RetentionBody,
    responses(
        (status = 200, description = "they were changed; `ETag` has their revision", body = RetentionView),
        (status = 400, description = "a field is wrong"),
        (status = 412, description = "they have another revision"),
        (status = 428, description = "`If-Match` is missing")))]
pub(crate) async fn set(
    retaining: Data<Retaining>,
    operator: Operator,
    _none: NoParams,
    known: IfMatch,
    body: Body<RetentionBody>,
) -> Result<HttpResponse, ApiError> {
    operator.may_manage_retention(ActionName::RetentionSet, AuditTarget::Fleet).await?;
    let (rules, reason) = body.read(Cap::Session).await?.into_rules()?;
    let revision = known.0.ok_or_else(|| {
        ApiError::ConditionMissing("send the revision that is to be changed as If-Match; ETag gives it".to_owned())
    })?;
    let origin = operator.origin(reason);
    let acting = retaining.clone();
    let set = to_the_end(async move { Ok(acting.manage.set(rules, revision, origin).await?) });
    Ok(retaining.answer(set.await?).await)
}

/// What would go now under some rules, by mission. Nothing is changed.
///
/// It looks at the 10,000 sessions that ended first and reads no conversation. `flightdeck retention plan` looks at all of
/// them and counts the bytes, too.
#[utoipa::path(post, path = "/retention/plan", operation_id = "planRetention", tag = "retention", security(("apiKey" = [])),
    request_body = Option<RetentionBody>,
    responses(
        (status = 200, description = "what would go", body = RetentionPlanView),
        (status = 400, description = "a field is wrong")))]
pub(crate) async fn plan(
    retaining: Data<Retaining>,
    caller: Caller,
    _none: NoParams,
    body: Body<RetentionBody>,
) -> Result<Json<RetentionPlanView>, ApiError> {
    retaining.authorize.on_fleet(&caller.principal, Permission::ReadRetention)?;
    let (rules, _) = body.read(Cap::Session).await?.into_rules()?;
    Ok(Json(RetentionPlanView::new(retaining.manage.preview(&rules).await?, retaining.archive)))
}
