//! Whatever an agent writes: nothing breaks, nothing is lost, and the server takes what becomes of it.

use flightdeck_agent_io::json;
use flightdeck_agent_io::lines::Line;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::{JsonObject, MessageContent};
use flightdeck_domain::usage::Usage;
use serde_json::Value;

use super::presets::Choice;
use super::told::Item;
use super::transcript::Transcript;

mod mutate;

use mutate::{RECORDED, mutated};

/// What says nothing of its own: what it begins or repeats comes whole as well.
const QUIET: [&str; 17] = [
    "stream_event",
    "keep_alive",
    "tool_progress",
    "control_response",
    "turn.started",
    "item.started",
    "item.updated",
    "step_start",
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

fn transcript(preset: &str) -> Transcript {
    Transcript::new(Choice::of(preset, &[]))
}

/// Whether the server would take it.
fn check(message: &Value) {
    let text = message.to_string();
    let object = message.as_object().expect("an object");
    let known = ["role", "content", "metadata", "usage"];
    assert!(object.keys().all(|name| known.contains(&name.as_str())), "{text}");
    let role: MessageRole = message["role"].as_str().expect("a role").parse().expect("a role that there is");
    assert_ne!(role, MessageRole::Operator, "{text}");
    MessageContent::new(message["content"].as_str().expect("content"))
        .unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut metadata = message["metadata"].as_object().expect("metadata").clone();
    if let Some(usage) = message.get("usage") {
        serde_json::from_value::<Usage>(usage.clone()).unwrap_or_else(|error| panic!("{error}: {text}"));
        metadata.insert("usage".to_owned(), usage.clone());
    }
    JsonObject::new(metadata).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(!has_nul(message), "{text}");
    // As it comes within a batch.
    assert!(serde_json::from_str::<Value>(&format!("[{text}]")).is_ok(), "too deep: {text}");
}

/// The one character that databases refuse.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn checked(items: &[Item]) {
    for item in items {
        match item {
            Item::Message(message) => check(message),
            Item::Session(id) => assert!(!id.is_empty() && id.len() <= 200, "{id}"),
        }
    }
}

/// Whether a line may go by without a word.
fn is_quiet(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
        return true;
    }
    let Ok(read) = json::read(line) else { return false };
    let quiet = |event: &Value| event["type"].as_str().is_some_and(|kind| QUIET.contains(&kind));
    read.value.as_array().map_or_else(|| quiet(&read.value), |events| events.iter().all(quiet))
}

#[test]
fn every_recorded_line_is_known() {
    for (preset, recorded) in RECORDED {
        let mut transcript = transcript(preset);
        let mut items: Vec<Item> =
            recorded.lines().flat_map(|line| transcript.line(&Line::Whole(line.as_bytes().to_vec()))).collect();
        items.extend(transcript.finish());
        checked(&items);
        let folded: Vec<String> = items
            .iter()
            .filter_map(|item| match item {
                Item::Message(message) if message["metadata"]["type"] == "event" => Some(message.to_string()),
                _ => None,
            })
            .collect();
        // Claude Code tells of tasks in the background besides.
        let known_besides = |told: &String| preset == "claude" && told.contains("task");
        assert!(folded.iter().all(known_besides), "{preset}: {folded:#?}");
    }
}

#[test]
fn a_broken_line_alone_is_told() {
    for (preset, recorded) in RECORDED {
        for (place, line) in mutated(recorded, 13, 2_000).into_iter().enumerate() {
            let mut transcript = transcript(preset);
            let mut items = transcript.line(&Line::Whole(line.clone()));
            items.extend(transcript.finish());
            checked(&items);
            let is_told = items.iter().any(|item| matches!(item, Item::Message(_)));
            assert!(is_told || is_quiet(&line), "{preset} {place}: {}", String::from_utf8_lossy(&line));
        }
    }
}

#[test]
fn broken_lines_behind_each_other_are_told() {
    for (preset, recorded) in RECORDED {
        for seed in 0..10 {
            let mut transcript = transcript(preset);
            for line in mutated(recorded, seed, 200) {
                checked(&transcript.line(&Line::Whole(line)));
            }
            checked(&transcript.finish());
        }
    }
}

#[test]
fn lines_of_another_agent_are_told() {
    for (preset, _) in RECORDED {
        for (other, recorded) in RECORDED {
            let mut transcript = transcript(preset);
            let mut items: Vec<Item> =
                mutated(recorded, 7, 100).into_iter().flat_map(|line| transcript.line(&Line::Whole(line))).collect();
            items.extend(transcript.finish());
            checked(&items);
            assert!(!items.is_empty(), "{preset} reads {other}");
        }
    }
}
