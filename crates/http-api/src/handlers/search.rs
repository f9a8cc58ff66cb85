//! Words are looked for in a conversation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::ids::Seq;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{SearchHistory, SearchWords};

use super::messages::length;
use crate::auth::Caller;
use crate::dto::SearchView;
use crate::extract::{AgentPath, Params};
use crate::heavy;
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// Look for words in a conversation, from its end to its beginning.
///
/// The words are looked for as they are, in capitals or not, in what was said. A call looks at no more than 10000 messages
/// and 16 MiB of text; give `nextBefore` as `before` to go on.
#[utoipa::path(get, path = "/agents/{agentId}/messages/search", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path),
        ("q" = String, Query, description = "what to look for: 1 to 200 characters"),
        ("before" = Option<u64>, Query, description = "only before this seq; from the end when missing"),
        ("limit" = Option<u64>, Query, description = "1 to 200 matches, 50 when missing")),
    responses((status = 200, body = SearchView),
        (status = 400, description = "there is nothing to look for", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such agent", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn search(
    api: Data<Api>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let words = params.take::<SearchWords>("q");
    let before = params.number("before", 1..=u64::MAX).map(Seq::new);
    let limit = usize::try_from(params.number("limit", 1..=200).unwrap_or(50)).unwrap_or(SearchHistory::MAX_LIMIT);
    params.finish()?;
    let words = words.ok_or_else(|| ApiError::field("q", "is missing; say what to look for"))?;
    api.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let page = api.search.execute(path.0, &words, before, limit).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let bytes = page.matches.iter().map(length).sum();
    heavy::json(bytes, HttpResponse::Ok(), move || serde_json::to_vec(&SearchView::from(&page))).await
}
