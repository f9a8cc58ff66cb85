//! Permission requests: an agent asks, waits or withdraws; an operator decides.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::{ApprovalCursor, ApprovalFilter, ApprovalQuery, WithdrawApprovalError};
use flightdeck_domain::use_cases::{
    Authorize, DecideApproval, NameKeys, OpenApproval, ReadApprovals, ReportStatus, WithdrawApproval,
};
use tokio::time::Instant;

use super::control::MAX_WAIT;
use super::fleet::may_read;
use super::operator::{IdempotencyHeader, Operator, answer};
use super::place::{Micros, NewestFirst, Place};
use super::to_the_end;
use super::waiting::{Look, Pace, Waiting};
use crate::auth::Caller;
use crate::dto::{ApprovalView, ApprovalsView, AskBody, DecideBody, texts, words};
use crate::epochs::CurrentEpoch;
use crate::extract::{AgentApprovalPath, AgentPath, ApprovalPath, Body, Cap, NoBody, NoParams, Params};
use crate::problem::ApiError;

/// Permission requests, from their beginning to their end.
pub(crate) struct Approvals {
    pub(crate) authorize: Authorize,
    pub(crate) open: OpenApproval,
    pub(crate) read: ReadApprovals,
    pub(crate) decide: DecideApproval,
    pub(crate) withdraw: WithdrawApproval,
    pub(crate) names: NameKeys,
    /// An agent that reads its request gives a sign of life.
    pub(crate) report: ReportStatus,
    pub(crate) waiting: Waiting,
    /// The parts of the cursor that a page gives.
    pub(crate) epoch: CurrentEpoch,
}

/// Ask for permission.
///
/// The agent is `waiting` until an operator has decided. With `wait` the answer comes when somebody has, or when the time
/// is up; then ask again with `GET`.
#[utoipa::path(post, path = "/agents/{agentId}/approvals", operation_id = "requestApproval", tag = "approvals", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("wait" = inline(Option<texts::SpanTo30>), Query, description = "how long to wait for the decision; not at all when missing")),
    request_body = AskBody,
    responses((status = 201, description = "opened; perhaps decided by now", body = ApprovalView),
        (status = 200, description = "it was there already", body = ApprovalView),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the session has ended or is being killed, or another request has the id")))]
pub(crate) async fn ask(
    approvals: Data<Approvals>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
    body: Body<AskBody>,
) -> Result<HttpResponse, ApiError> {
    let wait = params.span("wait", MAX_WAIT).unwrap_or_default();
    params.finish()?;
    let id = path.0;
    approvals.authorize.on_session(&caller.principal, Permission::Report, id).await?;
    let new = body.read(Cap::Session).await?.try_into()?;
    let opening = approvals.clone();
    let opened = to_the_end(async move { Ok(opening.open.execute(id, new).await?) }).await?;
    let approval = closed(&approvals, id, opened.approval.id, wait).await?;
    let mut response = if opened.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(view(&approvals, approval).await))
}

/// Read a permission request, or wait for its decision.
///
/// For the agent that asked; counts as a sign of life.
#[utoipa::path(get, path = "/agents/{agentId}/approvals/{approvalId}", operation_id = "getApproval", tag = "approvals", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"), ("approvalId" = uuid::Uuid, Path, description = "the id of the permission request"),
        ("wait" = inline(Option<texts::SpanTo30>), Query, description = "how long to wait for the decision; not at all when missing")),
    responses((status = 200, description = "look at `status`", body = ApprovalView),
        (status = 404, description = "no such agent, or it has no such request")))]
pub(crate) async fn read(
    approvals: Data<Approvals>,
    caller: Caller,
    path: AgentApprovalPath,
    mut params: Params,
) -> Result<Json<ApprovalView>, ApiError> {
    let wait = params.span("wait", MAX_WAIT).unwrap_or_default();
    params.finish()?;
    let AgentApprovalPath(agent, id) = path;
    approvals.authorize.on_session(&caller.principal, Permission::Report, agent).await?;
    approvals.report.heartbeat(agent).await?.ok_or_else(|| ApiError::no_session(agent))?;
    let approval = closed(&approvals, agent, id, wait).await?;
    Ok(Json(view(&approvals, approval).await))
}

/// List permission requests, newest first, with what became of them.
#[utoipa::path(get, path = "/approvals", operation_id = "listApprovals", tag = "approvals", security(("apiKey" = [])),
    params(
        ("status" = Option<Vec<words::ApprovalStatus>>, Query, description = "only requests in one of these; also one parameter with commas"),
        ("agentId" = Option<uuid::Uuid>, Query, description = "only those of this agent"),
        ("root" = Option<uuid::Uuid>, Query, description = "only those of this session and those below it"),
        ("before" = inline(Option<texts::Place>), Query, description = "from `nextBefore`"),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "one page", body = ApprovalsView)))]
