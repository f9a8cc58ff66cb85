//! The lines of `codex exec --json`.

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::reading::{Preset, Reader, call, content, model, output, text};
use crate::run::count::{Count, Names, named, reading};
use crate::run::told::Told;

pub(super) const PRESET: Preset = Preset {
    name: "codex",
    programs: &["codex", "@openai/codex"],
    speaks: |program| {
        (program.has("exec") || program.has("e")) && (program.has("--json") || program.has("--experimental-json"))
    },
    begins: |event| text(event, "/type") == "thread.started" && event.get("thread_id").is_some(),
    totals_go_on: true,
    reader: |program| Box::new(Codex { model: model(program), count: Count::default() }),
};

/// Its input counts what came out of the cache and went into it, too.
const NAMES: Names = ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens"];

/// Reads them. Each `turn.completed` tells the totals of the whole thread, also those of earlier runs.
struct Codex {
    /// It does not say which model it uses; the command may.
    model: Option<String>,
    count: Count,
}

impl Reader for Codex {
    fn event(&mut self, event: &Value, _written: &str, told: &mut Told) -> bool {
        match text(event, "/type") {
            "thread.started" => {
                told.say(
                    "system",
                    "session started",
                    &json!({"type": "session", "threadId": text(event, "/thread_id")}),
                );
                told.session(text(event, "/thread_id"));
            }
            "turn.started" => told.hush(),
            "item.updated" if event.get("item").is_some() => told.hush(),
            "item.started" => return event.get("item").is_some_and(|item| started(item, told)),
            "item.completed" => return event.get("item").is_some_and(|item| completed(item, told)),
            "turn.completed" => self.turn(event, told),
            "turn.failed" => {
                let why = output(text(event, "/error/message"));
                told.say("system", &format!("turn failed: {why}"), &json!({"type": "failure"}));
                if event.get("usage").is_some() {
                    self.turn(event, told);
                }
            }
            "error" if !text(event, "/message").trim().is_empty() => {
                told.say("system", text(event, "/message"), &json!({"type": "failure"}));
            }
            _ => return false,
        }
        true
    }

    fn going_on_from(&mut self, totals: Vec<Reading>) {
        self.count.going_on_from(totals);
    }
}

impl Codex {
    fn turn(&mut self, event: &Value, told: &mut Told) {
        let totals = event.get("usage").map(|usage| reading(usage, NAMES, None).without_cache());
        let used = self.count.totals(totals);
        told.say("system", "turn ended", &json!({"type": "result", "totals": self.count.told()}));
        told.used(used.into_iter().filter_map(|used| named(used, self.model.as_deref())));
    }
}

/// What begins; whatever ends is told in full then.
fn started(item: &Value, told: &mut Told) -> bool {
    let kept = json!({"type": "tool_call", "toolUseId": text(item, "/id")});
    match text(item, "/type") {
        "command_execution" => told.say("assistant", &format!("command: {}", text(item, "/command")), &kept),
        "mcp_tool_call" => {
            let name = format!("{} {}", text(item, "/server"), text(item, "/tool"));
            told.say("assistant", &call(name.trim(), item.get("arguments")), &kept);
        }
        "" => return false,
        _ => told.hush(),
    }
    true
}

fn completed(item: &Value, told: &mut Told) -> bool {
    let kept = |kind: &str, name: &str, more: Option<&Value>| json!({"type": kind, "toolUseId": text(item, "/id"), "status": item.get("status"), name: more});
    let is_text = |field: &str| item.get(field).is_some_and(Value::is_string);
    match text(item, "/type") {
        "agent_message" if is_text("text") => told.say("assistant", text(item, "/text"), &json!({"type": "answer"})),
        "reasoning" if is_text("text") => told.say("assistant", text(item, "/text"), &json!({"type": "thought"})),
        "error" if is_text("message") => told.say("system", text(item, "/message"), &json!({"type": "failure"})),
        "command_execution" => {
            let kept = kept("tool_result", "exitCode", item.get("exit_code"));
            told.say("tool", output(text(item, "/aggregated_output")), &kept);
        }
        "mcp_tool_call" => {
            let failed = text(item, "/error/message");
            let result = content(item.pointer("/result/content"));
            told.say(
                "tool",
                output(if failed.is_empty() { &result } else { failed }),
                &kept("tool_result", "tool", item.get("tool")),
            );
        }
        "" | "agent_message" | "reasoning" | "error" => return false,
        // Changed files, searches, plans: in a line, and as they are.
        other => {
            let kept = kept("tool_result", "item", Some(item));
            told.say("tool", &format!("{other}: {}", one_line(&gist(item), 500)), &kept);
        }
    }
    true
}

