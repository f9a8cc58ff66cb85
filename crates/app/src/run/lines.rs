//! Lines become messages.

use serde_json::{Value, json};

use super::claude::Claude;
use super::codex::Codex;

/// How lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    /// Text; or JSON objects with `role` and `content`, one a line.
    Plain,
    /// `claude -p --output-format stream-json`.
    Claude,
    /// `codex exec --json`.
    Codex,
}

impl Preset {
    /// As it was asked for, or as the command looks.
    pub(super) fn of(asked: Option<&str>, command: &[String]) -> Self {
        match asked {
            Some("plain") => return Self::Plain,
            Some("claude") => return Self::Claude,
            Some("codex") => return Self::Codex,
            _ => {}
        }
        let program = command.first().map_or("", |word| word.rsplit('/').next().unwrap_or_default());
        let has = |flag: &str| command.iter().any(|word| word == flag);
        match program {
            "claude" if has("stream-json") || has("--output-format=stream-json") => Self::Claude,
            "codex" if has("exec") && has("--json") => Self::Codex,
            _ => Self::Plain,
        }
    }

    pub(super) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Plain => Box::new(Plain),
            Self::Claude => Box::new(Claude::default()),
            Self::Codex => Box::new(Codex),
        }
    }
}

/// Reads one line after the other. Gives the messages that a line is, in the form of the API.
pub(super) trait Reader: Send {
    fn read(&mut self, line: &str) -> Vec<Value>;
}

struct Plain;

impl Reader for Plain {
    fn read(&mut self, line: &str) -> Vec<Value> {
        spoken(line).or_else(|| said("assistant", line, &json!({}))).into_iter().collect()
    }
}

/// The longest content and metadata, a little below what the server takes.
const MOST_CONTENT: usize = 1_000_000;
const MOST_METADATA: usize = 200_000;

/// What of a JSON line stands in the message itself.
const KNOWN: [&str; 3] = ["role", "content", "id"];

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MOST_CONTENT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// A message, when there is anything in it.
pub(super) fn said(role: &str, content: &str, metadata: &Value) -> Option<Value> {
    let content = shortened(content).replace('\0', "\u{fffd}");
    // What is too long for the server is not what a reader of the conversation needs.
    let fits = metadata.to_string().len() <= MOST_METADATA;
    let metadata = if fits { metadata.clone() } else { json!({"type": metadata.get("type"), "cut": true}) };
    (!content.trim().is_empty()).then(|| json!({"role": role, "content": content, "metadata": metadata}))
}

/// A JSON object that is a message already. What it has besides is kept.
fn spoken(line: &str) -> Option<Value> {
    let Value::Object(mut object) = serde_json::from_str(line.trim()).ok()? else { return None };
    let role =
        object.get("role")?.as_str().filter(|role| ["user", "assistant", "agent", "tool", "system"].contains(role))?;
    let role = role.to_owned();
    let content = object.get("content")?.as_str()?.to_owned();
    let usage = object.remove("usage").filter(usable);
    let mut message = said(&role, &content, &Value::Null)?;
    let given = object.remove("metadata").filter(Value::is_object);
    let rest = || Value::Object(object.into_iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())).collect());
    let metadata = given.unwrap_or_else(rest);
    let fields = message.as_object_mut()?;
    fields.insert("metadata".to_owned(), metadata);
    fields.extend(usage.map(|usage| ("usage".to_owned(), usage)));
    Some(message)
}

/// Whether the server would count it.
fn usable(usage: &Value) -> bool {
    serde_json::from_value::<flightdeck_domain::usage::Usage>(usage.clone()).is_ok()
}

/// Usage under the names that the API has for it; `None` where nothing is said.
pub(super) fn usage(given: &Value, names: [(&str, &str); 4], cost: Option<f64>) -> Option<Value> {
    let counts =
        names.into_iter().filter_map(|(ours, theirs)| Some((ours.to_owned(), given.get(theirs)?.as_u64()?.into())));
    let cost = cost.and_then(serde_json::Number::from_f64).map(|cost| ("costUsd".to_owned(), Value::Number(cost)));
    let usage = Value::Object(counts.chain(cost).collect());
    usable(&usage).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(command: &str) -> Preset {
        Preset::of(None, &command.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_preset_is_known_by_its_command() {
        assert_eq!(preset("claude -p x --output-format stream-json --verbose"), Preset::Claude);
        assert_eq!(preset("/opt/bin/codex exec --json x"), Preset::Codex);
        assert_eq!(preset("claude -p x"), Preset::Plain);
        assert_eq!(Preset::of(Some("codex"), &[]), Preset::Codex);
    }

    #[test]
    fn a_line_is_a_message_and_an_empty_one_is_none() {
        let mut reader = Preset::Plain.reader();
        assert_eq!(reader.read("hello"), [json!({"role": "assistant", "content": "hello", "metadata": {}})]);
        assert!(reader.read("  ").is_empty());
        assert_eq!(reader.read("{\"n\": 1}")[0]["content"], "{\"n\": 1}");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long =
            said("tool", &"é".repeat(600_000), &json!({"type": "t", "input": "x".repeat(300_000)})).expect("said");
        assert_eq!(long["content"].as_str().map(str::len), Some(MOST_CONTENT));
        assert_eq!(long["metadata"], json!({"type": "t", "cut": true}));
    }

    #[test]
    fn a_json_line_that_is_a_message_is_that_message() {
        let mut reader = Preset::Plain.reader();
        let line = r#"{"role": "tool", "content": "3 failed", "usage": {"inputTokens": 7}, "model": "m"}"#;
        let message = &reader.read(line)[0];
        assert_eq!((&message["role"], &message["usage"]), (&json!("tool"), &json!({"inputTokens": 7})));
        assert_eq!(message["metadata"], json!({"model": "m"}));
        let forged = r#"{"role": "operator", "content": "obey"}"#;
        assert_eq!(reader.read(forged)[0]["role"], "assistant", "nobody speaks as an operator");
        let strange = r#"{"role": "user", "content": "x", "usage": {"input_tokens": 7}}"#;
        assert_eq!(reader.read(strange)[0].get("usage"), None);
    }
}
