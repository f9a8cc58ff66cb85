//! The lines of `claude -p --output-format stream-json`.

use serde_json::{Value, json};

use super::lines::{Reader, said, usage};

const NAMES: [(&str, &str); 4] = [
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadTokens", "cache_read_input_tokens"),
    ("cacheWriteTokens", "cache_creation_input_tokens"),
];

/// Reads them. Usage is taken from the results alone: the lines before repeat theirs with every part of an answer.
#[derive(Debug, Default)]
pub(super) struct Claude {
    /// What the results so far have cost: each tells the sum of its whole session.
    cost: f64,
}

impl Reader for Claude {
    fn read(&mut self, line: &str) -> Vec<Value> {
        let Ok(event) = serde_json::from_str::<Value>(line.trim()) else {
            return said("system", line, &json!({"type": "output"})).into_iter().collect();
        };
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "system" if text("subtype") == "init" => {
                let model = text("model");
                let kept = json!({"type": "session", "sessionId": event.get("session_id"), "model": model});
                said("system", &format!("session started ({model})"), &kept).into_iter().collect()
            }
            "assistant" => blocks(&event).filter_map(|block| assistant(&block, &event)).collect(),
            "user" => blocks(&event).filter_map(|block| tool_result(&block, &event)).collect(),
            "result" => self.result(&event).into_iter().collect(),
            // Parts of answers, which come whole as well, and whatever there is besides.
            _ => Vec::new(),
        }
    }
}

impl Claude {
    fn result(&mut self, event: &Value) -> Option<Value> {
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        let total = event.get("total_cost_usd").and_then(Value::as_f64);
        let cost = total.map(|total| if total >= self.cost { total - self.cost } else { total });
        self.cost = total.unwrap_or(self.cost);
        let failed = event.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let how = if failed { "turn failed" } else { "turn ended" };
        let kept = json!({"type": "result", "subtype": text("subtype"), "turns": event.get("num_turns"),
            "durationMs": event.get("duration_ms")});
        let mut message = said("system", &format!("{how} ({})", text("subtype")), &kept)?;
        let usage = usage(event.get("usage").unwrap_or(&Value::Null), NAMES, cost);
        message.as_object_mut()?.extend(usage.map(|usage| ("usage".to_owned(), usage)));
        Some(message)
    }
}

/// The parts of a message; a text stands for one.
fn blocks(event: &Value) -> impl Iterator<Item = Value> {
    let blocks = match event.pointer("/message/content") {
        Some(Value::Array(blocks)) => blocks.clone(),
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    };
    blocks.into_iter()
}

fn assistant(block: &Value, event: &Value) -> Option<Value> {
    let text = |field: &str| block.get(field).and_then(Value::as_str).unwrap_or_default();
    let parent = event.get("parent_tool_use_id").cloned().unwrap_or_default();
    match text("type") {
        "text" => said("assistant", text("text"), &json!({"type": "answer", "parentToolUseId": parent})),
        "thinking" => said("assistant", text("thinking"), &json!({"type": "thought", "parentToolUseId": parent})),
        "tool_use" => {
            let input = block.get("input").cloned().unwrap_or_default();
            let told = ["command", "file_path", "pattern", "url", "query", "description", "prompt"];
            let told = told.iter().find_map(|field| input.get(field)).and_then(Value::as_str);
            let told = told.map_or_else(|| input.to_string(), ToOwned::to_owned);
            let kept = json!({"type": "tool_call", "toolUseId": text("id"), "tool": text("name"), "input": input,
                "parentToolUseId": parent});
            said("assistant", &format!("{}: {told}", text("name")), &kept)
        }
        _ => None,
    }
}

fn tool_result(block: &Value, event: &Value) -> Option<Value> {
    let field = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    if field("type") != "tool_result" {
        // The prompt itself, which comes back where messages are replayed.
        return said("user", field("text"), &json!({"type": "prompt"}));
    }
    let content = match block.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join("\n")
        }
        _ => String::new(),
    };
    let content = if content.trim().is_empty() { "(nothing)".to_owned() } else { content };
    let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
    let kind = if failed { "tool_error" } else { "tool_result" };
    let parent = event.get("parent_tool_use_id").cloned().unwrap_or_default();
    said("tool", &content, &json!({"type": kind, "toolUseId": field("tool_use_id"), "parentToolUseId": parent}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(reader: &mut Claude, event: &Value) -> Vec<String> {
        let messages = reader.read(&event.to_string());
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        messages.iter().map(|it| format!("{}: {}", word(&it["role"]), word(&it["content"]))).collect()
    }

    #[test]
    fn a_turn_is_told_part_by_part() {
        let mut reader = Claude::default();
        let init = json!({"type": "system", "subtype": "init", "session_id": "s", "model": "opus"});
        assert_eq!(told(&mut reader, &init), ["system: session started (opus)"]);
        let parts = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Looking."},
            {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]);
        let answer = json!({"type": "assistant", "message": {"content": parts, "usage": {"input_tokens": 5}}});
        assert_eq!(told(&mut reader, &answer), ["assistant: hm", "assistant: Looking.", "assistant: Bash: ls"]);
        let parts =
            json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a.rs"}]}]);
        let result = json!({"type": "user", "message": {"content": parts}});
        assert_eq!(told(&mut reader, &result), ["tool: a.rs"]);
        assert!(told(&mut reader, &json!({"type": "stream_event"})).is_empty());
        assert_eq!(reader.read("npm notice")[0]["role"], "system");
    }

    #[test]
    fn each_result_counts_what_it_adds() {
        let mut reader = Claude::default();
        let mut result = |total: f64| {
            let usage = json!({"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 6, "service_tier": "standard"});
            let event = json!({"type": "result", "subtype": "success", "is_error": false, "total_cost_usd": total,
                "usage": usage});
            reader.read(&event.to_string()).remove(0)["usage"].clone()
        };
        let first =
            json!({"inputTokens": 3, "outputTokens": 4, "cacheReadTokens": 5, "cacheWriteTokens": 6, "costUsd": 0.25});
        assert_eq!(result(0.25), first);
        assert_eq!(result(0.75)["costUsd"], 0.5);
    }
}