pub(crate) async fn list(
    approvals: Data<Approvals>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<ApprovalsView>, ApiError> {
    let mut filter = ApprovalFilter {
        session_id: params.take("agentId"),
        subtree: params.take("root"),
        missions: None,
        statuses: params.list("status"),
    };
    let before = params.take::<NewestFirst<ApprovalId>>("before");
    let before = before.map(|Place(Micros(opened_at), id)| ApprovalCursor { opened_at, id });
    let limit = usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100);
    params.finish()?;
    may_read(&approvals.authorize, &caller)?;
    for named in [filter.session_id, filter.subtree] {
        filter.missions = approvals.authorize.narrowed(&caller.principal, named, None).await?;
    }
    let page = approvals.read.page(ApprovalQuery { filter, before, limit }).await?;
    let names = approvals.names.of(page.approvals.iter().filter_map(Approval::decided_by)).await;
    Ok(Json(ApprovalsView {
        approvals: page.approvals.into_iter().map(|approval| ApprovalView::new(approval, &names)).collect(),
        next_before: page.next.map(|next| Place(Micros(next.opened_at), next.id).to_string()),
        as_of: approvals.epoch.cursor(page.as_of.get()).to_string(),
    }))
}

/// Decide a permission request.
///
/// The first decision counts; whoever comes later is told who decided what. Not throttled: deciding much must not keep an
/// operator from killing. A request that has a form (`detail.form`) is allowed with an `answer` that fits it.
#[utoipa::path(post, path = "/approvals/{approvalId}/decide", operation_id = "decideApproval", tag = "approvals", security(("apiKey" = [])),
    params(("approvalId" = uuid::Uuid, Path, description = "the id of the permission request"), IdempotencyHeader), request_body = DecideBody,
    responses((status = 200, description = "the request as it is now", body = ApprovalView),
        (status = 400, description = "the option is not offered, or the answer does not fit the form"),
        (status = 404, description = "no such request"),
        (status = 409, description = "it was decided already, by whom and when is told; it has expired; or the agent is \
            being killed"),
        (status = 429, description = "a key that may not decide tries it too often: 120 times a minute")))]
pub(crate) async fn decide(
    approvals: Data<Approvals>,
    operator: Operator,
    _none: NoParams,
    path: ApprovalPath,
    body: Body<DecideBody>,
) -> Result<HttpResponse, ApiError> {
    let id = path.0;
    operator.permitted(ActionName::ApprovalDecide, AuditTarget::Approval(id)).await?;
    let DecideBody { option, reason, answer: filled_in } = body.read(Cap::Decide).await?;
    let origin = operator.origin(reason);
    let acting = approvals.clone();
    let done = to_the_end(async move { Ok(acting.decide.answer(id, option, filled_in, origin).await?) }).await?;
    Ok(answer(HttpResponse::Ok(), done.again, &view(&approvals, done.approval).await))
}

/// Take a permission request back.
///
/// For the agent that asked: it no longer needs the answer. Nobody can decide the request any more; it is `expired` because
/// it was `withdrawn`. Again is harmless.
#[utoipa::path(post, path = "/approvals/{approvalId}/withdraw", operation_id = "withdrawApproval", tag = "approvals", security(("apiKey" = [])),
    params(("approvalId" = uuid::Uuid, Path, description = "the id of the permission request")),
    responses((status = 200, description = "the request as it is now", body = ApprovalView),
        (status = 403, description = "an operator decides; or the agent is not below the key's session"),
        (status = 404, description = "no such request"),
        (status = 409, description = "it was decided already, by whom and when is told; or it has expired otherwise")))]
pub(crate) async fn withdraw(
    approvals: Data<Approvals>,
    caller: Caller,
    _none: NoParams,
    path: ApprovalPath,
    body: NoBody,
) -> Result<Json<ApprovalView>, ApiError> {
    let id = path.0;
    let allowed = approvals.authorize.role(&caller.principal, Permission::Withdraw);
    allowed.map_err(|denied| ApiError::Denied(denied.to_string()))?;
    let asked = approvals.read.one(id).await?.ok_or(WithdrawApprovalError::Unknown(id))?;
    approvals.authorize.on_session(&caller.principal, Permission::Withdraw, asked.session_id).await?;
    body.pass_over().await?;
    let acting = approvals.clone();
    let done = to_the_end(async move { Ok(acting.withdraw.execute(id).await?) }).await?;
    Ok(Json(view(&approvals, done.approval).await))
}

/// The request as it is shown, with the name of the key that decided it.
async fn view(approvals: &Approvals, approval: Approval) -> ApprovalView {
    let names = approvals.names.of(approval.decided_by()).await;
    ApprovalView::new(approval, &names)
}

/// Waits until the request of the agent is closed; gives its newest state.
async fn closed(approvals: &Approvals, agent: SessionId, id: ApprovalId, wait: Duration) -> Result<Approval, ApiError> {
    let until = Instant::now() + wait;
    let (waiting, pace) = (&approvals.waiting, Pace::at_hints(Duration::from_millis(500)));
    let seen = waiting.look_until(waiting.hints.feed(), pace, async || {
        let approval = approvals.read.one(id).await?.filter(|approval| approval.session_id == agent);
        let approval =
            approval.ok_or_else(|| ApiError::no_approval(format!("agent {agent} has no permission request {id}")))?;
        Ok(if approval.is_open() { Look::NotYet(approval, until) } else { Look::Found(approval) })
    });
    seen.await
}
