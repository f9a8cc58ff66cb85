//! Missions: sessions across trees, seen as one.

use std::fmt;
use std::str::FromStr;

use actix_web::web::{Data, Json};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::{MissionCursor, MissionQuery};
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::AccountKey;

use super::operator::Operator;
use super::usage::change;
use crate::auth::Caller;
use crate::dto::{BudgetBody, ControlBody, MissionView, MissionsView};
use crate::extract::{Body, MissionPath, Params};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// List missions, newest first, each with what it used and its sessions by status.
#[utoipa::path(get, path = "/missions", tag = "usage", security(("apiKey" = [])),
    params(
        ("after" = Option<String>, Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "1 to 200, 50 when missing")),
    responses((status = 200, body = MissionsView)))]
pub(crate) async fn list(api: Data<Api>, caller: Caller, mut params: Params) -> Result<Json<MissionsView>, ApiError> {
    let after = params.take::<NewestFirst>("after").map(|place| place.0);
    let limit = usize::try_from(params.number("limit", 1..=200).unwrap_or(50)).unwrap_or(50);
    params.finish()?;
    readable(&api, &caller)?;
    let page = api.usage.missions(MissionQuery { after, limit }).await?;
    let missions = page.missions.iter().map(MissionView::from).collect();
    Ok(Json(MissionsView { missions, next_after: page.next.map(|next| NewestFirst(next).to_string()) }))
}

/// One mission: what it used, its budget, and its sessions by status.
#[utoipa::path(get, path = "/missions/{missionId}", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = String, Path)),
    responses((status = 200, body = MissionView),
        (status = 404, description = "no such mission", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn read(api: Data<Api>, caller: Caller, path: MissionPath) -> Result<Json<MissionView>, ApiError> {
    readable(&api, &caller)?;
    view(&api, path.0).await
}

async fn view(api: &Api, mission: MissionId) -> Result<Json<MissionView>, ApiError> {
    let summary = api.usage.mission(mission.clone()).await?.ok_or_else(|| ApiError::no_mission(&mission))?;
    Ok(Json(MissionView::from(&summary)))
}

/// Say what all sessions of a mission may use together, before its first session or later.
///
/// When it is used up they are paused, as with the budget of an agent.
#[utoipa::path(put, path = "/missions/{missionId}/budget", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = String, Path)), request_body = BudgetBody,
    responses((status = 200, body = MissionView),
        (status = 400, description = "no limit, or a wrong one", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn set_budget(
    api: Data<Api>,
    operator: Operator,
    path: MissionPath,
    body: Body<BudgetBody>,
) -> Result<Json<MissionView>, ApiError> {
    let budget = body.0.budget().map_err(|error| ApiError::field("", error.to_string()))?;
    let target = AuditTarget::Mission(path.0.clone());
    change(&api, operator, AccountKey::Mission(path.0.clone()), target, Some(budget), body.0.reason).await?;
    view(&api, path.0).await
}

/// Take the budget of a mission away.
#[utoipa::path(delete, path = "/missions/{missionId}/budget", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = String, Path)), request_body = ControlBody,
    responses((status = 200, body = MissionView),
        (status = 404, description = "no such mission", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove_budget(
    api: Data<Api>,
    operator: Operator,
    path: MissionPath,
    body: Body<ControlBody>,
) -> Result<Json<MissionView>, ApiError> {
    // A budget that is taken away must not be what brings a mission about.
    let is_there = api.usage.mission(path.0.clone()).await?.is_some();
    let (key, target) = (AccountKey::Mission(path.0.clone()), AuditTarget::Mission(path.0.clone()));
    if is_there {
        change(&api, operator, key, target, None, body.0.reason).await?;
    } else {
        operator.may_control(&api, flightdeck_domain::action::ActionName::BudgetSet, target).await?;
    }
    view(&api, path.0).await
}

fn readable(api: &Api, caller: &Caller) -> Result<(), ApiError> {
    let allowed = api.authorize.role(&caller.principal, Permission::ReadFleet);
    allowed.map_err(|denied| ApiError::Denied(denied.to_string()))
}

#[derive(Debug, thiserror::Error)]
#[error("is not a place in this list; take it from nextAfter")]
struct InvalidPlace;

/// A place in the list of missions, as clients hand it back: `<microseconds>.<mission>`.
struct NewestFirst(MissionCursor);

impl fmt::Display for NewestFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.opened_at.as_micros(), self.0.id)
    }
}

impl FromStr for NewestFirst {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (micros, id) = text.split_once('.').ok_or(InvalidPlace)?;
        let micros = micros.parse().or(Err(InvalidPlace))?;
        let opened_at = Timestamp::from_micros(micros).ok_or(InvalidPlace)?;
        Ok(Self(MissionCursor { opened_at, id: MissionId::new(id).or(Err(InvalidPlace))? }))
    }
}
