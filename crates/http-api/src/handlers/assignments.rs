//! What a runner asks for: the runner protocol.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::Clock;
use flightdeck_domain::runner::{Heard, Lease, LeaseRequest, RunnerName, RunnerRegistration, StartRequest};
use flightdeck_domain::use_cases::{Authorize, ServeRunners};
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

use super::to_the_end;
use super::waiting::{Look, Pace, Waiting};
use crate::auth::Caller;
use crate::dto::{JoinBody, JoinReply, LeaseBody, LeaseReply, LeaveBody, LeaveReply, StartBody, StartReply, texts};
use crate::extract::{AssignmentPath, Body, Cap, NoParams, RunnerPath};
use crate::problem::ApiError;

/// The longest wait of one request, in seconds: shorter than the lease of a runner, for the request is its sign of life.
const MAX_WAIT: u32 = 20;
/// Something may wait that a hint did not tell of.
const POLL: Duration = Duration::from_secs(2);
/// However much moves in the fleet, a waiting runner looks no more often than this.
const REST: Duration = Duration::from_millis(50);

/// What runners ask of the server.
pub(crate) struct Assignments {
    pub(crate) authorize: Authorize,
    pub(crate) serve: ServeRunners,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) waiting: Waiting,
}

impl Assignments {
    fn allowed(&self, caller: &Caller) -> Result<(), ApiError> {
        Ok(self.authorize.role(&caller.principal, Permission::RunAgents)?)
    }

    fn heard(&self, caller: &Caller, name: RunnerName, instance: Uuid, told: DateTime<Utc>) -> Heard {
        let at = self.clock.now();
        let clock_ahead = (told - at.as_datetime()).num_milliseconds();
        Heard { name, instance, key_id: caller.principal.key_id.clone(), clock_ahead, at }
    }
}

/// Join as a runner, or join again after the connection was lost.
///
/// The name belongs to the key that joined with it first. Another `instance` under the same name is refused while the first
/// one is there.
#[utoipa::path(put, path = "/runners/{runner}", operation_id = "registerRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")), request_body = JoinBody,
    responses((status = 200, description = "joined", body = JoinReply),
        (status = 400, description = "a field is wrong, or the server speaks another version of the protocol"),
        (status = 403, description = "the key is not one of the role runner"),
        (status = 409, description = "the name belongs to another key, or another program is connected with it")))]
pub(crate) async fn join(
    assignments: Data<Assignments>,
    caller: Caller,
    _none: NoParams,
    path: RunnerPath,
    body: Body<JoinBody>,
) -> Result<Json<JoinReply>, ApiError> {
    assignments.allowed(&caller)?;
    let JoinBody { instance, protocol, version, offers, labels, capacity, now } =
        body.read(Cap::Report).await?.checked()?;
    let Heard { name, key_id, clock_ahead, at, .. } = assignments.heard(&caller, path.0, instance, now);
    let registration =
        RunnerRegistration { name, instance, key_id, labels, offers, capacity, protocol, version, clock_ahead, at };
    let (runner, held) = to_the_end(async move { Ok(assignments.serve.join(registration).await?) }).await?;
    Ok(Json(JoinReply::new(&runner, &held)))
}

/// Ask for assignments, and give a sign of life.
///
/// The answer waits for one, for `waitSecs` at most. Start each before `until`, or somebody else may get it.
#[utoipa::path(post, path = "/runners/{runner}/lease", operation_id = "leaseAssignments", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")), request_body = LeaseBody,
    responses((status = 200, description = "what the runner may start", body = LeaseReply),
        (status = 404, description = "no such runner; join first"),
        (status = 409, description = "another program is connected with this name")))]
