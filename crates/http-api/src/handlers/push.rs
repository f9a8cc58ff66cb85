//! Browsers that are told what needs a person.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use flightdeck_domain::use_cases::{Authorize, SubscribePush};

use super::fleet::may_read;
use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{PushBody, PushEndBody, PushView, PushesView};
use crate::extract::{Body, Cap, NoParams};
use crate::problem::ApiError;

/// The subscriptions of browsers.
pub(crate) struct Push {
    pub(crate) authorize: Authorize,
    pub(crate) subscribe: SubscribePush,
}

/// The browsers that this key has subscribed.
#[utoipa::path(get, path = "/push/subscriptions", operation_id = "listPushSubscriptions", tag = "sinks", security(("apiKey" = [])),
    responses((status = 200, description = "all of them", body = PushesView)))]
pub(crate) async fn list(push: Data<Push>, caller: Caller, _none: NoParams) -> Result<Json<PushesView>, ApiError> {
    may_read(&push.authorize, &caller)?;
    let own = push.subscribe.of(&caller.principal).await?;
    Ok(Json(PushesView { subscriptions: own.iter().map(PushView::from).collect() }))
}

/// Have a browser told what needs a person, by Web Push, also while the page is closed.
///
/// A subscription is a sink of the form `web_push`. It tells what this key may see, and ends when the key is revoked, or
/// when the browser ends it.
#[utoipa::path(post, path = "/push/subscriptions", operation_id = "createPushSubscription", tag = "sinks", security(("apiKey" = [])),
    request_body = PushBody,
    responses(
        (status = 201, description = "the browser is subscribed", body = PushView),
        (status = 200, description = "it was subscribed already, and is so anew", body = PushView),
        (status = 400, description = "a field is wrong, the address is not one that this server sends to, or the key has too many subscriptions"),
        (status = 409, description = "this server sends nothing")))]
pub(crate) async fn create(
    push: Data<Push>,
    operator: Operator,
    _none: NoParams,
    body: Body<PushBody>,
) -> Result<HttpResponse, ApiError> {
    may_read(&push.authorize, &operator.caller)?;
    let subscription = body.read(Cap::Control).await?.into_subscription()?;
    let (principal, origin) = (operator.caller.principal.clone(), operator.origin(None));
    let acting = push.clone();
    let made = to_the_end(async move { Ok(acting.subscribe.subscribe(&principal, subscription, origin).await?) });
    let (sink, is_new) = made.await?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(PushView::from(&sink)))
}

/// End the subscription of a browser.
#[utoipa::path(delete, path = "/push/subscriptions", operation_id = "removePushSubscription", tag = "sinks", security(("apiKey" = [])),
    request_body = PushEndBody,
    responses(
        (status = 204, description = "it is over"),
        (status = 404, description = "this key has no subscription for the address")))]
pub(crate) async fn remove(
    push: Data<Push>,
    operator: Operator,
    _none: NoParams,
    body: Body<PushEndBody>,
) -> Result<HttpResponse, ApiError> {
    may_read(&push.authorize, &operator.caller)?;
    let PushEndBody { endpoint } = body.read(Cap::Control).await?;
    let (principal, origin) = (operator.caller.principal.clone(), operator.origin(None));
    let acting = push.clone();
    let ended = to_the_end(async move { Ok(acting.subscribe.unsubscribe(&principal, &endpoint, origin).await?) });
    if ended.await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        let detail = "this key has no subscription for the address".to_owned();
        Err(ApiError::NotFound { kind: "unknown-subscription", detail })
    }
}
