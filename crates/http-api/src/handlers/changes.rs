//! What an agent changed.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::changes::{FilePath, Stretch};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{Authorize, ManageRunners, ReadChanges, ReadChangesError, ReportChanges};

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{ChangeReportBody, ChangesView, texts};
use crate::extract::{AgentPath, Body, Cap, Params};
use crate::problem::ApiError;

/// What agents changed in their folders.
pub(crate) struct AgentChanges {
    pub(crate) authorize: Authorize,
    pub(crate) read: ReadChanges,
    pub(crate) report: ReportChanges,
    pub(crate) runners: ManageRunners,
}

/// What the agent changed in the folder that it works in.
///
/// The state of the folder is kept when the agent begins, and at both ends of each of its turns, so what was changed before is
/// not shown as its own. Without `turn` the answer is about the whole session, up to now while its agent has not ended. Files that the
/// repository ignores are left out. With `path` the answer has this file alone, with its lines.
///
/// At most 2000 files are listed, a diff has at most 2000 lines, and of a file of more than 8 MiB only the size is compared.
///
/// Where the server does not see the folder, this is what was told last with `POST`.
#[utoipa::path(get, path = "/agents/{agentId}/changes", operation_id = "getAgentChanges", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("turn" = Option<u32>, Query, description = "one turn, counted from 1; the whole session when missing", minimum = 1, maximum = 4_294_967_295_i64),
        ("path" = inline(Option<texts::ChangedPath>), Query, description = "one file, by the path that it has in the list: a backslash is written twice there, and a byte that is not UTF-8 as `\\xNN`")),
    responses((status = 200, description = "the files that were changed", body = ChangesView),
        (status = 404, description = "no such agent or turn, or the file was not changed"),
        (status = 409, description = "nothing is kept, and the detail says why: the folder is in no repository, or the agent works where the server does not see it")))]
pub(crate) async fn read(
    changes: Data<AgentChanges>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let turn = turn(&mut params);
    let file: Option<FilePath> = params.take("path");
    params.finish()?;
    changes.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let stretch = stretch(turn);
    let view = match file {
        None => changes.read.list(path.0, stretch).await.map(|list| ChangesView::of_list(turn, &list)),
        Some(file) => changes.read.file(path.0, stretch, file).await.map(|file| ChangesView::of_file(turn, &file)),
    };
    match view {
        Ok(view) => Ok(HttpResponse::Ok().json(view)),
        Err(error) => Err(changes.named(error).await?),
    }
}

/// Tell what the agent changed in the folder that it works in.
///
/// For whoever sees a folder that the server does not see: a runner, or an agent that reports by itself. Without `turn` it is
/// about the whole session. A report takes the place of the one before, unless its later state (`toAt`) is older. It has at
/// most 1 MiB as JSON: leave out the `hunks` of large files. Of turns the reports of the last 100 are kept. They go when
/// the conversation is archived.
#[utoipa::path(post, path = "/agents/{agentId}/changes", operation_id = "reportAgentChanges", tag = "agents", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("turn" = Option<u32>, Query, description = "one turn, counted from 1; the whole session when missing", minimum = 1, maximum = 4_294_967_295_i64)),
    request_body = ChangeReportBody,
    responses((status = 204, description = "kept, or a later one is there"),
        (status = 400, description = "a field is wrong, or the report is too large"),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the conversation is archived (`archived`)")))]
pub(crate) async fn report(
    changes: Data<AgentChanges>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
    body: Body<ChangeReportBody>,
) -> Result<HttpResponse, ApiError> {
    let stretch = stretch(turn(&mut params));
    params.finish()?;
    changes.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    let report = body.read(Cap::Append).await?.try_into()?;
    to_the_end(async move { Ok::<_, ApiError>(changes.report.execute(path.0, stretch, report).await?) }).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn turn(params: &mut Params) -> Option<u32> {
    params.number("turn", 1..=u64::from(u32::MAX)).and_then(|turn| u32::try_from(turn).ok())
}

fn stretch(turn: Option<u32>) -> Stretch {
    turn.map_or(Stretch::Whole, Stretch::Turn)
}

impl AgentChanges {
    /// Names the runner that has the folder.
    async fn named(&self, error: ReadChangesError) -> Result<ApiError, ApiError> {
        if let ReadChangesError::Elsewhere { session, provider, .. } = &error
            && *provider == ProviderName::runner()
            && let Some((assignment, _)) = self.runners.placement(*session).await?
            && let Some(runner) = assignment.runner
        {
            let detail = format!(
                "the folder of session {session} is on the machine of runner {runner}, which has not told what has changed \
                 in it: the agent has not begun to work, the folder is in no git repository, or the runner is an older one"
            );
            return Ok(ApiError::Conflict { kind: "changes-elsewhere", detail, field: None });
        }
        Ok(error.into())
    }
}
