//! Whether the server is alive and ready, and the answer at `/`.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use flightdeck_vitals::Vitals;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dto::words;
use crate::extract::NoParams;
use crate::problem::ApiError;
use crate::readiness::Probe;

/// How it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`
    #[schema(value_type = words::Well)]
    status: &'static str,
    /// The server's version.
    version: &'static str,
}

/// How it is, with what it lives by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyView {
    /// `ok`
    #[schema(value_type = words::Well)]
    status: &'static str,
    /// The server's version.
    version: &'static str,
    /// Each worker of the process by its name, and how often it has panicked since the start. What is not zero is in the log.
    workers: BTreeMap<&'static str, u64>,
    /// With `database_read_url`: whether a standby is `read`, or why none is: `away`, `behind`, `no_copy` (it takes writes of
    /// its own) or `other_history`. Then the database itself is read, and the server is as ready.
    #[serde(rename = "readCopy", skip_serializing_if = "Option::is_none")]
    read_copy: Option<&'static str>,
}

const OK: HealthView = HealthView { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// The process answers.
#[utoipa::path(get, path = "/health/live", operation_id = "getLiveness", tag = "health", responses((status = 200, description = "it answers", body = HealthView)))]
pub(crate) async fn live(_none: NoParams) -> Json<HealthView> {
    Json(OK)
}

/// A write would succeed now: the store was tried with one within the last second, and its tables are as this server needs
/// them. And every worker of the process is at work. The answer comes within two seconds.
#[utoipa::path(get, path = "/health/ready", operation_id = "getReadiness", tag = "health",
    responses((status = 200, description = "it is ready", body = ReadyView),
        (status = 503, description = "not now; the detail says why")))]
pub(crate) async fn ready(probe: Data<Probe>, _none: NoParams) -> Result<Json<ReadyView>, ApiError> {
    let workers = Vitals::process().report();
    let down: Vec<&str> = workers.iter().filter(|worker| worker.down > 0).map(|worker| worker.name).collect();
    if !down.is_empty() {
        let why = format!("a worker of the server has panicked and is being started again: {}", down.join(", "));
        return Err(ApiError::NotReady(why));
    }
    probe.ready().await.map_err(|why| ApiError::NotReady(why.to_owned()))?;
    let workers = workers.into_iter().map(|worker| (worker.name, worker.panics)).collect();
    Ok(Json(ReadyView { status: OK.status, version: OK.version, workers, read_copy: probe.copy() }))
}

/// A word to whoever comes by with a browser or curl.
pub(crate) fn welcome() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(
        "Flightdeck: mission control for fleets of AI agents.\n\n\
         The API is described at /docs, and in /openapi.json for programs. It needs a key: X-API-Key or Authorization: Bearer.\n\
         The first admin key is in the file admin.key of the data folder.\n\n\
         GET  /agents/tree                      the session tree\n\
         GET  /agents/events                    everything that happens, live\n\
         GET  /agents/{agentId}/messages/stream one conversation, live\n\
         GET  /health/ready                     is it ready\n",
    )
}
