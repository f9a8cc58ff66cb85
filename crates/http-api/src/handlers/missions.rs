//! Missions: sessions of several trees, seen together.

use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::{MissionCursor, MissionQuery};
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{AccountKey, UsageOf};

use super::breakdown::{broken_down, how};
use super::fleet::may_read;
use super::operator::Operator;
use super::place::{Micros, NewestFirst, Place};
use super::to_the_end;
use super::usage::{Usage, change, may_change};
use crate::auth::Caller;
use crate::dto::{BudgetBody, ControlBody, GuardBody, MissionView, MissionsView, texts, words};
use crate::extract::{Body, Cap, MissionPath, NoParams, Params};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// List missions, newest first, each with what it used and its sessions by status.
#[utoipa::path(get, path = "/missions", operation_id = "listMissions", tag = "usage", security(("apiKey" = [])),
    params(
        ("after" = inline(Option<texts::MissionPlace>), Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "at most so many; 50 when missing", minimum = 1, maximum = 200)),
    responses((status = 200, description = "one page", body = MissionsView)))]
pub(crate) async fn list(
    usage: Data<Usage>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<MissionsView>, ApiError> {
    let after = params.take::<NewestFirst<MissionId>>("after");
    let after = after.map(|Place(Micros(opened_at), id)| MissionCursor { opened_at, id });
    let limit = usize::try_from(params.number("limit", 1..=200).unwrap_or(50)).unwrap_or(50);
    params.finish()?;
    may_read(&usage.authorize, &caller)?;
    let missions = usage.authorize.narrowed(&caller.principal, None, None).await?;
    let page = usage.read.missions(MissionQuery { after, missions, limit }).await?;
    let missions = page.missions.iter().map(MissionView::from).collect();
    Ok(Json(MissionsView {
        missions,
        next_after: page.next.map(|next| Place(Micros(next.opened_at), next.id).to_string()),
    }))
}

/// One mission: what it used, its budget, and its sessions by status.
#[utoipa::path(get, path = "/missions/{missionId}", operation_id = "getMission", tag = "usage", security(("apiKey" = [])),
    params(
        ("missionId" = inline(texts::MissionId), Path, description = "the mission, percent-encoded where it has to be"),
        ("by" = Option<Vec<words::UsageBy>>, Query, description = "what to break the usage of the days down by; also one parameter with commas"),
        ("from" = inline(Option<texts::Day>), Query, description = "the first day; 29 days before the last one when missing"),
        ("to" = inline(Option<texts::Day>), Query, description = "the last day, of at most 400; today when missing")),
    responses((status = 200, description = "the mission as it is now", body = MissionView),
        (status = 400, description = "no such days, or too many"),
        (status = 404, description = "no such mission")))]
pub(crate) async fn read(
    usage: Data<Usage>,
    caller: Caller,
    mut params: Params,
    path: MissionPath,
) -> Result<Json<MissionView>, ApiError> {
    let how = how(&mut params);
    params.finish()?;
    usage.authorize.on_mission(&caller.principal, Permission::ReadFleet, &path.0)?;
    let Json(mission) = view(&usage, path.0.clone()).await?;
    Ok(Json(mission.with(broken_down(&usage.read, UsageOf::Mission(path.0), how).await?)))
}

async fn view(usage: &Usage, mission: MissionId) -> Result<Json<MissionView>, ApiError> {
    let summary = usage.read.mission(mission.clone()).await?.ok_or_else(|| ApiError::no_mission(&mission))?;
    Ok(Json(MissionView::from(&summary)))
}

/// Say what all sessions of a mission may use together, before its first session or later.
///
/// When it is used up they are paused, as with the budget of an agent.
#[utoipa::path(put, path = "/missions/{missionId}/budget", operation_id = "setMissionBudget", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = inline(texts::MissionId), Path, description = "the mission, percent-encoded where it has to be")), request_body = BudgetBody,
    responses((status = 200, description = "the mission as it is now", body = MissionView),
        (status = 400, description = "no limit, or a wrong one"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn set_budget(
    usage: Data<Usage>,
    operator: Operator,
    _none: NoParams,
    path: MissionPath,
    body: Body<BudgetBody>,
) -> Result<Json<MissionView>, ApiError> {
    let mission = path.0;
    may_change(&operator, ControlRoute::MissionBudget, AuditTarget::Mission(mission.clone())).await?;
    let body = body.read(Cap::Control).await?;
    let budget = body.budget()?;
    change(&usage, operator, AccountKey::Mission(mission.clone()), Some(budget), body.reason).await?;
    view(&usage, mission).await
}

/// Take the budget of a mission away.
#[utoipa::path(delete, path = "/missions/{missionId}/budget", operation_id = "removeMissionBudget", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = inline(texts::MissionId), Path, description = "the mission, percent-encoded where it has to be")), request_body = Option<ControlBody>,
    responses((status = 200, description = "the mission as it is now", body = MissionView),
        (status = 404, description = "no such mission"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn remove_budget(
    usage: Data<Usage>,
    operator: Operator,
    _none: NoParams,
    path: MissionPath,
    body: Body<ControlBody>,
) -> Result<Json<MissionView>, ApiError> {
    let mission = path.0;
    may_change(&operator, ControlRoute::MissionBudget, AuditTarget::Mission(mission.clone())).await?;
    let reason = body.read(Cap::Control).await?.reason;
    // A budget that is taken away must not be what brings a mission about.
    if usage.read.mission(mission.clone()).await?.is_some() {
        change(&usage, operator, AccountKey::Mission(mission.clone()), None, reason).await?;
    }
    view(&usage, mission).await
}

/// Have the guard over agents that run wild watch the agents of a mission, or leave them alone.
///
/// It holds on every server, from the next alarm on. What the guard takes for running wild is a setting of the server.
#[utoipa::path(put, path = "/missions/{missionId}/guard", operation_id = "setMissionGuard", tag = "usage", security(("apiKey" = [])),
    params(("missionId" = inline(texts::MissionId), Path, description = "the mission, percent-encoded where it has to be")), request_body = GuardBody,
    responses((status = 200, description = "the mission as it is now", body = MissionView),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn switch_guard(
    usage: Data<Usage>,
    operator: Operator,
    _none: NoParams,
    path: MissionPath,
    body: Body<GuardBody>,
) -> Result<Json<MissionView>, ApiError> {
    let (mission, target) = (path.0.clone(), AuditTarget::Mission(path.0));
    operator.may_control(Lane::Control(ControlRoute::MissionGuard), ActionName::GuardSet, target).await?;
    let GuardBody { watched, reason } = body.read(Cap::Control).await?;
    let (acting, origin, of) = (usage.clone(), operator.origin(reason), mission.clone());
    to_the_end(async move { Ok(acting.switch_guard.execute(of, watched, origin).await.map(drop)?) }).await?;
    view(&usage, mission).await
}
