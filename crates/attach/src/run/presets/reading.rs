//! What the readers of all agents have in common.

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use crate::run::told::Told;
use crate::run::words::Program;

/// Reads what an agent writes, one JSON value or line of text after the other.
pub(in crate::run) trait Reader: Send {
    /// Tells what a value says, which is also given as it was written. `false` when it is not known here.
    fn event(&mut self, event: &Value, written: &str, told: &mut Told) -> bool;

    /// Tells a line that is no JSON.
    fn text(&mut self, line: &str, told: &mut Told) {
        told.say("system", line, &json!({"type": "output"}));
    }

    /// Tells a line that begins as JSON and is none.
    fn unreadable(&mut self, line: &str, told: &mut Told) {
        told.say("system", line, &json!({"type": "unreadable"}));
    }

    /// Tells what was held back; nothing more comes.
    fn finish(&mut self, _told: &mut Told) {}

    /// The last totals of an earlier run of the same session: they were counted there.
    fn going_on_from(&mut self, _totals: Vec<Reading>) {}
}

/// How an agent's output is read.
pub(in crate::run) struct Preset {
    pub(in crate::run) name: &'static str,
    /// What its program and its packages are called.
    pub(super) programs: &'static [&'static str],
    /// Whether it writes what is read here when it is called like this.
    pub(super) speaks: fn(&Program) -> bool,
    /// Whether its output begins like this.
    pub(super) begins: fn(&Value) -> bool,
    /// Whether its totals go on when an earlier session is taken up.
    pub(in crate::run) totals_go_on: bool,
    pub(super) reader: fn(&Program) -> Box<dyn Reader>,
}

/// A text of an event, empty when it is not there.
pub(super) fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a content that is a text, or an array of parts; what is no text is named.
pub(super) fn content(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let part = |part: &Value| match (part, part.get("text").and_then(Value::as_str)) {
                (Value::String(text), _) => text.clone(),
                (_, Some(text)) => text.to_owned(),
                _ => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("part")),
            };
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// What a tool is called with, in a line: the part that tells most of it.
pub(super) fn call(name: &str, input: Option<&Value>) -> String {
    let telling =
        ["command", "cmd", "file_path", "filePath", "path", "pattern", "url", "query", "description", "prompt"];
    let part = telling.iter().find_map(|field| input?.get(field)).and_then(Value::as_str);
    let name = if name.is_empty() { "tool" } else { name };
    match (part, input) {
        (Some(part), _) => format!("{name}: {part}"),
        (None, Some(input)) if input.as_object().is_none_or(|input| !input.is_empty()) => {
            format!("{name}: {}", one_line(&input.to_string(), 500))
        }
        _ => name.to_owned(),
    }
}

/// A tool's output; a message needs some.
pub(super) fn output(text: &str) -> &str {
    if text.trim().is_empty() { "(nothing)" } else { text }
}

/// Whether this is what a flag says.
pub(super) fn flag_is(program: &Program, flags: &[&str], wanted: &[&str]) -> bool {
    program.value(flags).is_some_and(|value| wanted.contains(&value))
}

/// The model that the command asks for.
pub(super) fn model(program: &Program) -> Option<String> {
    program.value(&["-m", "--model"]).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_tells_what_matters_of_it() {
        assert_eq!(call("Bash", Some(&json!({"timeout": 5, "command": "ls"}))), "Bash: ls");
        assert_eq!(call("x", Some(&json!({"n": 1}))), "x: {\"n\":1}");
        assert_eq!(call("", Some(&json!({}))), "tool");
        assert_eq!(content(Some(&json!([{"text": "a"}, {"type": "image"}, "b"]))), "a\n[image]\nb");
    }
}