pub(crate) async fn lease(
    assignments: Data<Assignments>,
    caller: Caller,
    _none: NoParams,
    path: RunnerPath,
    body: Body<LeaseBody>,
) -> Result<Json<LeaseReply>, ApiError> {
    assignments.allowed(&caller)?;
    let LeaseBody { instance, free, wait_secs, now } = body.read(Cap::Report).await?;
    if wait_secs > MAX_WAIT {
        return Err(ApiError::field("/waitSecs", format!("must be at most {MAX_WAIT}")));
    }
    let until = Instant::now() + Duration::from_secs(wait_secs.into());
    let heard = assignments.heard(&caller, path.0, instance, now);
    let most = usize::try_from(free).unwrap_or(LeaseRequest::MOST);
    let request = LeaseRequest { heard, most };
    let mut known: Option<Lease> = None;
    let pace = Pace { rest: REST, again: POLL };
    let (waiting, hints) = (&assignments.waiting, assignments.waiting.hints.feed());
    let found = waiting.look_until(hints, pace, async || {
        let request =
            LeaseRequest { heard: Heard { at: assignments.clock.now(), ..request.heard.clone() }, most: request.most };
        // The first look is the sign of life. After it nothing is written before there is something.
        if let Some(lease) = &known
            && !assignments.serve.has_work(&lease.runner, &request).await?
        {
            return Ok(Look::NotYet((), until));
        }
        let serve = assignments.serve.clone();
        let lease = to_the_end(async move { Ok(serve.lease(request).await?) }).await?;
        let is_idle = lease.assignments.is_empty() && lease.runner.state.as_str() == "active" && free > 0;
        known = Some(lease);
        Ok(if is_idle { Look::NotYet((), until) } else { Look::Found(()) })
    });
    found.await?;
    let lease = known.ok_or_else(|| ApiError::Internal("no look was made".into()))?;
    Ok(Json(LeaseReply::new(&lease.runner, lease.assignments)))
}

/// Confirm that the agent of an assignment is started now, and hear with what.
///
/// From then on the runner reports for the session and those below it, by the routes of agents, with
/// `Flightdeck-Assignment: <agentId>/<token>`. A start may be confirmed again with the same token.
#[utoipa::path(post, path = "/runners/{runner}/assignments/{agentId}/start", operation_id = "startAssignment", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner"),
        ("agentId" = uuid::Uuid, Path, description = "the id of the agent's session")), request_body = StartBody,
    responses((status = 200, description = "start it", body = StartReply),
        (status = 404, description = "no such runner, or the session is not assigned"),
        (status = 409, description = "do not start it: somebody else has it, or it is over")))]
pub(crate) async fn start(
    assignments: Data<Assignments>,
    caller: Caller,
    _none: NoParams,
    path: AssignmentPath,
    body: Body<StartBody>,
) -> Result<HttpResponse, ApiError> {
    assignments.allowed(&caller)?;
    let AssignmentPath(runner, session_id) = path;
    let fence = body.read(Cap::Report).await?.token;
    assignments.serve.owns(&runner, &caller.principal).await?;
    let request = StartRequest { runner, session_id, fence, at: assignments.clock.now() };
    let start = to_the_end(async move { Ok(assignments.serve.start(request).await?) }).await?;
    let no_store = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(HttpResponse::Ok().insert_header(no_store).json(StartReply::from(start)))
}

/// Leave. A runner that still has agents drains.
#[utoipa::path(post, path = "/runners/{runner}/leave", operation_id = "leaveRunner", tag = "runners", security(("apiKey" = [])),
    params(("runner" = inline(texts::RunnerName), Path, description = "the name of the runner")), request_body = LeaveBody,
    responses((status = 200, description = "gone, or going", body = LeaveReply),
        (status = 404, description = "no such runner"),
        (status = 409, description = "another program is connected with this name")))]
pub(crate) async fn leave(
    assignments: Data<Assignments>,
    caller: Caller,
    _none: NoParams,
    path: RunnerPath,
    body: Body<LeaveBody>,
) -> Result<Json<LeaveReply>, ApiError> {
    assignments.allowed(&caller)?;
    let LeaveBody { instance, now } = body.read(Cap::Report).await?;
    let heard = assignments.heard(&caller, path.0, instance, now);
    let runner = to_the_end(async move { Ok(assignments.serve.leave(heard).await?) }).await?;
    Ok(Json(LeaveReply { state: runner.state.as_str() }))
}
