//! Operations: what was asked for, and the proof of what became of it.

use std::fmt;
use std::str::FromStr;

use actix_web::web::{Data, Json};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::{OperationCursor, OperationQuery, TargetCursor, TargetQuery};
use flightdeck_domain::time::Timestamp;

use crate::auth::Caller;
use crate::dto::{OperationView, OperationWithTargetsView, OperationsView, TargetView};
use crate::extract::{OperationPath, Params};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// List operations, newest first.
#[utoipa::path(get, path = "/operations", tag = "operations", security(("apiKey" = [])),
    params(
        ("open" = Option<bool>, Query, description = "only those that wait for some agent, or only those that do not"),
        ("after" = Option<String>, Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "1 to 1000, 100 when missing")),
    responses((status = 200, body = OperationsView)))]
pub(crate) async fn list(api: Data<Api>, caller: Caller, mut params: Params) -> Result<Json<OperationsView>, ApiError> {
    let open = params.take("open");
    let after = params.take::<NewestFirst>("after").map(|place| place.0);
    let limit = limit(&mut params);
    params.finish()?;
    readable(&api, &caller)?;
    let page = api.operations.page(OperationQuery { open, after, limit }).await?;
    let operations = page.operations.into_iter().map(OperationView::from).collect();
    Ok(Json(OperationsView { operations, next_after: page.next.map(|next| NewestFirst(next).to_string()) }))
}

/// One operation: what was asked for, when, and what was seen of each agent. Its agents are listed leaves first.
#[utoipa::path(get, path = "/operations/{operationId}", tag = "operations", security(("apiKey" = [])),
    params(("operationId" = uuid::Uuid, Path),
        ("after" = Option<String>, Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "1 to 1000, 100 when missing")),
    responses((status = 200, body = OperationWithTargetsView),
        (status = 404, description = "no such operation", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn read(
    api: Data<Api>,
    caller: Caller,
    path: OperationPath,
    mut params: Params,
) -> Result<Json<OperationWithTargetsView>, ApiError> {
    let after = params.take::<LeavesFirst>("after").map(|place| place.0);
    let limit = limit(&mut params);
    params.finish()?;
    readable(&api, &caller)?;
    let operation = api.operations.one(path.0).await?.ok_or_else(|| ApiError::no_operation(path.0))?;
    let query = TargetQuery { operation: path.0, unseen_only: false, after, limit };
    let page = api.operations.targets(query).await?;
    let targets = page.targets.into_iter().map(TargetView::from).collect();
    let next_after = page.next.map(|next| LeavesFirst(next).to_string());
    Ok(Json(OperationWithTargetsView { operation: operation.into(), targets, next_after }))
}

fn limit(params: &mut Params) -> usize {
    usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100)
}

fn readable(api: &Api, caller: &Caller) -> Result<(), ApiError> {
    let allowed = api.authorize.role(&caller.principal, Permission::ReadFleet);
    allowed.map_err(|denied| ApiError::Denied(denied.to_string()))
}

#[derive(Debug, thiserror::Error)]
#[error("is not a place in this list; take it from nextAfter")]
struct InvalidPlace;

/// A place in the list of operations, as clients hand it back: `<microseconds>.<operation id>`.
struct NewestFirst(OperationCursor);

impl fmt::Display for NewestFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.requested_at.as_micros(), self.0.id)
    }
}

impl FromStr for NewestFirst {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (micros, id) = text.split_once('.').ok_or(InvalidPlace)?;
        let micros = micros.parse().or(Err(InvalidPlace))?;
        let requested_at = Timestamp::from_micros(micros).ok_or(InvalidPlace)?;
        Ok(Self(OperationCursor { requested_at, id: id.parse().or(Err(InvalidPlace))? }))
    }
}

/// A place among the agents of an operation, as clients hand it back: `<depth>.<session id>`.
struct LeavesFirst(TargetCursor);

impl fmt::Display for LeavesFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.depth, self.0.session_id)
    }
}

impl FromStr for LeavesFirst {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (depth, id) = text.split_once('.').ok_or(InvalidPlace)?;
        let depth = depth.parse().or(Err(InvalidPlace))?;
        Ok(Self(TargetCursor { depth, session_id: id.parse().or(Err(InvalidPlace))? }))
    }
}
