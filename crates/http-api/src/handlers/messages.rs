//! Conversations: append, page, follow.

use std::str::FromStr;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::AppendOutcome;
use flightdeck_domain::use_cases::{
    Authorize, HistoryPlace, IngestMessages, ManageRetention, MessageInput, ReadHistory,
};
use flightdeck_live::{ConversationTails, Hints};
use flightdeck_metrics::Meters;

use super::intake::take_all;
use super::operator::request_id;
use super::preview::Previewed;
use super::retention::tell_archived;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{AppendAnswer, AppendBody, AppendReply, HistoryView, MessageBody, StreamEvent, texts};
use crate::epochs::CurrentEpoch;
use crate::extract::{AgentPath, Cap, EntryNumber, MOST, Params, Unread, decode};
use crate::frames;
use crate::heavy;
use crate::problem::ApiError;
use crate::sse::Streams;

/// Conversations: written, read and followed.
pub(crate) struct Messages {
    pub(crate) authorize: Authorize,
    pub(crate) ingest: IngestMessages,
    pub(crate) history: ReadHistory,
    pub(crate) retention: ManageRetention,
    pub(crate) tails: ConversationTails,
    /// The previews.
    pub(crate) hints: Arc<Hints>,
    pub(crate) epoch: CurrentEpoch,
}

/// Append one message, an array of messages, or NDJSON (`application/x-ndjson`), whole or not at all.
///
/// When it is answered the messages are durable. A message with an id that is there already, with the same role, content
/// and metadata, keeps its first place, so a call may be repeated safely. What it says in `usage` counts once. At most 1000 messages and 4 MiB at once.
///
/// With `stream=true` NDJSON of any length is appended as it arrives, each line (of at most 64 MiB) durable and seen by
/// followers at once. No line ends the stream: a `system` message stands in the place of one that cannot be read or is no
/// message, and a text that no conversation can hold is cut and marked. The answer comes at the end: `appended`, `skipped`
/// (lines that could not be read), `lastSeq` and `control`; or a 400 with the first ten faults where lines were read and are
/// no messages. The header `Flightdeck-Appended` says how many lines are in the conversation in either case. Counts as one
/// of the key's open streams.
///
/// Unpaired surrogates and bytes that are not UTF-8 become U+FFFD, and a byte order mark is left out, with or without
/// `stream=true`.
#[utoipa::path(post, path = "/agents/{agentId}/messages", operation_id = "appendMessages", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("stream" = Option<bool>, Query, description = "true: take lines as they arrive; false when missing")),
    // Lines are described in words alone: generators of clients make a text of them, and then take any text for a body.
    request_body = AppendBody,
    responses(
        (status = 201, description = "appended", body = AppendReply),
        (status = 200, description = "all were there already; or a stream has ended", body = AppendAnswer),
        (status = 400, description = "a field is wrong"),
        (status = 404, description = "no such agent"),
        (status = 409, description = "the session has ended (`session-ended`, or `archived`: then it is not looked up whether the messages are in it already), or an id is taken by another message"),
        (status = 429, description = "the key has as many open streams as it may; with `stream=true` only")))]
pub(crate) async fn append(
    messages: Data<Messages>,
    streams: Data<Streams>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    mut params: Params,
    body: Unread,
) -> Result<HttpResponse, ApiError> {
    let stream = params.take::<bool>("stream").unwrap_or(false);
    params.finish()?;
    messages.authorize.on_session(&caller.principal, Permission::Report, path.0).await?;
    if stream {
        let _counted = streams.admit(&caller)?;
        let id = request_id(&request)?;
        return Ok(take_all(messages, &streams.shutdown, &caller, path.0, &id, body).await);
    }
    let content_type = body.content_type.clone();
    let body = body.read(Cap::Append).await?;
    let batch = heavy::work(body.len(), move || batch(&content_type, &body)).await??;
    let (begun, size) = (std::time::Instant::now(), batch.len());
    let outcome = take_in(&messages, path.0, batch).await?;
    Meters::process().appended(size, begun.elapsed());
    let created = outcome.appended.iter().any(|appended| appended.created);
    let reply =
        AppendReply { messages: outcome.appended.iter().map(Into::into).collect(), control: outcome.control.into() };
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(reply))
}

