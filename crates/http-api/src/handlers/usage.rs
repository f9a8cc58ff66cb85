//! Usage and budgets.

use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::text::Reason;
use flightdeck_domain::usage::{AccountKey, Budget, UsageOf};
use flightdeck_domain::use_cases::{Authorize, AuthorizeError, ReadUsage, SetBudget, SwitchGuard};

use super::breakdown::{broken_down, how};
use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{AgentUsageView, BreakdownView, BudgetBody, ControlBody, texts, words};
use crate::extract::{AgentPath, Body, Cap, NoParams, Params};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// The accounts of agents and missions.
pub(crate) struct Usage {
    pub(crate) authorize: Authorize,
    pub(crate) read: ReadUsage,
    pub(crate) set_budget: SetBudget,
    pub(crate) switch_guard: SwitchGuard,
}

/// What an agent used by itself, and with all below it.
///
/// Agents say it with their messages (`usage`); it counts once with each message, however often that is sent.
#[utoipa::path(get, path = "/agents/{agentId}/usage", operation_id = "getAgentUsage", tag = "usage", security(("apiKey" = [])),
    params(
        ("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("by" = Option<Vec<words::UsageBy>>, Query, description = "what to break the usage of the days down by; also one parameter with commas"),
        ("from" = inline(Option<texts::Day>), Query, description = "the first day; 29 days before the last one when missing"),
        ("to" = inline(Option<texts::Day>), Query, description = "the last day, of at most 400; today when missing")),
    responses((status = 200, description = "the usage and the budget as they are now", body = AgentUsageView),
        (status = 400, description = "no such days, or too many"),
        (status = 404, description = "no such agent")))]
pub(crate) async fn read(
    usage: Data<Usage>,
    caller: Caller,
    mut params: Params,
    path: AgentPath,
) -> Result<Json<AgentUsageView>, ApiError> {
    let how = how(&mut params);
    params.finish()?;
    usage.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let breakdown = broken_down(&usage.read, UsageOf::Subtree(path.0), how).await?;
    view(&usage, path, breakdown).await
}

/// The most agents that one call asks about.
const MOST_AGENTS: usize = 200;

/// What several agents used, each by itself and with all below it.
///
/// For lists of agents: one call in place of one for each row. An agent that is not there, or not for this key, is left out.
#[utoipa::path(get, path = "/agents/usage", operation_id = "listAgentUsage", tag = "usage", security(("apiKey" = [])),
    params(("agentIds" = Option<Vec<uuid::Uuid>>, Query, description = "at most 200; also one parameter with commas")),
    responses((status = 200, description = "the usage and the budgets as they are now, in the order of the call", body = Vec<AgentUsageView>),
        (status = 400, description = "more than 200")))]
pub(crate) async fn read_many(
    usage: Data<Usage>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Vec<AgentUsageView>>, ApiError> {
    let ids = params.list::<SessionId>("agentIds");
    if ids.len() > MOST_AGENTS {
        params.refuse("agentIds", format!("are {}; give at most {MOST_AGENTS}", ids.len()));
    }
    params.finish()?;
    usage.authorize.role(&caller.principal, Permission::ReadSession).map_err(AuthorizeError::from)?;
    let mut views = Vec::with_capacity(ids.len());
    for id in ids {
        match usage.authorize.on_session(&caller.principal, Permission::ReadSession, id).await {
            Ok(()) => {}
            Err(AuthorizeError::Denied(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        let used = usage.read.session(id).await?;
        views.extend(used.map(|used| AgentUsageView::new(*id.as_uuid(), &used, None)));
    }
    Ok(Json(views))
}

async fn view(
    usage: &Usage,
    path: AgentPath,
    breakdown: Option<BreakdownView>,
) -> Result<Json<AgentUsageView>, ApiError> {
    let used = usage.read.session(path.0).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    Ok(Json(AgentUsageView::new(*path.0.as_uuid(), &used, breakdown)))
}

/// Say what an agent and all below it may use.
///
/// When it is used up they are paused: an operation like any other, on the audit log with the operator `budget`, and told
/// in each conversation. It happens once: who is resumed without a higher budget goes on. A new budget counts from the
/// agent's first report on.
#[utoipa::path(put, path = "/agents/{agentId}/budget", operation_id = "setAgentBudget", tag = "usage", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")), request_body = BudgetBody,
    responses((status = 200, description = "the usage and the budget as they are now", body = AgentUsageView),
        (status = 400, description = "no limit, or a wrong one"),
        (status = 404, description = "no such agent"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn set(
    usage: Data<Usage>,
    operator: Operator,
    _none: NoParams,
    path: AgentPath,
    body: Body<BudgetBody>,
) -> Result<Json<AgentUsageView>, ApiError> {
    may_change(&operator, ControlRoute::AgentBudget, AuditTarget::Session(path.0)).await?;
    operator.may_reach_below(ActionName::BudgetSet, path.0).await?;
    let body = body.read(Cap::Control).await?;
    let budget = body.budget()?;
    change(&usage, operator, AccountKey::Subtree(path.0), Some(budget), body.reason).await?;
    view(&usage, path, None).await
}

/// Take the budget of an agent away.
#[utoipa::path(delete, path = "/agents/{agentId}/budget", operation_id = "removeAgentBudget", tag = "usage", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")), request_body = Option<ControlBody>,
    responses((status = 200, description = "the usage and the budget as they are now", body = AgentUsageView),
        (status = 404, description = "no such agent"),
        (status = 429, description = "by default 10 calls a minute for each key and route")))]
pub(crate) async fn remove(
    usage: Data<Usage>,
    operator: Operator,
    _none: NoParams,
    path: AgentPath,
    body: Body<ControlBody>,
) -> Result<Json<AgentUsageView>, ApiError> {
    may_change(&operator, ControlRoute::AgentBudget, AuditTarget::Session(path.0)).await?;
    operator.may_reach_below(ActionName::BudgetSet, path.0).await?;
    let reason = body.read(Cap::Control).await?.reason;
    change(&usage, operator, AccountKey::Subtree(path.0), None, reason).await?;
    view(&usage, path, None).await
}

/// Whether they may set a budget or take it away, and do so not too often.
pub(super) async fn may_change(operator: &Operator, route: ControlRoute, target: AuditTarget) -> Result<(), ApiError> {
    operator.may_control(Lane::Control(route), ActionName::BudgetSet, target).await
}

/// Sets a budget or takes it away.
pub(super) async fn change(
    usage: &Data<Usage>,
    operator: Operator,
    key: AccountKey,
    budget: Option<Budget>,
    reason: Option<Reason>,
) -> Result<(), ApiError> {
    let (acting, origin) = (usage.clone(), operator.origin(reason));
    to_the_end(async move { Ok(acting.set_budget.execute(key, budget, origin).await.map(drop)?) }).await
}
