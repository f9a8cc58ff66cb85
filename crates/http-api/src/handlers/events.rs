//! The fleet feed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::operator::Permission;

use super::messages::{last_event_id, not_ahead};
use crate::auth::Caller;
use crate::extract::Params;
use crate::problem::{ApiError, Problem};
use crate::sse;
use crate::state::Api;

/// Follow everything that happens to sessions, in one durable order.
///
/// Server-sent events: `event:` is the type (`spawned`, `status`, `action`, `receipt`, `approval`, `killswitch`), `id:` the position.
/// Without a cursor it begins with what happens next; `GET /agents/tree` gives in `Flightdeck-As-Of` the position from
/// which tree and feed have no gap between them.
#[utoipa::path(get, path = "/agents/events", tag = "agents", security(("apiKey" = [])),
    params(("Last-Event-ID" = Option<u64>, Header, description = "go on after this position; goes before after"),
        ("after" = Option<u64>, Query, description = "go on after this position; 0 begins with the first event")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 400, description = "the cursor is wrong, or beyond the end", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn stream(
    api: Data<Api>,
    caller: Caller,
    request: HttpRequest,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = params.number("after", 0..=u64::MAX);
    params.finish()?;
    let resumed = last_event_id(request.headers())?;
    api.authorize
        .role(&caller.principal, Permission::ReadFleet)
        .map_err(|denied| ApiError::Denied(denied.to_string()))?;
    let counted = caller.key.open_stream(api.options.max_streams_per_key)?;
    let head = api.feed.head(&()).await?.map_or(0, |head| head.position);
    let cursor = resumed.or(after).unwrap_or(head);
    not_ahead(cursor, head, resumed.is_some())?;
    let follower = api.feed.follow((), cursor).await?;
    let follower = follower.ok_or_else(|| ApiError::Internal("there is no fleet feed".into()))?;
    Ok(sse::follow(&api, &caller, counted, follower))
}
