//! An operator steps in on the whole fleet.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::TargetOutcome;
use flightdeck_domain::ports::{FleetIntervention, TargetQuery};

use super::control::{MAX_WAIT, may_control, request_id};
use super::operation_wait::settled;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{ControlBody, KillAllReply, KillSwitchReply};
use crate::extract::{Body, Params};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// How many of those that were not seen to have ended are named.
const EXAMPLES: usize = 100;

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
    let id = committed.operation.ok_or_else(|| ApiError::Internal("a kill of all has no operation".into()))?;
    let operation = settled(&api, id, wait).await?;
    let killed = operation.tally.observed + operation.tally.ended;
    let failed = operation.tally.total - killed;
    let message = if failed == 0 {
        format!("All {killed} agents killed; nothing spawns until POST /killswitch/release")
    } else {
        format!("{killed} of {} agents killed, {failed} not seen to have ended yet", operation.tally.total)
    };
    let errors = if failed == 0 { Vec::new() } else { errors(&api, id).await? };
    let total = operation.tally.total;
    Ok(Json(KillAllReply { message, total, killed, failed, errors, operation_id: *id.as_uuid() }))
}

/// One line for each of the first that were not seen to have ended.
async fn errors(api: &Api, operation: OperationId) -> Result<Vec<String>, ApiError> {
    let query = TargetQuery { operation, unseen_only: true, after: None, limit: EXAMPLES };
    let mut lines = Vec::new();
    for target in api.operations.targets(query).await?.targets {
        let id = target.session_id;
        let status = api.sessions.one(id).await?.map_or("unknown", |session| session.status.as_str());
        lines.push(match target.outcome {
            Some(TargetOutcome::Refused { reason }) => format!("Agent {id}: kill refused ({reason}), still {status}"),
            _ => format!("Agent {id}: kill requested, still {status}"),
        });
    }
    Ok(lines)
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