/// Appends a batch.
pub(super) async fn take_in(
    messages: &Data<Messages>,
    session: SessionId,
    batch: Vec<MessageInput>,
) -> Result<AppendOutcome, ApiError> {
    let messages = messages.clone();
    to_the_end(async move { Ok(messages.ingest.execute(session, batch).await?) }).await
}

/// Whether a body has a message a line.
pub(super) fn is_ndjson(content_type: &str) -> bool {
    ["application/x-ndjson", "application/jsonl"].contains(&content_type)
}

fn batch(content_type: &str, body: &[u8]) -> Result<Vec<MessageInput>, ApiError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let bodies: Vec<MessageBody> = match (content_type, first) {
        (_, None) => return Err(ApiError::field("", "is empty; send a message, an array of messages, or NDJSON")),
        (content_type, _) if is_ndjson(content_type) => lines(body)?,
        ("application/json", Some(b'[')) => decode(body, "")?,
        ("application/json", Some(_)) => vec![decode(body, "")?],
        (other, _) => {
            let expected = "application/json or application/x-ndjson";
            return Err(ApiError::MediaType { given: other.to_owned(), expected });
        }
    };
    Ok(bodies.into_iter().map(Into::into).collect())
}

/// One message a line; empty lines are skipped. Faults name the line's place in the batch, from zero.
fn lines(bytes: &[u8]) -> Result<Vec<MessageBody>, ApiError> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.take(IngestMessages::MAX_BATCH + 1).enumerate().map(|(n, line)| decode(line, &format!("/{n}"))).collect()
}

/// One page of a conversation, in its order.
///
/// `skip` and `after` cost the same at any depth. Give at most one of `skip`, `after` and `before`. A page of large messages
/// has fewer than `limit`: it ends where some 4 MiB are reached. Go on behind the last message that came.
///
/// A conversation that the retention rules have let go is read from the archive, which takes longer; the header
/// `Flightdeck-Archived: true` says so. While the archive cannot be reached the answer is 503 (`archive-unavailable`).
#[utoipa::path(get, path = "/agents/{agentId}/messages", operation_id = "listMessages", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("limit" = Option<u64>, Query, description = "at most so many; 50 when missing", minimum = 1, maximum = 1000),
        ("skip" = Option<u64>, Query, description = "leave out so many from the beginning", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("after" = Option<u64>, Query, description = "only those after this seq", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("before" = Option<u64>, Query, description = "the last ones before this seq", minimum = 1, maximum = 9_223_372_036_854_775_807_i64)),
    responses((status = 200, description = "one page", body = HistoryView,
            headers(("Flightdeck-Archived" = Option<String>, description = "`true`: the conversation is in the archive"))),
        (status = 404, description = "no such agent")))]
pub(crate) async fn history(
    messages: Data<Messages>,
    caller: Caller,
    path: AgentPath,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let limit = params.number("limit", 1..=1_000).unwrap_or(50);
    let skip = params.number("skip", 0..=MOST);
    let after = params.number("after", 0..=MOST);
    let before = params.number("before", 1..=MOST);
    let place = match (skip, after, before) {
        (None, None, None) => HistoryPlace::After(Seq::ZERO),
        (Some(seq), None, None) | (None, Some(seq), None) => HistoryPlace::After(Seq::new(seq)),
        (None, None, Some(seq)) => HistoryPlace::Before(Seq::new(seq)),
        _ => {
            params.refuse("skip", "goes with neither after nor before; give one of the three");
            HistoryPlace::After(Seq::ZERO)
        }
    };
    params.finish()?;
    messages.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let slice = messages.history.execute(path.0, place, limit).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let (bytes, ended) = (slice.messages.iter().map(length).sum(), slice.status.is_terminal());
    let mut response =
        heavy::json(bytes, HttpResponse::Ok(), move || serde_json::to_vec(&HistoryView::from(&slice))).await?;
    messages.epoch.tell(&mut response);
    tell_archived(&messages.retention, path.0, ended, &mut response).await?;
    Ok(response)
}

/// About how long the JSON of a message is, in bytes.
pub(super) fn length(message: &Message) -> usize {
    message.content.as_str().len() + 512
}

