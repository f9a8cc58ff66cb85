//! Searching a conversation for words.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::ids::Seq;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{Authorize, ManageRetention, SearchHistory, SearchWords};

use super::messages::length;
use super::retention::tell_archived;
use crate::auth::Caller;
use crate::dto::{SearchView, texts};
use crate::extract::{AgentPath, MOST, Params};
use crate::heavy;
use crate::problem::ApiError;

/// Conversations, as they are searched.
pub(crate) struct Search {
    pub(crate) authorize: Authorize,
    pub(crate) history: SearchHistory,
    pub(crate) retention: ManageRetention,
}

/// Look for words in a conversation, from its end to its beginning.
///
/// The words are looked for as they are, in capitals or not, in what was said. A call looks at no more than 10000 messages
/// and 16 MiB of text; give `nextBefore` as `before` to go on.
#[utoipa::path(get, path = "/agents/{agentId}/messages/search", operation_id = "searchMessages", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("q" = inline(texts::SearchText), Query, description = "what to look for"),
        ("before" = Option<u64>, Query, description = "only before this seq; from the end when missing", minimum = 1, maximum = 9_223_372_036_854_775_807_i64),
        ("limit" = Option<u64>, Query, description = "at most so many; 50 when missing", minimum = 1, maximum = 200)),
    responses((status = 200, description = "what was found in this stretch", body = SearchView,
            headers(("Flightdeck-Archived" = Option<String>, description = "`true`: the conversation is in the archive"))),
        (status = 400, description = "a parameter is wrong, or there is nothing to look for"),
        (status = 404, description = "no such agent")))]
pub(crate) async fn search(
    search: Data<Search>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let words = params.take::<SearchWords>("q");
    let before = params.number("before", 1..=MOST).map(Seq::new);
    let limit = usize::try_from(params.number("limit", 1..=200).unwrap_or(50)).unwrap_or(SearchHistory::MAX_LIMIT);
    params.finish()?;
    let words = words.ok_or_else(|| ApiError::field("q", "is missing; say what to look for"))?;
    search.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let page =
        search.history.execute(path.0, &words, before, limit).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let bytes = page.matches.iter().map(length).sum();
    let found = heavy::json(bytes, HttpResponse::Ok(), move || serde_json::to_vec(&SearchView::from(&page)));
    let mut response = found.await?;
    tell_archived(&search.retention, path.0, true, &mut response).await?;
    Ok(response)
}
