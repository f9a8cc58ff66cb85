//! What a message means for the spans of its session.

use serde_json::Value as Json;

use crate::ids::Seq;
use crate::message::{Author, Message, MessageRole};
use crate::session::SessionStatus;
use crate::telemetry::written::{call_id, tool_name};
use crate::time::Timestamp;
use crate::usage::Usage;

/// The most characters of a text in a span.
const LONGEST: usize = 8_000;

/// What a message means for the spans of its session. It is small, so that a long conversation fits into memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The place of the message.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// Its role.
    pub role: MessageRole,
    /// Whether it tells that a turn or the session ended.
    pub is_end: bool,
    /// What was used for it.
    pub usage: Option<Usage>,
    /// The tool call that it is about.
    pub tool: Option<ToolStep>,
    /// What it says, if that is wanted.
    pub text: Option<String>,
}

/// What a message tells of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolStep {
    /// The agent's id of the call.
    pub call: Option<String>,
    /// The name of the tool.
    pub name: Option<String>,
    /// Whether the call begins with it; otherwise it has ended.
    pub begins: bool,
    /// Whether it failed, if that is known.
    pub failed: Option<bool>,
    /// How long it took, in milliseconds, if the message says so.
    pub duration_ms: Option<u64>,
}

impl Step {
    /// What a message means; with what it says only if that is wanted.
    #[must_use]
    pub fn of(message: &Message, with_text: bool) -> Self {
        let map = message.metadata.as_map();
        let word = |name: &str| map.get(name).and_then(Json::as_str);
        let kind = word("type").unwrap_or_default();
        let is_end = message.role == MessageRole::System
            && Author::of(&message.metadata) == Some(Author::Server)
            && kind == "status"
            && word("to").and_then(|to| to.parse::<SessionStatus>().ok()).is_some_and(super::span::is_end);
        let is_tool = message.role == MessageRole::Tool || kind == "tool_call";
        let tool = is_tool.then(|| ToolStep {
            call: call_id(map),
            name: tool_name(map),
            begins: kind == "tool_call",
            failed: match (map.get("failed").and_then(Json::as_bool), kind) {
                (Some(failed), _) => Some(failed),
                (None, "tool_error" | "tool_denied") => Some(true),
                _ => None,
            },
            duration_ms: map.get("durationMs").and_then(Json::as_u64),
        });
        Self {
            seq: message.seq,
            at: message.created_at,
            role: message.role,
            is_end,
            usage: Usage::of(&message.metadata),
            tool,
            text: with_text.then(|| message.content.as_str().chars().take(LONGEST).collect()),
        }
    }
}