/// What an item is about.
fn gist(item: &Value) -> String {
    if let Some(changes) = item.get("changes").and_then(Value::as_array) {
        let change = |change: &Value| format!("{} {}", text(change, "/kind"), text(change, "/path"));
        return changes.iter().map(change).collect::<Vec<_>>().join(", ");
    }
    if let Some(steps) = item.get("items").and_then(Value::as_array) {
        let step = |step: &Value| {
            let done = step.get("completed").and_then(Value::as_bool).unwrap_or_default();
            format!("[{}] {}", if done { "x" } else { " " }, text(step, "/text"))
        };
        return steps.iter().map(step).collect::<Vec<_>>().join(", ");
    }
    let query = text(item, "/query");
    if query.is_empty() { item.to_string() } else { query.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::given::{Read, read_by};
    use super::*;

    fn read(events: &[Value]) -> Read {
        read_by("codex", events)
    }

    #[test]
    fn items_are_messages() {
        let completed = |item: Value| json!({"type": "item.completed", "item": item});
        let ran = json!({"id": "i2", "type": "command_execution", "command": "ls", "aggregated_output": "a\n",
            "exit_code": 0, "status": "completed"});
        let read = read(&[
            json!({"type": "thread.started", "thread_id": "t-1"}),
            json!({"type": "turn.started"}),
            completed(json!({"id": "i1", "type": "agent_message", "text": "Done."})),
            json!({"type": "item.started", "item": {"id": "i2", "type": "command_execution", "command": "ls"}}),
            completed(ran),
            completed(json!({"id": "i3", "type": "file_change", "changes": [{"path": "a.rs", "kind": "update"}]})),
        ]);
        assert_eq!(
            read.said,
            [
                "system: session started",
                "assistant: Done.",
                "assistant: command: ls",
                "tool: a\n",
                "tool: file_change: update a.rs"
            ]
        );
        assert_eq!(read.sessions, ["t-1"]);
        assert_eq!(read.messages[3]["metadata"]["exitCode"], 0);
        assert_eq!(read.messages[4]["metadata"]["item"]["changes"][0]["path"], "a.rs");
    }

    fn turn(usage: &Value) -> Value {
        json!({"type": "turn.completed", "usage": usage})
    }

    #[test]
    fn totals_become_differences_and_the_cache_is_taken_out_of_the_input_once() {
        let first = json!({"input_tokens": 1000, "cached_input_tokens": 0, "output_tokens": 100});
        let second = json!({"input_tokens": 3000, "cached_input_tokens": 800, "output_tokens": 250});
        assert_eq!(read(&[turn(&first), turn(&second)]).tokens, [2200, 250, 800, 0], "3,250 in all");
        let all = json!({"input_tokens": 100, "cached_input_tokens": 40, "cache_write_input_tokens": 30, "output_tokens": 10});
        assert_eq!(read(&[turn(&all)]).tokens, [30, 10, 40, 30]);
    }

    #[test]
    fn a_run_that_takes_up_another_counts_what_it_adds() {
        let usage = |input: u64, output: u64| json!({"input_tokens": input, "output_tokens": output});
        let first = read(&[turn(&usage(2000, 80))]);
        let totals = serde_json::from_value(first.messages[0]["metadata"]["totals"].clone()).expect("totals");
        let mut reader = (PRESET.reader)(&crate::run::words::Program { names: Vec::new(), args: Vec::new() });
        reader.going_on_from(totals);
        let mut told = Told::default();
        assert!(reader.event(&turn(&usage(3000, 120)), "", &mut told));
        assert_eq!(super::super::given::summed(&told.take()).tokens, [1000, 40, 0, 0]);
    }
}
