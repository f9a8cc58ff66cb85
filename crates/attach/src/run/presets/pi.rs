//! The lines of `pi --mode json`.

use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::reading::{Preset, Reader, call, content, flag_is, output, text};
use crate::run::count::{Count, Names, cost, reading};
use crate::run::told::Told;

pub(super) const PRESET: Preset = Preset {
    name: "pi",
    programs: &["pi", "@earendil-works/pi-coding-agent", "@mariozechner/pi-coding-agent", "pi-coding-agent"],
    speaks: |program| flag_is(program, &["--mode"], &["json"]),
    begins: |event| text(event, "/type") == "session" && event.get("version").is_some() && event.get("id").is_some(),
    totals_go_on: false,
    reader: |_| Box::new(Pi::default()),
};

const NAMES: Names = ["input", "output", "cacheRead", "cacheWrite"];
/// What comes besides: the begin and the end of what is told in full by `message_end`, and its pieces.
const QUIET: [&str; 9] = [
    "agent_start",
    "agent_end",
    "turn_start",
    "turn_end",
    "message_start",
    "message_update",
    "tool_execution_start",
    "tool_execution_update",
    "tool_execution_end",
];

/// Reads them. Each message tells what it used, when it has ended.
#[derive(Default)]
struct Pi {
    count: Count,
}

impl Reader for Pi {
    fn event(&mut self, event: &Value, _written: &str, told: &mut Told) -> bool {
        match text(event, "/type") {
            "session" => {
                let id = text(event, "/id");
                told.say("system", "session started", &json!({"type": "session", "sessionId": id}));
                told.session(id);
            }
            "message_end" => return event.get("message").is_some_and(|message| self.message(message, told)),
            quiet if QUIET.contains(&quiet) => told.hush(),
            _ => return false,
        }
        true
    }
}

impl Pi {
    fn message(&mut self, message: &Value, told: &mut Told) -> bool {
        match text(message, "/role") {
            "user" if message.get("content").is_some() => {
                told.say("user", &content(message.get("content")), &json!({"type": "prompt"}));
            }
            "toolResult" => {
                let failed = message.get("isError").and_then(Value::as_bool).unwrap_or(false);
                let kind = if failed { "tool_error" } else { "tool_result" };
                let kept = json!({"type": kind, "toolUseId": text(message, "/toolCallId")});
                told.say("tool", output(&content(message.get("content"))), &kept);
            }
            "assistant" => {
                let Some(parts) = message.get("content").and_then(Value::as_array) else { return false };
                for part in parts {
                    assistant(part, told);
                }
                let why = text(message, "/errorMessage");
                if !why.is_empty() {
                    told.say("system", why, &json!({"type": "failure"}));
                }
                if let Some(usage) = message.get("usage") {
                    let cost_usd = usage.pointer("/cost/total").and_then(cost);
                    let used = reading(usage, NAMES, message.get("model").and_then(Value::as_str));
                    told.used(self.count.since(Reading { cost_usd, ..used }));
                }
            }
            _ => return false,
        }
        true
    }
}

fn assistant(part: &Value, told: &mut Told) {
    let is_text = |field: &str| part.get(field).is_some_and(Value::is_string);
    match text(part, "/type") {
        "text" if is_text("text") => told.say("assistant", text(part, "/text"), &json!({"type": "answer"})),
        "thinking" if is_text("thinking") => {
            told.say("assistant", text(part, "/thinking"), &json!({"type": "thought"}));
        }
        "toolCall" => {
            let (id, name, input) = (text(part, "/id"), text(part, "/name"), part.get("arguments"));
            let kept = json!({"type": "tool_call", "toolUseId": id, "tool": name, "input": input});
            told.say("assistant", &call(name, input), &kept);
        }
        _ => told.say("system", "part that is not known", &json!({"type": "event", "events": [part]})),
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::read_by;
    use super::*;

    #[test]
    fn a_message_is_told_and_counted_when_it_ends() {
        let usage = json!({"input": 700, "output": 40, "cacheRead": 300, "cacheWrite": 0, "cost": {"total": 0.00279}});
        let parts = json!([{"type": "text", "text": "Looking."},
            {"type": "toolCall", "id": "c", "name": "bash", "arguments": {"command": "ls"}}]);
        let message = json!({"role": "assistant", "content": parts, "model": "m", "usage": usage});
        let tool = json!({"role": "toolResult", "toolCallId": "c", "content": [{"type": "text", "text": "a.rs"}]});
        let read = read_by(
            "pi",
            &[
                json!({"type": "session", "version": 3, "id": "s"}),
                json!({"type": "message_end", "message": {"role": "user", "content": [{"type": "text", "text": "go"}]}}),
                json!({"type": "message_update", "message": message}),
                json!({"type": "message_end", "message": message}),
                json!({"type": "message_end", "message": tool}),
                json!({"type": "agent_end", "messages": [message]}),
            ],
        );
        assert_eq!(
            read.said,
            ["system: session started", "user: go", "assistant: Looking.", "assistant: bash: ls", "tool: a.rs"]
        );
        assert_eq!((read.tokens, read.cost.as_str()), ([700, 40, 300, 0], "0.00279"));
    }
}
