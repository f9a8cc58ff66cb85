//! What a hook tells, written down: messages, and the status that was seen by it.

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::ports::{
    AppendError, HookError, MessageRepository, ObserveError, SessionFilter, SessionQuery, SessionRepository,
    StoreUnavailable,
};
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::{IngestError, IngestMessages, MessageInput, ReportStatus};
use serde_json::{Map, Value, json};

use crate::hook::{Event, Hook, shortened};
use crate::ids;

/// Fields that every body has, or that stand in the content already.
const NOT_KEPT: [&str; 8] = [
    "session_id",
    "hook_event_name",
    "transcript_path",
    "cwd",
    "prompt",
    "last_assistant_message",
    "tool_response",
    "agent_transcript_path",
];

/// How far back the last thing is looked for that was said.
const LOOK_BACK: usize = 8;

/// Writes down what hooks tell.
pub(crate) struct Record<'a> {
    pub(crate) sessions: &'a dyn SessionRepository,
    pub(crate) messages: &'a dyn MessageRepository,
    pub(crate) ingest: &'a IngestMessages,
    pub(crate) report: &'a ReportStatus,
}

/// What is said, by whom, and what makes it happen once.
struct Said {
    role: MessageRole,
    content: String,
    kind: &'static str,
    /// Where Claude Code itself names it.
    once: Option<String>,
}

impl Record<'_> {
    /// Writes a hook down. What it says stands in the conversation before the status that follows from it, but for the
    /// beginning of work.
    pub(crate) async fn write(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        let at_work = hook.event.is_within_a_turn() || hook.event == Event::SubagentStart;
        if at_work && !matches!(session.status, SessionStatus::Running | SessionStatus::Paused) {
            self.see(session.id, SessionStatus::Running, None).await?;
        }
        self.say(session, hook).await?;
        match hook.event {
            Event::StopFailure => self.see(session.id, SessionStatus::Idle, reason(hook, "error")).await,
            // It waits for a prompt, but for one that goes on behind a summary of itself.
            Event::SessionStart if hook.text("source") != Some("compact") => {
                self.see(session.id, SessionStatus::Idle, None).await
            }
            Event::SessionEnd => self.end(session, reason(hook, "reason")).await,
            _ => Ok(()),
        }
    }

    /// Notes that a session was seen in a status. One that the machine does not know from where the session stands says
    /// nothing new.
    pub(crate) async fn see(
        &self,
        id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
    ) -> Result<(), HookError> {
        match self.report.execute(id, status, reason).await {
            Ok(_) => Ok(()),
            Err(ObserveError::Unavailable(error)) => Err(error.into()),
            Err(error @ (ObserveError::Illegal(_) | ObserveError::UnknownSession(_))) => {
                tracing::debug!(%error, "a hook tells of a status that cannot follow");
                Ok(())
            }
        }
    }

    /// Ends a session, and its sub-agents that were not heard to end.
    async fn end(&self, session: &Session, reason: Option<Reason>) -> Result<(), HookError> {
        let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
        let filter = SessionFilter { subtree: Some(session.id), statuses, ..SessionFilter::default() };
        let page = self.sessions.list(SessionQuery { filter, after: None, limit: 1_000, heads_only: true }).await?;
        let below = page.sessions.iter().filter(|below| below.id != session.id && below.provider == session.provider);
        for below in below {
            self.see(below.id, SessionStatus::Completed, Reason::new("the session above it ended").ok()).await?;
        }
        let killed = session.desired_status == DesiredStatus::Killed;
        let end = if killed { SessionStatus::Killed } else { SessionStatus::Completed };
        self.see(session.id, end, reason).await
    }

    async fn say(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        let Some(said) = said(hook) else { return Ok(()) };
        let fingerprint = ids::fingerprint(&Value::Object(hook.body.clone()));
        let once = match said.once {
            Some(once) => once,
            None => match self.place_of(session, &fingerprint).await? {
                Some(place) => format!("{fingerprint}/{place}"),
                None => return Ok(()),
            },
        };
        let content = shortened(said.content.trim(), MessageContent::LIMIT).replace('\0', "\u{fffd}");
        let content = MessageContent::new(content).or_else(|_| MessageContent::new("(nothing)"));
        let Ok(content) = content else { return Ok(()) };
        let message = MessageInput {
            id: Some(ids::message(session.id, &once)),
            role: said.role,
            content,
            metadata: metadata(hook, said.kind, &fingerprint),
            usage: used(hook),
            created_at: None,
        };
        match self.ingest.execute(session.id, vec![message]).await {
            Ok(_) => Ok(()),
            Err(IngestError::Append(AppendError::Unavailable(error))) => Err(error.into()),
            // Ended meanwhile, or told before in other words: what stands there stays.
            Err(error) => {
                tracing::debug!(%error, "a hook is not written down");
                Ok(())
            }
        }
    }

    /// Of a hook that nothing names: the place behind which it stands, so that the same words later are another message.
    /// `None` when it is what was said last: then it is the same call again.
    async fn place_of(&self, session: &Session, fingerprint: &str) -> Result<Option<Seq>, StoreUnavailable> {
        let newest = self.newest(session, LOOK_BACK).await?;
        // A status that followed from it stands behind it.
        let status = |message: &&Message| message.metadata.as_map().get("type").is_some_and(|kind| kind == "status");
        let last = newest.iter().rev().find(|message| !status(message));
        let told = last.and_then(|message| message.metadata.as_map().get("hookId")).and_then(Value::as_str);
        let place = newest.last().map_or(Seq::ZERO, |message| message.seq);
        Ok((told != Some(fingerprint)).then_some(place))
    }

    /// The last messages of a session, in their order.
    pub(crate) async fn newest(&self, session: &Session, count: usize) -> Result<Vec<Message>, StoreUnavailable> {
        let end = Seq::new(u64::MAX);
        Ok(self.messages.before(session.id, end, count).await?.map(|slice| slice.messages).unwrap_or_default())
    }
}

