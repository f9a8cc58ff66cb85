//! What a hook says, as a message of the conversation.

use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::usage::Usage;
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

/// The tools that run a sub-agent: what such a call has used is in its result. Other tools may have a field of that name, and
/// whatever in it.
const AGENT_TOOLS: [&str; 2] = ["Agent", "Task"];

/// What is said, by whom, and what makes it happen once.
pub(crate) struct Said {
    pub(crate) role: MessageRole,
    pub(crate) content: String,
    pub(crate) kind: &'static str,
    /// Where Claude Code itself names it.
    pub(crate) once: Option<String>,
}

/// What a hook says; `None` where it says nothing that is not known from elsewhere.
pub(crate) fn said(hook: &Hook) -> Option<Said> {
    let text = |field| hook.text(field).unwrap_or_default().to_owned();
    let tool_use = |what: &str| hook.text("tool_use_id").map(|id| format!("{what}/{id}"));
    let (role, content, kind, once) = match hook.event {
        Event::UserPromptSubmit => {
            // What is said into a turn that goes on comes under the id of the turn's prompt.
            let words = ids::fingerprint(&text("prompt").into());
            let once = hook.text("prompt_id").map(|id| format!("prompt/{id}/{words}"));
            (MessageRole::User, text("prompt"), "prompt", once)
        }
        Event::PreToolUse => (MessageRole::Assistant, hook.tool(), "tool_call", tool_use("call")),
        Event::PostToolUse => {
            (MessageRole::Tool, result(hook.value("tool_response")), "tool_result", tool_use("result"))
        }
        Event::PostToolUseFailure => (MessageRole::Tool, text("error"), "tool_error", tool_use("result")),
        Event::PermissionDenied => {
            let why = hook.text("reason").map(|why| format!(": {why}")).unwrap_or_default();
            (MessageRole::Tool, format!("denied{why}"), "tool_denied", tool_use("denied"))
        }
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
        // The status tells of it, what is asked is a permission request, and the results of a batch came one by one.
        Event::SessionEnd | Event::PermissionRequest | Event::PostToolBatch => return None,
        Event::SubagentStart => (MessageRole::System, "sub-agent started".to_owned(), "agent", None),
        Event::Other => (MessageRole::System, format!("hook {}", hook.name), "hook", None),
        Event::Unknown => (MessageRole::System, "a hook that does not name its event".to_owned(), "hook", None),
    };
    Some(Said { role, content, kind, once })
}

fn failure(hook: &Hook) -> String {
    let told = ["last_assistant_message", "error_details", "error"].into_iter().find_map(|field| hook.text(field));
    told.unwrap_or("the turn failed").to_owned()
}

/// What a tool answered, as text where it is one.
pub(crate) fn result(response: Option<&Value>) -> String {
    match response {
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
pub(crate) fn used(hook: &Hook) -> Option<Usage> {
    let by_agent =
        hook.event == Event::PostToolUse && hook.text("tool_name").is_some_and(|tool| AGENT_TOOLS.contains(&tool));
    let usage = hook.value("tool_response").filter(|_| by_agent)?.get("usage")?;
    let count = |field| usage.get(field).and_then(Value::as_u64);
    let told = json!({
        "inputTokens": count("input_tokens"),
        "outputTokens": count("output_tokens"),
        "cacheReadTokens": count("cache_read_input_tokens"),
        "cacheWriteTokens": count("cache_creation_input_tokens"),
    });
    serde_json::from_value(told).ok()
}

/// The task that goes on in the background after its call has answered.
fn background(hook: &Hook) -> Option<&str> {
    hook.value("tool_response").filter(|_| hook.event == Event::PostToolUse)?.get("backgroundTaskId")?.as_str()
}

/// Everything that does not stand in the content, unknown fields too; without what makes it too long.
pub(crate) fn metadata(hook: &Hook, kind: &str, fingerprint: &str) -> JsonObject {
    let kept = |(field, _): &(&String, &Value)| !NOT_KEPT.contains(&field.as_str());
    let data: Map<String, Value> =
        hook.body.iter().filter(kept).map(|(field, value)| (field.clone(), value.clone())).collect();
    let with = |data: Value| {
        let mut all = json!({"type": kind, "hook": hook.name, "hookId": fingerprint, "data": data});
        if let (Some(task), Some(all)) = (background(hook), all.as_object_mut()) {
            all.insert("background".to_owned(), shortened(task, 200).into());
        }
        all
    };
    let object = |value: Value| value.as_object().cloned().and_then(|map| JsonObject::new(map).ok());
    let whole = object(with(Value::Object(data.clone())));
    let cut = || {
        let most = JsonObject::LIMIT / 16;
        let mut fields: Vec<(String, Value)> = data
            .iter()
            .map(|(field, value)| {
                let text = value.to_string();
                let value = if text.len() > most { Value::String(shortened(&text, most)) } else { value.clone() };
                (shortened(field, 200), value)
            })
            .collect();
        // What names a call is short, and is never left out for what is long.
        fields.sort_by_key(|(_, value)| value.to_string().len());
        object(with(Value::Object(fields.into_iter().take(12).collect())))
    };
    whole.or_else(cut).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(body: &Value) -> Hook {
        Hook::read(body.as_object().cloned().expect("an object")).expect("a hook")
    }

    fn after(tool: &str) -> Hook {
        hook(&json!({"session_id": "s", "hook_event_name": "PostToolUse", "tool_name": tool,
            "tool_response": {"usage": {"input_tokens": 999_999, "output_tokens": 5}}}))
    }

    #[test]
    fn only_the_calls_of_agents_tell_what_was_used() {
        assert_eq!(used(&after("Agent")).map(|usage| usage.input_tokens()), Some(999_999));
        assert!(used(&after("Task")).is_some());
        assert_eq!(used(&after("mcp__shop__search")), None);
        assert_eq!(used(&after("Bash")), None);
    }

    #[test]
    fn what_names_a_call_is_kept_however_long_the_rest_is() {
        let mut body = json!({"session_id": "s", "hook_event_name": "PreToolUse", "tool_use_id": "toolu_1"});
        for n in 0..30 {
            body[format!("field{n}")] = "x".repeat(JsonObject::LIMIT / 10).into();
        }
        let kept = metadata(&hook(&body), "tool_call", "f");
        assert_eq!(kept.as_map()["data"]["tool_use_id"], "toolu_1");
    }
}
