//! The fleet at a glance.

use std::sync::Arc;

use actix_web::web::{Data, Json};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::usage::UsageOf;
use flightdeck_domain::use_cases::{Authorize, ReadSessions, ReadUsage};
use serde::Serialize;
use utoipa::ToSchema;

use super::breakdown::{broken_down, how};
use crate::auth::{Caller, KeyRing};
use crate::dto::{FleetUsageView, texts, words};
use crate::extract::{NoParams, Params};
use crate::problem::ApiError;

/// The sums of usage.
pub(crate) struct Fleet {
    pub(crate) authorize: Authorize,
    pub(crate) sessions: ReadSessions,
    pub(crate) usage: ReadUsage,
    /// Knows the streams that are open.
    pub(crate) keys: Arc<KeyRing>,
}

/// What holds of the whole fleet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetView {
    /// Whether nothing may spawn until `POST /killswitch/release`.
    kill_switch_engaged: bool,
    /// The streams that this server has open: of conversations, commands and the fleet feed. Other replicas have their own.
    open_streams: u64,
}

/// What holds of the whole fleet, and how many follow it on this server.
#[utoipa::path(get, path = "/fleet", operation_id = "getFleet", tag = "agents", security(("apiKey" = [])),
    responses((status = 200, description = "the fleet", body = FleetView)))]
pub(crate) async fn read(fleet: Data<Fleet>, caller: Caller, _none: NoParams) -> Result<Json<FleetView>, ApiError> {
    may_read(&fleet.authorize, &caller)?;
    let kill_switch_engaged = fleet.sessions.kill_switch_engaged().await?;
    Ok(Json(FleetView { kill_switch_engaged, open_streams: fleet.keys.open_streams() }))
}

/// What all agents used together, as far as they say, and by day, model, mission or agent.
///
/// A report counts on the day of its message's time, in UTC.
#[utoipa::path(get, path = "/fleet/usage", operation_id = "getFleetUsage", tag = "usage", security(("apiKey" = [])),
    params(
        ("by" = Option<Vec<words::UsageBy>>, Query, description = "what to break the usage of the days down by; also one parameter with commas"),
        ("from" = inline(Option<texts::Day>), Query, description = "the first day; 29 days before the last one when missing"),
        ("to" = inline(Option<texts::Day>), Query, description = "the last day, of at most 400; today when missing")),
    responses((status = 200, description = "the sums", body = FleetUsageView),
        (status = 400, description = "no such days, or too many")))]
pub(crate) async fn usage(
    fleet: Data<Fleet>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<FleetUsageView>, ApiError> {
    let how = how(&mut params);
    params.finish()?;
    fleet.authorize.on_fleet(&caller.principal, Permission::ReadFleet)?;
    let breakdown = broken_down(&fleet.usage, UsageOf::Fleet, how).await?;
    Ok(Json(FleetUsageView::new(&fleet.usage.fleet().await?, breakdown)))
}

/// Whether the caller may see the whole fleet.
pub(super) fn may_read(authorize: &Authorize, caller: &Caller) -> Result<(), ApiError> {
    let allowed = authorize.role(&caller.principal, Permission::ReadFleet);
    allowed.map_err(|denied| ApiError::Denied(denied.to_string()))
}
