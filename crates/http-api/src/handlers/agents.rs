//! Sessions: register, list, tree.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue, LINK};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::ids::{KeyId, SessionId};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionPage, SessionQuery};
use flightdeck_domain::session::Session;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{Authorize, ManageRetention, Providers, ReadSessions, RegisterSession};

use super::place::{Micros, NewestFirst, Place};
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{RegisterBody, SessionView, TreeEntry, texts, words};
use crate::epochs::CurrentEpoch;
use crate::extract::{Body, Cap, NoParams, Params};
use crate::heavy;
use crate::problem::ApiError;
use crate::throttle::Throttle;

/// The feed position of the state that a list shows.
const AS_OF: HeaderName = HeaderName::from_static("flightdeck-as-of");
/// Where the next page begins.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("flightdeck-next-cursor");

/// The tree of sessions.
pub(crate) struct Agents {
    pub(crate) authorize: Authorize,
    pub(crate) register: RegisterSession,
    pub(crate) sessions: ReadSessions,
    pub(crate) retention: ManageRetention,
    pub(crate) providers: Providers,
    /// The parts of the cursor that a page gives.
    pub(crate) epoch: CurrentEpoch,
    pub(crate) throttle_tree: Arc<Throttle<KeyId>>,
}

/// Register a session that runs elsewhere.
///
/// Registering the same id with the same facts again is harmless and answers 200. With other facts it is a 409 that names the
/// first that differs: a session keeps what it was registered with. What is left out, or is an empty object, is not compared.
///
/// An agent's key registers its own session at the place (parent and mission) that was fixed when the key was made, and need
/// not name it; and others below that session, on the mission of their parent. Any other place is a 403 that names the field.
#[utoipa::path(post, path = "/agents", operation_id = "registerAgent", tag = "agents", security(("apiKey" = [])),
    request_body = RegisterBody,
    responses(
        (status = 201, description = "registered", body = SessionView),
        (status = 200, description = "it was there already", body = SessionView),
        (status = 400, description = "a field is wrong"),
        (status = 403, description = "not for this key, or not at this place"),
        (status = 409, description = "another session has the id, or a spawn fence is up")))]
pub(crate) async fn register(
    agents: Data<Agents>,
    caller: Caller,
    _none: NoParams,
    body: Body<RegisterBody>,
) -> Result<HttpResponse, ApiError> {
    agents.authorize.role(&caller.principal, Permission::Spawn)?;
    let (new, status, parent) = body.read(Cap::Session).await?.into_session()?;
    let allowed = agents.authorize.register(&caller.principal, new).await;
    let new = allowed.map_err(|error| ApiError::from(error).parent_as(parent))?;
    let acting = agents.clone();
    let registered = to_the_end(async move { Ok(acting.register.in_full(new, status).await?) });
    let registered = registered.await.map_err(|error| error.parent_as(parent))?;
    let mut response = if registered.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(SessionView::new(registered.session, &agents.providers)))
}

/// List sessions, newest first.
///
/// A page of sessions with long contexts and metadata has fewer than `limit`: it ends soon behind 4 MiB. Go on
/// with the header `Flightdeck-Next-Cursor`.
#[utoipa::path(get, path = "/agents", operation_id = "listAgents", tag = "agents", security(("apiKey" = [])),
    params(
        ("status" = Option<Vec<words::SessionStatus>>, Query, description = "only sessions in one of these; also one parameter with commas"),
        ("missionId" = inline(Option<texts::MissionId>), Query),
        ("agentType" = inline(Option<texts::AgentType>), Query),
        ("taskId" = inline(Option<texts::TaskId>), Query),
        ("provider" = inline(Option<texts::ProviderName>), Query),
        ("providerSessionId" = inline(Option<texts::ProviderSessionId>), Query,
            description = "those that their provider knows under this id; a session that takes up an earlier one has the same"),
        ("root" = Option<uuid::Uuid>, Query, description = "only this session and those below it"),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000),
        ("cursor" = inline(Option<texts::Place>), Query, description = "from the header Flightdeck-Next-Cursor")),
    responses((status = 200, description = "one page", body = Vec<SessionView>,
        headers(("Flightdeck-As-Of" = String, description = "the place on the fleet feed to continue from"),
            ("Flightdeck-Next-Cursor" = String, description = "missing on the last page")))))]
pub(crate) async fn list(
    agents: Data<Agents>,
    caller: Caller,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let page = page(&agents, &caller, params, 100, false).await?;
    let providers = agents.providers.clone();
    let ended = page.sessions.iter().filter(|session| session.status.is_terminal()).map(|session| session.id);
    let archived = agents.retention.archived_among(ended.collect()).await?;
    let archived: HashMap<SessionId, Timestamp> =
        archived.into_iter().map(|note| (note.session, note.archived_at)).collect();
    let view = move |session: Session| {
        let at = archived.get(&session.id).copied();
        SessionView::new(session, &providers).archived(at)
    };
    paged(&agents, &request, page, view).await
}

