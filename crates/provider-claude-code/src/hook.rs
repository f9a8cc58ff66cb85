//! The body of a hook.

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::ports::HookError;
use serde_json::{Map, Value};

/// What a hook is about, as far as it makes a difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    SessionStart,
    UserPromptSubmit,
    PreToolUse,
    PermissionRequest,
    PermissionDenied,
    PostToolUse,
    PostToolUseFailure,
    PostToolBatch,
    Notification,
    SubagentStart,
    SubagentStop,
    Stop,
    StopFailure,
    SessionEnd,
    /// Any other: written down.
    Other,
    /// The body does not say, or what it says could not be read.
    Unknown,
}

impl Event {
    fn named(name: &str) -> Self {
        match name {
            "SessionStart" => Self::SessionStart,
            "UserPromptSubmit" => Self::UserPromptSubmit,
            "PreToolUse" => Self::PreToolUse,
            "PermissionRequest" => Self::PermissionRequest,
            "PermissionDenied" => Self::PermissionDenied,
            "PostToolUse" => Self::PostToolUse,
            "PostToolUseFailure" => Self::PostToolUseFailure,
            "PostToolBatch" => Self::PostToolBatch,
            "Notification" => Self::Notification,
            "SubagentStart" => Self::SubagentStart,
            "SubagentStop" => Self::SubagentStop,
            "Stop" => Self::Stop,
            "StopFailure" => Self::StopFailure,
            "SessionEnd" => Self::SessionEnd,
            _ => Self::Other,
        }
    }

    /// Whether text that the answer brings as additional context reaches the agent.
    pub(crate) const fn takes_context(self) -> bool {
        matches!(
            self,
            Self::SessionStart
                | Self::UserPromptSubmit
                | Self::PreToolUse
                | Self::PostToolUse
                | Self::PostToolUseFailure
                | Self::SubagentStart
        )
    }

    /// Whether an answer can keep the agent from ending its turn here.
    pub(crate) const fn ends_a_turn(self) -> bool {
        matches!(self, Self::Stop | Self::SubagentStop)
    }

    /// Whether the agent stops when the answer says so, or has stopped by itself. Others are told all the same, and it
    /// proves nothing: `docs/agents.md` has what was seen of each.
    pub(crate) const fn heeds_a_stop(self) -> bool {
        matches!(
            self,
            Self::UserPromptSubmit
                | Self::PreToolUse
                | Self::PermissionRequest
                | Self::PostToolUse
                | Self::PostToolBatch
                | Self::Stop
                | Self::SubagentStop
                | Self::SessionEnd
        )
    }

    /// Whether a turn goes on here that the answer can end.
    pub(crate) const fn can_be_interrupted(self) -> bool {
        self.heeds_a_stop() && !self.ends_a_turn() && !matches!(self, Self::SessionEnd)
    }

    /// Whether it comes from a turn that goes on.
    pub(crate) const fn is_within_a_turn(self) -> bool {
        matches!(
            self,
            Self::UserPromptSubmit
                | Self::PreToolUse
                | Self::PostToolUse
                | Self::PostToolUseFailure
                | Self::PostToolBatch
        )
    }

    /// Whether the agent is about to run a tool, and does so unless the answer forbids it.
    pub(crate) const fn is_before_a_tool(self) -> bool {
        matches!(self, Self::PreToolUse | Self::PermissionRequest)
    }

    /// Whether it begins work, also in a session that had ended: one that is resumed, or whose end was announced too early.
    pub(crate) const fn begins(self) -> bool {
        matches!(self, Self::SessionStart | Self::UserPromptSubmit | Self::SubagentStart) || self.is_before_a_tool()
    }
}

/// The body of a hook, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) event: Event,
    /// The event in Claude Code's words.
    pub(crate) name: String,
    pub(crate) session_id: String,
    /// The sub-agent that it comes from.
    pub(crate) agent_id: Option<String>,
    pub(crate) agent_type: Option<String>,
    /// All of it.
    pub(crate) body: Map<String, Value>,
}

/// The longest id of Claude Code's that is taken, in bytes; its own are UUIDs and shorter.
const LONGEST_ID: usize = 200;

