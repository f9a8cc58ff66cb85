//! What a session has used, from Claude Code's own transcript, into the conversation.

use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::ports::{HookError, StoreUnavailable};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{JsonObject, MessageContent};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::MessageInput;
use serde_json::{Map, Value, json};

use crate::hook::{Event, Hook};
use crate::ids;
use crate::record::Record;
use crate::transcript::{self, Counted, Mark, Told};

/// How far back the mark of the last reading is looked for: so many pages of so many messages.
const PAGES: usize = 40;
const PAGE: usize = 50;
/// What stands at the place of the mark in a message's metadata.
const MARK: &str = "transcript";

impl Record<'_> {
    /// Whether a sub-agent tells by a transcript of its own what it has used: then the result of the call that ran it does
    /// not count again.
    pub(crate) async fn is_metered(&self, hook: &Hook) -> bool {
        let agent = hook.value("tool_response").and_then(|response| response.get("agentId")).and_then(Value::as_str);
        let Some(path) = agent.and_then(|agent| transcript::path_of_agent(hook, agent)) else { return false };
        tokio::task::spawn_blocking(move || transcript::open(&path).is_some()).await.unwrap_or(false)
    }

    /// Counts what a session has used since it was last looked at, at the end of a turn.
    pub(crate) async fn meter(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        let Some(path) = transcript::path(hook) else { return Ok(()) };
        let Ok(Some(file)) = tokio::task::spawn_blocking(move || transcript::open(&path)).await else { return Ok(()) };
        let Some(mark) = self.mark_of(session).await? else { return Ok(()) };
        let (from, since) = (mark.as_ref().map_or(0, Mark::offset), session.spawned_at);
        let told = match tokio::task::spawn_blocking(move || transcript::read(file, mark.as_ref(), since)).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a transcript cannot be read");
                return Ok(());
            }
            Err(_ended) => return Ok(()),
        };
        let messages = messages(session, hook, from, &told);
        if messages.is_empty() { Ok(()) } else { self.append_all(session.id, messages).await }
    }

    /// Up to where the transcript was read, if it was; `None` when nobody knows, and nothing may be counted.
    async fn mark_of(&self, session: &Session) -> Result<Option<Option<Mark>>, StoreUnavailable> {
        let mut before = Seq::new(u64::MAX);
        for _ in 0..PAGES {
            let Some(slice) = self.messages.before(session.id, before, PAGE).await? else { return Ok(Some(None)) };
            let mut marks = slice.messages.iter().rev().filter_map(|message| message.metadata.as_map().get(MARK));
            if let Some(mark) = marks.find_map(Mark::of) {
                return Ok(Some(Some(mark)));
            }
            match slice.messages.first() {
                Some(first) if slice.messages.len() == PAGE => before = first.seq,
                _ => return Ok(Some(None)),
            }
        }
        Ok(None)
    }
}

/// One message for each model, and one for the cost. Their ids follow from where the part begins, so that a part counts once,
/// whoever reads it.
fn messages(session: &Session, hook: &Hook, from: u64, told: &Told) -> Vec<MessageInput> {
    let mut reports: Vec<(String, Value, Option<Timestamp>)> = told
        .models
        .iter()
        .map(|((_, model), Counted { tokens: [input, output, read, written], at })| {
            let tokens =
                [input, output, read, written].into_iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let most = |count: &u64| Value::from((*count).min(Usage::MOST_TOKENS));
            let name = Some(model).filter(|name| !name.is_empty() && name.len() <= Usage::LONGEST_MODEL);
            let mut usage = Map::from_iter(name.map(|name| ("model".to_owned(), name.as_str().into())));
            let kinds = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];
            usage.extend(
                kinds
                    .into_iter()
                    .zip([input, output, read, written])
                    .map(|(kind, count)| (kind.to_owned(), most(count))),
            );
            (
                format!("used {tokens} tokens of {}", if model.is_empty() { "a model" } else { model }),
                Value::Object(usage),
                *at,
            )
        })
        .collect();
    // Claude Code tells it for itself with all its sub-agents, when it ends.
    if let Some(cost) = told.cost.filter(|_| hook.agent_id.is_none()) {
        reports.push((format!("cost ${cost}, sub-agents included"), json!({"costUsd": cost}), None));
    }
    if reports.is_empty() && told.is_part {
        reports.push(("read on in the transcript".to_owned(), Value::Null, None));
    }
    let message = |(place, (words, usage, created_at)): (usize, (String, Value, Option<Timestamp>))| {
        let words = flightdeck_agent_io::text::one_line(&words, 500);
        let metadata = json!({"type": "usage", MARK: told.mark.value()});
        Some(MessageInput {
            id: Some(ids::message(session.id, &format!("usage/{from}/{place}"))),
            metadata: metadata.as_object().cloned().and_then(|map| JsonObject::new(map).ok())?,
            usage: serde_json::from_value(usage).ok(),
            created_at,
            ..MessageInput::new(MessageRole::System, MessageContent::new(words).ok()?)
        })
    };
    reports.into_iter().enumerate().filter_map(message).collect()
}

/// Whether a turn ends with this hook, so that all of it is in the transcript.
pub(crate) const fn is_end_of_a_turn(event: Event) -> bool {
    matches!(event, Event::Stop | Event::SubagentStop | Event::StopFailure | Event::SessionEnd)
}
