//! The lines of `codex exec --json`.

use serde_json::{Value, json};

use super::lines::{Reader, said, usage};

/// Its input counts what came out of the cache, too; see [`uncached`].
const NAMES: [(&str, &str); 4] = [
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadTokens", "cached_input_tokens"),
    ("cacheWriteTokens", "cache_write_tokens"),
];

/// Reads them.
#[derive(Debug)]
pub(super) struct Codex;

impl Reader for Codex {
    fn read(&mut self, line: &str) -> Vec<Value> {
        let Ok(event) = serde_json::from_str::<Value>(line.trim()) else {
            return said("system", line, &json!({"type": "output"})).into_iter().collect();
        };
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let message = match text("/type") {
            "thread.started" => {
                said("system", "session started", &json!({"type": "session", "threadId": text("/thread_id")}))
            }
            "item.started" if text("/item/type") == "command_execution" => {
                let kept = json!({"type": "tool_call", "toolUseId": text("/item/id")});
                said("assistant", &format!("command: {}", text("/item/command")), &kept)
            }
            "item.completed" => event.get("item").and_then(item),
            "turn.completed" => turn(&event),
            "turn.failed" => {
                said("system", &format!("turn failed: {}", text("/error/message")), &json!({"type": "failure"}))
            }
            "error" => said("system", text("/message"), &json!({"type": "failure"})),
            _ => None,
        };
        message.into_iter().collect()
    }
}

fn item(item: &Value) -> Option<Value> {
    let text = |field: &str| item.get(field).and_then(Value::as_str).unwrap_or_default();
    let kept = |kind: &str| json!({"type": kind, "toolUseId": text("id"), "status": item.get("status")});
    match text("type") {
        "agent_message" => said("assistant", text("text"), &json!({"type": "answer"})),
        "reasoning" => said("assistant", text("text"), &json!({"type": "thought"})),
        "command_execution" => {
            let output = text("aggregated_output");
            let output = if output.trim().is_empty() { "(nothing)" } else { output };
            let mut kept = kept("tool_result");
            kept.as_object_mut()?.insert("exitCode".to_owned(), item.get("exit_code").cloned().unwrap_or_default());
            said("tool", output, &kept)
        }
        "error" => said("system", text("message"), &json!({"type": "failure"})),
        // Changed files, searches, plans, calls of tools: as they are.
        "" => None,
        other => {
            let mut kept = kept("tool_result");
            kept.as_object_mut()?.insert("item".to_owned(), item.clone());
            said("tool", &format!("{other}: {item}"), &kept)
        }
    }
}

fn turn(event: &Value) -> Option<Value> {
    let mut message = said("system", "turn ended", &json!({"type": "result"}))?;
    let usage = usage(&uncached(event.get("usage")?), NAMES, None);
    message.as_object_mut()?.extend(usage.map(|usage| ("usage".to_owned(), usage)));
    Some(message)
}

/// The input without what came out of the cache, which is counted apart here.
fn uncached(usage: &Value) -> Value {
    let mut usage = usage.clone();
    let count = |field: &str| usage.get(field).and_then(Value::as_u64).unwrap_or_default();
    let input = count("input_tokens").saturating_sub(count("cached_input_tokens"));
    if let Some(usage) = usage.as_object_mut().filter(|usage| usage.contains_key("input_tokens")) {
        usage.insert("input_tokens".to_owned(), input.into());
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &Value) -> Option<Value> {
        Codex.read(&event.to_string()).pop()
    }

    #[test]
    fn items_are_messages() {
        let completed = |item: Value| read(&json!({"type": "item.completed", "item": item})).expect("a message");
        let answer = completed(json!({"id": "i1", "type": "agent_message", "text": "Done."}));
        assert_eq!((&answer["role"], &answer["content"]), (&json!("assistant"), &json!("Done.")));
        let ran =
            completed(json!({"id": "i2", "type": "command_execution", "command": "ls", "aggregated_output": "a\n",
            "exit_code": 0, "status": "completed"}));
        assert_eq!((&ran["role"], &ran["metadata"]["exitCode"]), (&json!("tool"), &json!(0)));
        let other =
            completed(json!({"id": "i3", "type": "file_change", "changes": [{"path": "a.rs", "kind": "update"}]}));
        assert_eq!(other["metadata"]["item"]["changes"][0]["path"], "a.rs");
        let began = json!({"type": "item.started", "item": {"id": "i2", "type": "command_execution", "command": "ls"}});
        assert_eq!(read(&began).expect("a message")["content"], "command: ls");
        assert_eq!(read(&json!({"type": "turn.started"})), None);
    }

    #[test]
    fn a_turn_counts_what_came_out_of_the_cache_apart() {
        let usage = json!({"input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 7});
        let ended = read(&json!({"type": "turn.completed", "usage": usage})).expect("a message");
        assert_eq!(ended["usage"], json!({"inputTokens": 40, "outputTokens": 7, "cacheReadTokens": 60}));
    }
}
