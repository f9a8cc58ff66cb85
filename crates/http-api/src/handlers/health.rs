//! Is it alive, is it ready; and what a stranger finds at `/`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// How it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`
    status: &'static str,
    /// The server's version.
    version: &'static str,
}

const OK: HealthView = HealthView { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn live() -> Json<HealthView> {
    Json(OK)
}

/// A write would succeed now: the store was tried with one within the last second, and its tables are as this server needs
/// them. The answer comes within two seconds.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses((status = 200, body = HealthView),
        (status = 503, description = "not now; the detail says why", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn ready(api: Data<Api>) -> Result<Json<HealthView>, ApiError> {
    api.readiness.ready().await.map_err(|why| ApiError::NotReady(why.to_owned()))?;
    Ok(Json(OK))
}

/// A word to whoever comes by with a browser or curl.
pub(crate) fn welcome() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(
        "Flightdeck: mission control for fleets of AI agents.\n\n\
         The API is described in /openapi.json. It needs a key: X-API-Key or Authorization: Bearer.\n\
         The first admin key is in the file admin.key of the data folder.\n\n\
         GET  /agents/tree                      the session tree\n\
         GET  /agents/events                    everything that happens, live\n\
         GET  /agents/{agentId}/messages/stream one conversation, live\n\
         GET  /health/ready                     is it ready\n",
    )
}