/// Follow a conversation: its history from a cursor on, then live.
///
/// Server-sent events: `event: message`, `id:` its seq, `data:` the message. Ordered, complete, each once. When what
/// became of an operator's message changes, `event: receipt` (without an id) tells, with its fields on the fleet feed; to
/// a reader that begins or comes back, the newest 256 are told again behind the history. A session that ends sends `event: end`; after that, and with a cursor at the end of an ended session, the answer is 204, which stops
/// an EventSource.
///
/// With `preview=true` there is `event: preview` besides, without an id: `{"kind", "text", "leftOut"}`, the newest 4 KiB of
/// what an agent that the server runs is saying just now. It is not the record: previews come ten times a second at most,
/// are dropped for a slow reader, reach only those at the replica that runs the agent, and the message that follows counts.
///
/// `epoch` takes what the header `Flightdeck-Epoch` said when the cursor was read. When the deployment was restored to an
/// earlier moment since, places were given to other messages: then `event: gap` comes first, with
/// `{"reason": "restored", "epoch", "after"}`, and the stream begins as it does without a cursor.
#[utoipa::path(get, path = "/agents/{agentId}/messages/stream", operation_id = "followMessages", tag = "messages", security(("apiKey" = [])),
    params(("agentId" = uuid::Uuid, Path, description = "the id of the agent's session"),
        ("Last-Event-ID" = Option<u64>, Header, description = "go on after this seq; goes before after and tail", maximum = 9_223_372_036_854_775_807_i64),
        ("after" = Option<u64>, Query, description = "go on after this seq; goes before tail", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("tail" = Option<u64>, Query, description = "begin with the last so many messages", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("preview" = Option<bool>, Query, description = "true: show what is being said, too; false when missing"),
        ("epoch" = inline(Option<texts::Epoch>), Query, description = "the epoch that the cursor belongs to")),
    responses((status = 200, description = "the messages, for as long as the reader stays or until the session ends", content_type = "text/event-stream", body = StreamEvent),
        (status = 204, description = "the session has ended and nothing is left to send"),
        (status = 429, description = "the key has as many open streams as it may"),
        (status = 400, description = "the cursor is wrong, or beyond the end"),
        (status = 404, description = "no such agent")))]
pub(crate) async fn stream(
    messages: Data<Messages>,
    streams: Data<Streams>,
    caller: Caller,
    path: AgentPath,
    request: HttpRequest,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = params.number("after", 0..=MOST);
    let tail = params.number("tail", 0..=MOST);
    let previews = params.take::<bool>("preview").unwrap_or(false);
    let over = messages.epoch.is_over(params.take("epoch"));
    params.finish()?;
    let resumed = last_event_id::<EntryNumber>(request.headers())?.map(|EntryNumber(seq)| seq);
    messages.authorize.on_session(&caller.principal, Permission::ReadSession, path.0).await?;
    let counted = streams.admit(&caller)?;
    let head = messages.tails.head(path.0).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    let cursor = match (resumed.or(after).filter(|_| !over), tail) {
        (Some(seq), _) => seq,
        (None, Some(tail)) => head.position.saturating_sub(tail),
        (None, None) => 0,
    };
    not_ahead(cursor, head.position, resumed.is_some())?;
    let first = over.then(|| frames::gap_frame(messages.epoch.get(), cursor, None));
    if head.ended && cursor == head.position && first.is_none() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let follower = messages.tails.follow(path.0, cursor).await?.ok_or_else(|| ApiError::no_session(path.0))?;
    if previews {
        let source = Previewed { follower, previews: messages.hints.previews(path.0) };
        return Ok(streams.follow(&request, &caller, counted, first, source));
    }
    let mut response = streams.follow(&request, &caller, counted, first, follower);
    tell_archived(&messages.retention, path.0, head.ended, &mut response).await?;
    Ok(response)
}

/// The cursor that a reconnecting client brings.
pub(super) fn last_event_id<T: FromStr>(headers: &HeaderMap) -> Result<Option<T>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_error| {
        ApiError::field("Last-Event-ID", format!("{text:?} is not the id of an event of this stream"))
    })
}

/// A cursor from the future would wait for ever without a word.
pub(super) fn not_ahead(cursor: u64, head: u64, resumed: bool) -> Result<(), ApiError> {
    if cursor <= head {
        return Ok(());
    }
    let field = if resumed { "Last-Event-ID" } else { "after" };
    Err(ApiError::field(field, format!("{cursor} is beyond the end, which is at {head}; start over without it")))
}
