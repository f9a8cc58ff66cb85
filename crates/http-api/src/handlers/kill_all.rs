//! An operator steps in on the whole fleet.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::action::{ActionName, FleetIntervention};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::{TargetOutcome, Wish};
use flightdeck_domain::ports::TargetQuery;
use flightdeck_domain::use_cases::{InterveneFleet, ReadOperations, ReadSessions, Taken};

use super::control::MAX_WAIT;
use super::effects::Effects;
use super::operator::{IdempotencyHeader, Operator, answer};
use super::{scope, to_the_end};
use crate::dto::{ControlBody, KillAllReply, KillSwitchReply, texts};
use crate::extract::{Body, Cap, NoParams, Params};
use crate::problem::ApiError;
use crate::throttle::Lane;

/// How many of the sessions that were not observed to have ended are named.
const EXAMPLES: usize = 100;

/// Control of all agents at once.
pub(crate) struct KillAll {
    pub(crate) fleet: InterveneFleet,
    pub(crate) effects: Effects,
    pub(crate) operations: ReadOperations,
    pub(crate) sessions: ReadSessions,
}

/// Kill every session that has not ended, and let nothing spawn until the kill switch is released.
///
/// `killed` counts those that were seen to have ended when the call's time was up, `failed` those that were not.
#[utoipa::path(post, path = "/agents/kill-all", operation_id = "killAllAgents", tag = "control", security(("apiKey" = [])),
    params(("wait" = inline(Option<texts::SpanTo30>), Query, description = "how long to wait for the effect; when missing 2s, or up to 12s for agents that the server runs"),
        IdempotencyHeader),
    request_body = Option<ControlBody>,
    responses((status = 200, description = "done; those that were not seen to have ended are counted in `failed`", body = KillAllReply),
        (status = 202, description = "the store cannot be written: it is kept, and what runs in the server has been told",
            body = KillAllReply),
        (status = 429, description = "by default 120 kills and releases a minute and key; other calls do not count")))]
pub(crate) async fn kill_all(
    kill_all: Data<KillAll>,
    operator: Operator,
    mut params: Params,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    let patience = kill_all.effects.patience(params.span("wait", MAX_WAIT), Wish::Kill);
    params.finish()?;
    operator.may_control(Lane::Stop, ActionName::KillAll, AuditTarget::Fleet).await?;
    let origin = operator.origin(body.read(Cap::Stop).await?.reason);
    let acting = kill_all.clone();
    let Taken { committed, kept } =
        to_the_end(async move { Ok(acting.fleet.execute(FleetIntervention::KillAll, origin).await?) }).await?;
    let id = committed.operation.ok_or_else(|| ApiError::Internal("a kill of all has no operation".into()))?;
    if kept {
        return Ok(answer(HttpResponse::Accepted(), false, &kept_reply(id, committed.total)));
    }
    let operation = kill_all.effects.settled(id, patience).await?;
    let killed = operation.tally.observed + operation.tally.ended;
    let failed = operation.tally.total - killed;
    let message = if failed == 0 {
        format!("All {killed} agents killed; nothing spawns until POST /killswitch/release")
    } else {
        format!("{killed} of {} agents killed, {failed} not seen to have ended yet", operation.tally.total)
    };
    let errors = if failed == 0 { Vec::new() } else { kill_all.errors(id).await? };
    let total = operation.tally.total;
    let (operation_id, audit_spooled) = (*id.as_uuid(), committed.audit_seq.is_none());
    let reply = KillAllReply { message, total, killed, failed, errors, operation_id, audit_spooled };
    Ok(answer(HttpResponse::Ok(), committed.again, &reply))
}

/// Nothing can be written, so nothing can be observed yet.
fn kept_reply(id: OperationId, total: u64) -> KillAllReply {
    let message = scope::told_of(format!("0 of {total} agents seen to be killed"), true);
    let (operation_id, audit_spooled) = (*id.as_uuid(), true);
    KillAllReply { message, total, killed: 0, failed: total, errors: Vec::new(), operation_id, audit_spooled }
}

impl KillAll {
    /// One line for each of the first sessions that were not observed to have ended.
    async fn errors(&self, operation: OperationId) -> Result<Vec<String>, ApiError> {
        let query = TargetQuery { operation, unseen_only: true, missions: None, after: None, limit: EXAMPLES };
        let mut lines = Vec::new();
        for target in self.operations.targets(query).await?.targets {
            let id = target.session_id;
            let status = self.sessions.one(id).await?.map_or("unknown", |session| session.status.as_str());
            lines.push(match target.outcome {
                Some(TargetOutcome::Refused { reason }) => {
                    format!("Agent {id}: kill refused ({reason}), still {status}")
                }
                _ => format!("Agent {id}: kill requested, still {status}"),
            });
        }
        Ok(lines)
    }
}

/// Let sessions spawn again after a kill-all.
#[utoipa::path(post, path = "/killswitch/release", operation_id = "releaseKillSwitch", tag = "control", security(("apiKey" = [])),
    params(IdempotencyHeader), request_body = Option<ControlBody>,
    responses((status = 200, description = "released", body = KillSwitchReply),
        (status = 429, description = "by default 120 kills and releases a minute and key; other calls do not count")))]
pub(crate) async fn release(
    kill_all: Data<KillAll>,
    operator: Operator,
    _none: NoParams,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    operator.may_control(Lane::Stop, ActionName::KillSwitchRelease, AuditTarget::Fleet).await?;
    let origin = operator.origin(body.read(Cap::Stop).await?.reason);
    let done =
        to_the_end(async move { Ok(kill_all.fleet.execute(FleetIntervention::ReleaseKillSwitch, origin).await?) });
    let again = done.await?.committed.again;
    Ok(answer(HttpResponse::Ok(), again, &KillSwitchReply { message: "Kill switch released" }))
}
