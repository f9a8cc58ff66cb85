//! Operations: what was asked for, and the observed result.

use actix_web::web::{Data, Json};
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::ports::{OperationCursor, OperationQuery, TargetCursor, TargetQuery};
use flightdeck_domain::use_cases::{Authorize, NameKeys, ReadOperations};

use super::fleet::may_read;
use super::place::{Micros, NewestFirst, Place};
use crate::auth::Caller;
use crate::dto::{OperationView, OperationWithTargetsView, OperationsView, TargetView, texts};
use crate::extract::{OperationPath, Params};
use crate::problem::ApiError;

/// Operations, as those read them who may see the fleet.
pub(crate) struct Operations {
    pub(crate) authorize: Authorize,
    pub(crate) read: ReadOperations,
}

/// List operations, newest first.
#[utoipa::path(get, path = "/operations", operation_id = "listOperations", tag = "operations", security(("apiKey" = [])),
    params(
        ("open" = Option<bool>, Query, description = "only those that wait for some agent, or only those that do not"),
        ("after" = inline(Option<texts::Place>), Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "one page", body = OperationsView)))]
pub(crate) async fn list(
    operations: Data<Operations>,
    names: Data<NameKeys>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<OperationsView>, ApiError> {
    let open = params.take("open");
    let after = params.take::<NewestFirst<OperationId>>("after");
    let after = after.map(|Place(Micros(requested_at), id)| OperationCursor { requested_at, id });
    let limit = limit(&mut params);
    params.finish()?;
    may_read(&operations.authorize, &caller)?;
    let missions = operations.authorize.narrowed(&caller.principal, None, None).await?;
    let page = operations.read.page(OperationQuery { open, missions, after, limit }).await?;
    let names = names.of(page.operations.iter().map(|operation| &operation.actor)).await;
    Ok(Json(OperationsView {
        operations: page.operations.into_iter().map(|operation| OperationView::new(operation, &names)).collect(),
        next_after: page.next.map(|next| Place(Micros(next.requested_at), next.id).to_string()),
    }))
}

/// One operation: what was asked for, when, and what was seen of each agent. Its agents are listed leaves first.
#[utoipa::path(get, path = "/operations/{operationId}", operation_id = "getOperation", tag = "operations", security(("apiKey" = [])),
    params(("operationId" = uuid::Uuid, Path, description = "the id of the operation"),
        ("after" = inline(Option<texts::Place>), Query, description = "`nextAfter` of the page before"),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "the operation, with one page of its agents", body = OperationWithTargetsView),
        (status = 404, description = "no such operation")))]
pub(crate) async fn read(
    operations: Data<Operations>,
    names: Data<NameKeys>,
    caller: Caller,
    path: OperationPath,
    mut params: Params,
) -> Result<Json<OperationWithTargetsView>, ApiError> {
    // Leaves first: `<depth>.<session id>`.
    let after = params.take::<Place<u64, SessionId>>("after");
    let after = after.map(|Place(depth, session_id)| TargetCursor { depth, session_id });
    let limit = limit(&mut params);
    params.finish()?;
    may_read(&operations.authorize, &caller)?;
    let operation = operations.read.one(path.0).await?.ok_or_else(|| ApiError::no_operation(path.0))?;
    operations.authorize.on_operation(&caller.principal, &operation).await?;
    let missions = caller.principal.missions.clone();
    let query = TargetQuery { operation: path.0, unseen_only: false, missions, after, limit };
    let page = operations.read.targets(query).await?;
    let targets = page.targets.into_iter().map(TargetView::from).collect();
    let next_after = page.next.map(|next| Place(next.depth, next.session_id).to_string());
    let names = names.of([&operation.actor]).await;
    let operation = OperationView::new(operation, &names);
    Ok(Json(OperationWithTargetsView { operation, targets, next_after }))
}

fn limit(params: &mut Params) -> usize {
    usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100)
}