impl Hook {
    /// Takes a body apart. One that does not name its event is taken, for an answer has to be given to whatever a
    /// controlled session asks.
    pub(crate) fn read(body: Map<String, Value>) -> Result<Self, HookError> {
        let session_id = match required(&body, "session_id") {
            // Whoever sends something else altogether is told what a hook begins with.
            Err(_) if !body.contains_key("session_id") => {
                required(&body, "hook_event_name")?;
                required(&body, "session_id")?
            }
            session_id => session_id?,
        };
        let text = |field| body.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let name = text("hook_event_name").unwrap_or_default().to_owned();
        let event = if name.is_empty() { Event::Unknown } else { Event::named(&name) };
        let agent_id = text("agent_id").map(|id| shortened(id, LONGEST_ID));
        let agent_type = text("agent_type").map(ToOwned::to_owned);
        Ok(Self { event, name, session_id, agent_id, agent_type, body })
    }

    /// The fault of a body that was read whole and does not name its event.
    pub(crate) fn nameless(&self) -> HookError {
        match required(&self.body, "hook_event_name") {
            Err(error) => error,
            Ok(_) => HookError::Invalid { field: "hook_event_name", problem: "is not known".to_owned() },
        }
    }

    /// Whether Claude Code itself says that a task in the background has ended, rather than a person something.
    pub(crate) fn is_notice_of_a_task(&self) -> bool {
        self.event == Event::UserPromptSubmit && self.text("prompt").is_some_and(is_notice_of_a_task)
    }

    /// A field that is a text with something in it.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        self.body.get(field)
    }

    /// The tool, and the one line of what it is to do.
    pub(crate) fn tool(&self) -> String {
        let tool = self.text("tool_name").unwrap_or("a tool");
        match self.value("tool_input").map(summary) {
            Some(what) if !what.is_empty() => format!("{tool}: {what}"),
            _ => tool.to_owned(),
        }
    }
}

/// Whether a prompt is Claude Code's own, about a task in the background.
pub(crate) fn is_notice_of_a_task(prompt: &str) -> bool {
    prompt.trim_start().starts_with("<task-notification>")
}

fn required(body: &Map<String, Value>, field: &'static str) -> Result<String, HookError> {
    let invalid = |problem: &str| HookError::Invalid { field, problem: problem.to_owned() };
    match body.get(field) {
        Some(Value::String(text)) if text.trim().is_empty() => Err(invalid("must not be empty")),
        Some(Value::String(text)) if text.len() > LONGEST_ID => Err(invalid("is too long")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(invalid("must be a text")),
        None => Err(invalid("is missing; this is not the body of a hook of Claude Code")),
    }
}

/// What a tool is given, in one line.
fn summary(input: &Value) -> String {
    let telling =
        ["command", "file_path", "notebook_path", "pattern", "url", "query", "description", "prompt", "skill"];
    let told = telling.iter().find_map(|field| input.get(field)).and_then(Value::as_str);
    let text = told.map_or_else(|| if input.is_null() { String::new() } else { input.to_string() }, ToOwned::to_owned);
    one_line(&text, 300)
}

/// The beginning of a text, with a mark where something was left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mark = '…';
    let mut end = most.saturating_sub(mark.len_utf8());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}{mark}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better with a literal")]
    fn read(value: Value) -> Result<Hook, String> {
        Hook::read(value.as_object().cloned().expect("an object")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_needs_its_session_and_nothing_else() {
        let hook = read(json!({"hook_event_name": "FromTheFuture", "session_id": "s", "new": [1]})).expect("taken");
        assert_eq!((hook.event, hook.name.as_str()), (Event::Other, "FromTheFuture"));
        let nameless = read(json!({"session_id": "s"})).expect("taken");
        assert_eq!(nameless.event, Event::Unknown);
        assert!(nameless.nameless().to_string().starts_with("hook_event_name: is missing"));
        assert!(read(json!({"hook_event_name": "Stop", "session_id": 7})).expect_err("refused").contains("a text"));
        assert!(read(json!({"hook_event_name": "Stop", "session_id": " "})).expect_err("refused").contains("empty"));
    }

    #[test]
    fn a_tool_call_is_told_in_one_line() {
        let told = |tool: &str, input| {
            read(json!({"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": tool, "tool_input": input}))
                .expect("taken")
                .tool()
        };
        assert_eq!(told("Bash", json!({"command": "ls\n  -la", "description": "look"})), "Bash: ls -la");
        assert_eq!(told("Write", json!({"content": "x", "file_path": "/a b"})), "Write: /a b");
        assert_eq!(told("mcp__m__t", json!({"n": 1})), r#"mcp__m__t: {"n":1}"#);
        assert_eq!(told("Bash", json!({"command": "é".repeat(400)})).len(), "Bash: ".len() + 299);
    }
}
