//! People look at runners, drain them and remove them.

use actix_web::web::{Data, Json};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::runner::{RunnerName, RunnerWish};
use flightdeck_domain::use_cases::{Authorize, ManageRunners};

use super::fleet::may_read;
use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{ControlBody, RunnerView, RunnersView, WaitingAgentsView, texts};
use crate::extract::{Body, Cap, NoParams, RunnerPath};
use crate::problem::ApiError;

/// So many waiting agents are listed.
const SHOWN: usize = 1_000;

/// The runners, and who may see and change them.
pub(crate) struct Fleet {
    pub(crate) authorize: Authorize,
    pub(crate) manage: ManageRunners,
}

impl Fleet {
    async fn one(&self, name: &RunnerName) -> Result<RunnerView, ApiError> {
        let found = self.manage.list().await?.into_iter().find(|seen| seen.runner.name == *name);
        found.map(RunnerView::from).ok_or_else(|| ApiError::no_runner(name))
    }
}

/// The runners: programs on other machines that start agents.
#[utoipa::path(get, path = "/runners", operation_id = "listRunners", tag = "runners", security(("apiKey" = [])),
    responses((status = 200, description = "all of them, sorted by name", body = RunnersView)))]
pub(crate) async fn list(fleet: Data<Fleet>, caller: Caller, _none: NoParams) -> Result<Json<RunnersView>, ApiError> {
    may_read(&fleet.authorize, &caller)?;
    let runners = fleet.manage.list().await?.into_iter().map(RunnerView::from).collect();
    Ok(Json(RunnersView { runners }))
}

/// One runner.
#[utoipa::path(get, path = "/runners/{runner}", operation_id = "getRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")),
    responses((status = 200, description = "the runner", body = RunnerView),
        (status = 404, description = "no such runner")))]
pub(crate) async fn read(
    fleet: Data<Fleet>,
    caller: Caller,
    _none: NoParams,
    path: RunnerPath,
) -> Result<Json<RunnerView>, ApiError> {
    may_read(&fleet.authorize, &caller)?;
    fleet.one(&path.0).await.map(Json)
}

/// The agents that wait for a runner, and why.
#[utoipa::path(get, path = "/waiting-agents", operation_id = "listWaitingAgents", tag = "runners", security(("apiKey" = [])),
    responses((status = 200, description = "the oldest first", body = WaitingAgentsView)))]
pub(crate) async fn waiting(
    fleet: Data<Fleet>,
    caller: Caller,
    _none: NoParams,
) -> Result<Json<WaitingAgentsView>, ApiError> {
    // Sessions of all missions wait in the same line.
    fleet.authorize.on_fleet(&caller.principal, Permission::ReadFleet)?;
    let waiting = fleet.manage.waiting(None, SHOWN).await?.into_iter().map(Into::into).collect();
    Ok(Json(WaitingAgentsView { waiting }))
}

async fn change(
    fleet: Data<Fleet>,
    operator: Operator,
    name: RunnerName,
    wish: RunnerWish,
    body: Body<ControlBody>,
) -> Result<Json<RunnerView>, ApiError> {
    operator.may_manage_runners(wish.action(), AuditTarget::Runner(name.clone())).await?;
    let origin = operator.origin(body.read(Cap::Control).await?.reason);
    let changed = to_the_end(async move {
        let before = fleet.one(&name).await;
        match fleet.manage.change(name.clone(), wish, origin).await? {
            Some(_) => fleet.one(&name).await,
            None => before,
        }
    });
    changed.await.map(Json)
}

/// Tell a runner to take no more agents: before an upgrade, say. Those that it has go on.
#[utoipa::path(post, path = "/runners/{runner}/drain", operation_id = "drainRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")),
    request_body = Option<ControlBody>,
    responses((status = 200, description = "the runner", body = RunnerView),
        (status = 404, description = "no such runner")))]
pub(crate) async fn drain(
    fleet: Data<Fleet>,
    operator: Operator,
    _none: NoParams,
    path: RunnerPath,
    body: Body<ControlBody>,
) -> Result<Json<RunnerView>, ApiError> {
    change(fleet, operator, path.0, RunnerWish::Drain, body).await
}

/// Let a runner that drains take agents again.
#[utoipa::path(post, path = "/runners/{runner}/undrain", operation_id = "undrainRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")),
    request_body = Option<ControlBody>,
    responses((status = 200, description = "the runner", body = RunnerView),
        (status = 404, description = "no such runner")))]
pub(crate) async fn undrain(
    fleet: Data<Fleet>,
    operator: Operator,
    _none: NoParams,
    path: RunnerPath,
    body: Body<ControlBody>,
) -> Result<Json<RunnerView>, ApiError> {
    change(fleet, operator, path.0, RunnerWish::Undrain, body).await
}

/// Forget a runner that is gone. Sessions whose agents it had fail, and its name is free.
#[utoipa::path(delete, path = "/runners/{runner}", operation_id = "removeRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")),
    request_body = Option<ControlBody>,
    responses((status = 200, description = "the runner as it was", body = RunnerView),
        (status = 404, description = "no such runner"),
        (status = 409, description = "it is there")))]
pub(crate) async fn remove(
    fleet: Data<Fleet>,
    operator: Operator,
    _none: NoParams,
    path: RunnerPath,
    body: Body<ControlBody>,
) -> Result<Json<RunnerView>, ApiError> {
    change(fleet, operator, path.0, RunnerWish::Remove, body).await
}
