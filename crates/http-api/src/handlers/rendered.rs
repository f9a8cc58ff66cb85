//! Messages, as a page shows them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::Message;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::use_cases::{Authorize, HistoryPlace, ReadHistory};
use flightdeck_render::{Allowance, Rendered};
use tokio::sync::Semaphore;

use crate::auth::Caller;
use crate::dto::{RenderedPageView, RenderedView};
use crate::extract::{AgentPath, MOST, Params};
use crate::problem::ApiError;
use crate::rendered::Cache;

/// The most messages of an answer.
const MANY: usize = 100;
/// An answer ends after this number of bytes.
const ENOUGH: usize = 4 << 20;
/// So much code is highlighted for an answer, in bytes: about a tenth of a second of work.
const HIGHLIGHTED: usize = 128 * 1024;

/// Messages, as they are read.
pub(crate) struct Rendering {
    pub(crate) authorize: Authorize,
    pub(crate) history: ReadHistory,
    pub(crate) cache: Arc<Cache>,
    /// Reading texts leaves a core for everything else.
    pub(crate) at_once: Arc<Semaphore>,
}

/// Messages as nodes, for a page that shows them.
///
/// What is said as Markdown, code, a diff or with colours of a terminal is a tree of nodes in place of markup, so that a page
/// makes an element of each and puts the words in as text; tool calls have a line that says what they do. What has no better
/// form than the words themselves has no nodes. All of it is bounded: a text has some 4000 nodes, nested 32 deep, and the words
/// beyond that come as they are, in a node `plain`. An answer has fewer messages than `limit` where some 4 MiB are reached.
#[utoipa::path(get, path = "/agents/{agentId}/messages/rendered", operation_id = "listRenderedMessages", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("after" = Option<u64>, Query, description = "only those after this seq", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("limit" = Option<u64>, Query, description = "at most so many; 50 when missing", minimum = 1, maximum = 100)),
    responses((status = 200, description = "the messages, in their order", body = RenderedPageView),
        (status = 404, description = "no such agent")))]
pub(crate) async fn list(
    rendering: Data<Rendering>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = Seq::new(params.number("after", 0..=MOST).unwrap_or_default());
    let limit = usize::try_from(params.number("limit", 1..=100).unwrap_or(50)).unwrap_or(MANY);
    params.finish()?;
    rendering.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let slice = rendering.history.execute(path.0, HistoryPlace::After(after), limit).await?;
    let slice = slice.ok_or_else(|| ApiError::no_session(path.0))?;
    let body = rendering.read(slice).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

impl Rendering {
    /// The answer, from what was read before or beside the workers.
    async fn read(&self, slice: MessageSlice) -> Result<Vec<u8>, ApiError> {
        let known: Vec<_> = slice.messages.iter().map(|message| self.cache.get(message)).collect();
        if known.iter().all(Option::is_some) {
            return Ok(joined(known.into_iter().flatten()));
        }
        let internal = |error: Box<dyn std::error::Error + Send + Sync>| ApiError::Internal(error);
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|error| internal(error.into()))?;
        let cache = Arc::clone(&self.cache);
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            all(&cache, &slice.messages, known)
        });
        working.await.map_err(|error| internal(error.into()))?
    }
}

fn all(cache: &Cache, messages: &[Message], known: Vec<Option<Arc<[u8]>>>) -> Result<Vec<u8>, ApiError> {
    let mut allowance = Allowance::new(HIGHLIGHTED);
    let mut parts = Vec::with_capacity(messages.len());
    for (message, known) in messages.iter().zip(known) {
        if let Some(part) = known {
            parts.push(part);
            continue;
        }
        let part = one(message, &mut allowance)?;
        // Alone it might be highlighted.
        if !allowance.is_short() {
            cache.put(message, Arc::clone(&part));
        }
        parts.push(part);
    }
    Ok(joined(parts.into_iter()))
}

fn one(message: &Message, allowance: &mut Allowance) -> Result<Arc<[u8]>, ApiError> {
    let (role, content, metadata) = (message.role.as_str(), message.content.as_str(), message.metadata.as_map());
    let said = flightdeck_render::Message { role, content, metadata };
    // A grammar is data of others: where it fails the words are shown as they are.
    let rendered = catch_unwind(AssertUnwindSafe(|| flightdeck_render::render(said, allowance)));
    let rendered = rendered.unwrap_or_else(|_| {
        tracing::error!(seq = message.seq.get(), "a message cannot be rendered; it is shown as it is");
        Rendered::default()
    });
    let view = RenderedView { seq: message.seq.get(), rendered };
    Ok(serde_json::to_vec(&view).map_err(|error| ApiError::Internal(error.into()))?.into())
}

/// The JSON of an answer, of that of its messages.
fn joined(parts: impl Iterator<Item = Arc<[u8]>>) -> Vec<u8> {
    let mut body = b"{\"messages\":[".to_vec();
    for (nth, part) in parts.enumerate() {
        if nth > 0 && body.len().saturating_add(part.len()) > ENOUGH {
            break;
        }
        if nth > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&part);
    }
    body.extend_from_slice(b"]}");
    body
}
