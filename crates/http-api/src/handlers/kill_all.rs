//! An operator steps in on the whole fleet.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ports::FleetIntervention;
use flightdeck_domain::use_cases::FleetProgress;
use tokio::time::Instant;

use super::control::{MAX_WAIT, may_control, request_id};
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{ControlBody, KillAllReply, KillSwitchReply};
use crate::extract::{Body, Params};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// Kill every session that has not ended, and let nothing spawn until the kill switch is released.
///
/// `killed` counts those that were seen to have ended when the call's time was up, `failed` those that were not.
#[utoipa::path(post, path = "/agents/kill-all", tag = "control", security(("apiKey" = [])),
    params(("wait" = Option<String>, Query, description = "how long to wait for the effect: 2s when missing, at most 30s")),
    request_body = ControlBody,
    responses((status = 200, body = KillAllReply),
        (status = 429, description = "10 control calls a minute and key by default", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn kill_all(
    api: Data<Api>,
    caller: Caller,
    request: HttpRequest,
    mut params: Params,
    body: Body<ControlBody>,
) -> Result<Json<KillAllReply>, ApiError> {
    let wait = params.span("wait", MAX_WAIT).unwrap_or(api.options.control_wait);
    params.finish()?;
    let request_id = request_id(&request)?;
    may_control(&api, &caller, ActionName::KillAll, AuditTarget::Fleet, &request_id).await?;
    let actor = caller.principal.actor();
    let acting = api.clone();
    let committed = to_the_end(async move {
        Ok(acting.fleet.execute(FleetIntervention::KillAll, actor, body.0.reason, request_id).await?)
    })
    .await?;
    let progress = all_ended(&api, wait).await?;
    let failed = progress.remaining.min(committed.total);
    let killed = committed.total - failed;
    let errors = progress
        .examples
        .iter()
        .map(|session| format!("Agent {}: kill requested, still {}", session.id, session.status))
        .collect();
    let message = if failed == 0 {
        format!("All {killed} agents killed; nothing spawns until POST /killswitch/release")
    } else {
        format!("{killed} of {} agents killed, {failed} not seen to have ended yet", committed.total)
    };
    Ok(Json(KillAllReply { message, total: committed.total, killed, failed, errors }))
}

async fn all_ended(api: &Api, wait: Duration) -> Result<FleetProgress, ApiError> {
    let deadline = Instant::now() + wait;
    let mut hints = api.hints.feed();
    loop {
        hints.mark_unchanged();
        let progress = api.fleet.progress().await?;
        if progress.remaining == 0 || Instant::now() >= deadline {
            return Ok(progress);
        }
        // At most twenty looks a second, however many sessions end at once.
        tokio::time::sleep_until(deadline.min(Instant::now() + Duration::from_millis(50))).await;
        let next_look = deadline.min(Instant::now() + Duration::from_millis(200));
        let _ = tokio::time::timeout_at(next_look, hints.changed()).await;
    }
}

/// Let sessions spawn again after a kill-all.
#[utoipa::path(post, path = "/killswitch/release", tag = "control", security(("apiKey" = [])),
    request_body = ControlBody, responses((status = 200, body = KillSwitchReply)))]
pub(crate) async fn release(
    api: Data<Api>,
    caller: Caller,
    request: HttpRequest,
    body: Body<ControlBody>,
) -> Result<Json<KillSwitchReply>, ApiError> {
    let request_id = request_id(&request)?;
    may_control(&api, &caller, ActionName::KillSwitchRelease, AuditTarget::Fleet, &request_id).await?;
    let actor = caller.principal.actor();
    to_the_end(async move {
        let intervention = FleetIntervention::ReleaseKillSwitch;
        Ok(api.fleet.execute(intervention, actor, body.0.reason, request_id).await?)
    })
    .await?;
    Ok(Json(KillSwitchReply { message: "Kill switch released" }))
}