fn reason(hook: &Hook, field: &str) -> Option<Reason> {
    hook.text(field).and_then(|text| Reason::new(shortened(text, Reason::LIMIT)).ok())
}

fn said(hook: &Hook) -> Option<Said> {
    let text = |field| hook.text(field).unwrap_or_default().to_owned();
    let tool_use = |what: &str| hook.text("tool_use_id").map(|id| format!("{what}/{id}"));
    let (role, content, kind, once) = match hook.event {
        Event::UserPromptSubmit => {
            let once = hook.text("prompt_id").map(|id| format!("prompt/{id}"));
            (MessageRole::User, text("prompt"), "prompt", once)
        }
        Event::PreToolUse => (MessageRole::Assistant, hook.tool(), "tool_call", tool_use("call")),
        Event::PostToolUse => (MessageRole::Tool, result(hook), "tool_result", tool_use("result")),
        Event::PostToolUseFailure => (MessageRole::Tool, text("error"), "tool_error", tool_use("result")),
        Event::Stop | Event::SubagentStop => {
            let last = hook.text("last_assistant_message")?;
            (MessageRole::Assistant, last.to_owned(), "answer", None)
        }
        Event::StopFailure => (MessageRole::System, failure(hook), "failure", None),
        Event::Notification => (MessageRole::System, text("message"), "notification", None),
        Event::SessionStart => {
            let how = hook.text("source").map(|source| format!(" ({source})")).unwrap_or_default();
            (MessageRole::System, format!("session started{how}"), "session", None)
        }
        // The status tells of it, and what is asked is a permission request.
        Event::SessionEnd | Event::PermissionRequest => return None,
        Event::SubagentStart => (MessageRole::System, "sub-agent started".to_owned(), "session", None),
        Event::Other => (MessageRole::System, format!("hook {}", hook.name), "hook", None),
    };
    Some(Said { role, content, kind, once })
}

fn failure(hook: &Hook) -> String {
    let told: Vec<&str> = ["last_assistant_message", "error_details", "error"]
        .into_iter()
        .filter_map(|field| hook.text(field))
        .take(1)
        .collect();
    told.first().map_or_else(|| "the turn failed".to_owned(), |text| (*text).to_owned())
}

/// What a tool answered, as text where it is one.
fn result(hook: &Hook) -> String {
    match hook.value("tool_response") {
        None | Some(Value::Null) => "(nothing)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(response) => {
            let output =
                ["stdout", "stderr"].map(|field| response.get(field).and_then(Value::as_str).unwrap_or_default());
            let output = output.join("\n");
            let blocks = response.get("content").unwrap_or(response).as_array();
            let blocks = blocks.into_iter().flatten().filter_map(|block| block.get("text").and_then(Value::as_str));
            let blocks: Vec<&str> = blocks.collect();
            if !output.trim().is_empty() {
                output.trim().to_owned()
            } else if blocks.is_empty() {
                response.to_string()
            } else {
                blocks.join("\n")
            }
        }
    }
}

/// What a sub-agent used, which the result of the tool that ran it tells.
fn used(hook: &Hook) -> Option<Usage> {
    let usage = hook.value("tool_response").filter(|_| hook.event == Event::PostToolUse)?.get("usage")?;
    let count = |field| usage.get(field).and_then(Value::as_u64);
    let told = json!({
        "inputTokens": count("input_tokens"),
        "outputTokens": count("output_tokens"),
        "cacheReadTokens": count("cache_read_input_tokens"),
        "cacheWriteTokens": count("cache_creation_input_tokens"),
    });
    serde_json::from_value(told).ok()
}

/// Everything that does not stand in the content, unknown fields too; without what makes it too long.
fn metadata(hook: &Hook, kind: &str, fingerprint: &str) -> JsonObject {
    let kept = |(field, _): &(&String, &Value)| !NOT_KEPT.contains(&field.as_str());
    let data: Map<String, Value> =
        hook.body.iter().filter(kept).map(|(field, value)| (field.clone(), value.clone())).collect();
    let with = |data: Value| json!({"type": kind, "hook": hook.name, "hookId": fingerprint, "data": data});
    let object = |value: Value| value.as_object().cloned().and_then(|map| JsonObject::new(map).ok());
    let whole = object(with(Value::Object(data.clone())));
    let shortened = || {
        let most = JsonObject::LIMIT / 16;
        let cut = |(field, value): (&String, &Value)| {
            let text = value.to_string();
            let value = if text.len() > most { Value::String(shortened(&text, most)) } else { value.clone() };
            (field.clone(), value)
        };
        object(with(Value::Object(data.iter().map(cut).take(12).collect())))
    };
    whole.or_else(shortened).unwrap_or_default()
}