/// The session tree as flat entries, newest first.
#[utoipa::path(get, path = "/agents/tree", operation_id = "getAgentTree", tag = "agents", security(("apiKey" = [])),
    params(
        ("status" = Option<Vec<words::SessionStatus>>, Query, description = "only sessions in one of these; also one parameter with commas"),
        ("missionId" = inline(Option<texts::MissionId>), Query),
        ("agentType" = inline(Option<texts::AgentType>), Query),
        ("taskId" = inline(Option<texts::TaskId>), Query),
        ("provider" = inline(Option<texts::ProviderName>), Query),
        ("providerSessionId" = inline(Option<texts::ProviderSessionId>), Query,
            description = "those that their provider knows under this id; a session that takes up an earlier one has the same"),
        ("root" = Option<uuid::Uuid>, Query, description = "only this session and those below it"),
        ("limit" = Option<u64>, Query, description = "at most so many; 200 when missing", minimum = 1, maximum = 10000),
        ("cursor" = inline(Option<texts::Place>), Query, description = "from the header Flightdeck-Next-Cursor")),
    responses((status = 200, description = "one page", body = Vec<TreeEntry>,
        headers(("Flightdeck-As-Of" = String, description = "the place on the fleet feed to continue from"),
            ("Flightdeck-Next-Cursor" = String, description = "missing on the last page"))),
        (status = 429, description = "200 a minute and key by default")))]
pub(crate) async fn tree(
    agents: Data<Agents>,
    caller: Caller,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    agents.throttle_tree.admit(&caller.principal.key_id).pass()?;
    let page = page(&agents, &caller, params, 200, true).await?;
    paged(&agents, &request, page, TreeEntry::from).await
}

/// How many sessions are read at once, because each may have contexts and metadata of half a megabyte.
const AT_ONCE: usize = 40;
/// A page ends after this number of bytes.
const ENOUGH: usize = 4 << 20;

async fn page(
    agents: &Agents,
    caller: &Caller,
    mut params: Params,
    default_limit: u64,
    heads_only: bool,
) -> Result<SessionPage, ApiError> {
    let mut filter = SessionFilter {
        subtree: params.take("root"),
        mission_id: params.take("missionId"),
        missions: None,
        statuses: params.list("status"),
        provider: params.take("provider"),
        provider_session_id: params.take("providerSessionId"),
        agent_type: params.take("agentType"),
        task_id: params.take("taskId"),
    };
    let most = if heads_only { 10_000 } else { 1_000 };
    let limit = params.number("limit", 1..=most).unwrap_or(default_limit);
    let after = params.take::<NewestFirst<SessionId>>("cursor");
    let after = after.map(|Place(Micros(spawned_at), id)| SessionCursor { spawned_at, id });
    params.finish()?;
    readable(agents, caller, filter.subtree).await?;
    let narrowed = agents.authorize.narrowed(&caller.principal, filter.subtree, filter.mission_id.as_ref());
    filter.missions = narrowed.await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let query = SessionQuery { filter, after, limit, heads_only };
    if heads_only { Ok(agents.sessions.page(query).await?) } else { whole(agents, query).await }
}

/// A page of sessions with their contexts and metadata, which ends when it is long enough.
async fn whole(agents: &Agents, query: SessionQuery) -> Result<SessionPage, ApiError> {
    let first = SessionQuery { limit: query.limit.min(AT_ONCE), ..query.clone() };
    let mut page = agents.sessions.page(first).await?;
    let said = |sessions: &[Session]| -> usize {
        sessions.iter().map(|session| session.context.length() + session.metadata.length()).sum()
    };
    let mut bytes = said(&page.sessions);
    while let Some(after) = page.next.take() {
        let limit = AT_ONCE.min(query.limit - page.sessions.len());
        if limit == 0 || bytes >= ENOUGH {
            page.next = Some(after);
            break;
        }
        let more = agents.sessions.page(SessionQuery { after: Some(after), limit, ..query.clone() }).await?;
        bytes += said(&more.sessions);
        page.sessions.extend(more.sessions);
        page.next = more.next;
    }
    Ok(page)
}

/// The whole fleet is for roles that may see it; a bound key may ask for a subtree of its own.
async fn readable(agents: &Agents, caller: &Caller, subtree: Option<SessionId>) -> Result<(), ApiError> {
    let fleet = agents.authorize.role(&caller.principal, Permission::ReadFleet);
    match (fleet, subtree) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(top)) => Ok(agents.authorize.on_session(&caller.principal, Permission::ReadSession, top).await?),
        (Err(denied), None) => Err(ApiError::Denied(format!("{denied}; ask for ?root=<your session>"))),
    }
}

async fn paged<T: serde::Serialize>(
    agents: &Agents,
    request: &HttpRequest,
    page: SessionPage,
    view: impl Fn(Session) -> T + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let next = page.next.map(|next| Place(Micros(next.spawned_at), next.id).to_string());
    let mut response = HttpResponse::Ok();
    response.insert_header((AS_OF, agents.epoch.cursor(page.as_of.get()).to_string()));
    if let Some(next) = next {
        let kept = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<&str> = kept.collect();
        let query = if query.is_empty() { String::new() } else { format!("{}&", query.join("&")) };
        let link = format!("<{}?{query}cursor={next}>; rel=\"next\"", request.path());
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.insert_header((LINK, link));
        }
        response.insert_header((NEXT_CURSOR, next));
    }
    // A session has some 600 bytes beside what its registration said.
    let sessions = page.sessions;
    heavy::json(600 * sessions.len(), response, move || {
        serde_json::to_vec(&sessions.into_iter().map(view).collect::<Vec<T>>())
    })
    .await
}
