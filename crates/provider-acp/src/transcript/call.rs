//! One tool call: what is known of it, and how it is shown.

use std::hash::{DefaultHasher, Hash, Hasher};

use flightdeck_agent_io::text;
use flightdeck_domain::message::MessageRole;
use serde_json::{Value, json};

use super::block::shown;
use super::{Line, line};

/// So much of a terminal's output is kept until the call has ended, in bytes. It is more than a message holds.
const OUTPUT: usize = 2 << 20;
/// So much is kept of a call that has ended, in bytes.
const SLIM: usize = 16 << 10;
/// The fields of a tool's input that say most shortly what it is asked to do, the most telling first.
const TELLING: [&str; 12] = [
    "command",
    "cmd",
    "script",
    "code",
    "file_path",
    "filePath",
    "path",
    "url",
    "pattern",
    "query",
    "prompt",
    "description",
];

/// How a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// What it is given often comes later than its name, and before it begins.
    Pending,
    Runs,
    /// By the word for it.
    Ended(String, bool),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    /// What the tool is called. The title often becomes what it is to do.
    pub(super) name: String,
    title: String,
    kind: Value,
    input: Value,
    content: Value,
    locations: Value,
    raw_output: Value,
    /// The call within which it was made.
    parent: Option<String>,
    terminal: String,
    exit: Value,
    pub(super) stage: Stage,
    /// As what it is on the record, if it is.
    told: Option<String>,
}

impl Call {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: String::new(),
            title: String::new(),
            kind: Value::Null,
            input: Value::Null,
            content: Value::Null,
            locations: Value::Null,
            raw_output: Value::Null,
            parent: None,
            terminal: String::new(),
            exit: Value::Null,
            stage: Stage::Pending,
            told: None,
        }
    }

    /// Takes in what is told of it; what is not told stays.
    pub(super) fn merge(&mut self, update: &Value) {
        let word = |name: &str| update.get(name).and_then(Value::as_str).filter(|word| !word.trim().is_empty());
        if let Some(title) = word("title") {
            title.clone_into(&mut self.title);
        }
        let meta = update.get("_meta").unwrap_or(&Value::Null);
        let known = meta.get("claudeCode").unwrap_or(&Value::Null);
        let named = word("name").or_else(|| known.get("toolName")?.as_str());
        if let Some(name) = named.or(word("title").filter(|_| self.name.is_empty())) {
            name.clone_into(&mut self.name);
        }
        if let Some(parent) = known.get("parentToolUseId").and_then(Value::as_str) {
            self.parent = Some(parent.to_owned());
        }
        let places = [
            ("kind", &mut self.kind),
            ("rawInput", &mut self.input),
            ("content", &mut self.content),
            ("locations", &mut self.locations),
            ("rawOutput", &mut self.raw_output),
        ];
        for (name, place) in places {
            if let Some(value) = update.get(name).filter(|value| !value.is_null()) {
                place.clone_from(value);
            }
        }
        if let Some(piece) = terminal(meta) {
            self.terminal.push_str(piece);
            if self.terminal.len() > OUTPUT {
                self.terminal = text::shown(&self.terminal, OUTPUT);
            }
        }
        if let Some(exit) = meta.get("terminal_exit").filter(|exit| !exit.is_null()) {
            self.exit.clone_from(exit);
        }
        if let Some(status) = word("status") {
            self.stage = stage(status);
        }
    }

    /// What the operator sees of it in one line.
    pub(super) fn asks(&self) -> String {
        let name = [&self.title, &self.name].into_iter().find(|name| !name.trim().is_empty());
        let name = name.map(String::as_str).or_else(|| self.kind.as_str()).unwrap_or("use a tool");
        let telling = match &self.input {
            Value::String(input) => Some(input.clone()),
            input => TELLING.iter().find_map(|key| argument(input.get(*key)?)),
        };
        // Agents that name the tool alone say in the content what it is to do.
        let content = || Some(shown_all(&self.content)).filter(|_| name.split_whitespace().count() == 1);
        match telling.or_else(content).map(|telling| telling.trim().to_owned()) {
            Some(telling) if !telling.is_empty() && !name.contains(&telling) => format!("{name}: {telling}"),
            _ => name.to_owned(),
        }
    }

    /// What a permission request says of it.
    pub(super) fn detail(&self) -> Value {
        let content: Vec<String> = pieces(&self.content).into_iter().filter(|piece| !piece.is_empty()).collect();
        json!({
            "toolCallId": self.id,
            "title": self.title,
            "name": self.name,
            "kind": self.kind,
            "input": self.input,
            "content": content,
            "locations": self.locations,
        })
    }

    /// The same for two that tell of the same.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.title, self.input.to_string()).hash(&mut hasher);
        hasher.finish()
    }

    /// Forgets what is large; says whether there was something.
    pub(super) fn slim(&mut self) -> bool {
        let values =
            [&self.input, &self.content, &self.locations, &self.raw_output].map(|value| value.to_string().len());
        let length = values.iter().sum::<usize>() + self.terminal.len() + self.title.len();
        let is_large = length > SLIM;
        if is_large {
            for value in [&mut self.input, &mut self.content, &mut self.locations, &mut self.raw_output] {
                *value = Value::Null;
            }
            self.terminal = String::new();
            self.title = text::shown(&self.title, SLIM);
        }
        self.told = None;
        is_large
    }

    /// The message that it was made; nothing when that is on the record.
    pub(super) fn tell(&mut self, lines: &mut Vec<Line>) {
        if self.told.is_none() {
            self.tell_as(self.shown(), lines);
        }
    }

    /// The message that it was made, with all that it asks for; nothing when that is on the record.
    pub(super) fn tell_whole(&mut self, lines: &mut Vec<Line>) {
        let mut whole = self.shown();
        let more = shown_all(&self.content);
        if is_nothing(&self.input) && !more.trim().is_empty() && !whole.contains(more.trim()) {
            whole = format!("{whole}\n{}", more.trim());
        }
        if self.told.as_ref().is_none_or(|told| *told != whole) {
            self.tell_as(whole, lines);
        }
    }

    fn shown(&self) -> String {
        let title = if self.title.is_empty() { &self.name } else { &self.title };
        let title = if title.is_empty() { "tool" } else { title };
        if is_nothing(&self.input) { title.to_owned() } else { format!("{title} {}", self.input) }
    }

    fn tell_as(&mut self, text: String, lines: &mut Vec<Line>) {
        let mut about = json!({
            "type": "tool_call",
            "toolCallId": self.id,
            "name": self.name(),
            "kind": self.kind,
            "input": self.input,
            "locations": self.locations,
        });
        if let (Some(about), Some(parent)) = (about.as_object_mut(), &self.parent) {
            about.insert("parentToolCallId".to_owned(), parent.as_str().into());
        }
        lines.extend(line(MessageRole::Tool, &text, about));
        self.told = Some(text);
    }

    fn name(&self) -> &str {
        if self.name.is_empty() { "tool" } else { &self.name }
    }

    /// What came of it.
    pub(super) fn output(&self) -> String {
        let mut output =
            pieces(&self.content).into_iter().filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("\n");
        if output.trim().is_empty() {
            output.clone_from(&self.terminal);
        } else if !self.terminal.trim().is_empty() && !output.contains(self.terminal.trim()) {
            output = format!("{output}\n{}", self.terminal);
        }
        if output.trim().is_empty() {
            output = match &self.raw_output {
                Value::Null => String::new(),
                Value::Object(_) => self.raw_output.to_string(),
                other => shown(other),
            };
        }
        let code = self.exit.get("exit_code").or_else(|| self.exit.get("exitCode")).and_then(Value::as_i64);
        let signal = self.exit.get("signal").and_then(Value::as_str);
        let ended = match (code, signal) {
            (_, Some(signal)) => Some(format!("[ended by {signal}]")),
            (Some(code), None) if code != 0 => Some(format!("[exit code {code}]")),
            _ => None,
        };
        match ended {
            Some(ended) if output.trim().is_empty() => ended,
            Some(ended) => format!("{}\n{ended}", output.trim_end_matches('\n')),
            None => output,
        }
    }

    /// The message that it has ended.
    pub(super) fn result(&self, status: &str, failed: bool, output: &str) -> Option<Line> {
        let mut about = json!({
            "type": "tool_result",
            "toolCallId": self.id,
            "name": self.name(),
            "status": status,
            "failed": failed,
        });
        if let Some(about) = about.as_object_mut() {
            if !self.exit.is_null() {
                about.insert("exit".to_owned(), self.exit.clone());
            }
            if let Some(parent) = &self.parent {
                about.insert("parentToolCallId".to_owned(), parent.as_str().into());
            }
        }
        line(MessageRole::Tool, if output.trim().is_empty() { status } else { output }, about)
    }

    /// Whether it is known by more than its id.
    pub(super) fn is_known(&self) -> bool {
        let values = [&self.kind, &self.input, &self.content, &self.raw_output];
        !self.title.is_empty()
            || self.stage != Stage::Pending
            || !self.terminal.is_empty()
            || values.into_iter().any(|value| !value.is_null())
    }
}

/// The output of a terminal that is in a message.
fn terminal(meta: &Value) -> Option<&str> {
    let output = meta.get("terminal_output_delta").or_else(|| meta.get("terminal_output"))?;
    output.as_str().or_else(|| output.get("data")?.as_str())
}

/// Agents use words of their own.
fn stage(status: &str) -> Stage {
    match status {
        "pending" => Stage::Pending,
        "in_progress" | "running" | "started" => Stage::Runs,
        "completed" | "complete" | "success" | "succeeded" | "done" => Stage::Ended("completed".to_owned(), false),
        "failed" | "failure" | "error" => Stage::Ended("failed".to_owned(), true),
        "cancelled" | "canceled" | "rejected" | "aborted" | "denied" | "timeout" => {
            Stage::Ended(status.to_owned(), true)
        }
        _ => Stage::Runs,
    }
}

/// An argument as somebody would write it.
fn argument(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(words) if !words.is_empty() => Some(
            words
                .iter()
                .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        _ => None,
    }
}

pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn shown_all(content: &Value) -> String {
    pieces(content).join("\n")
}

/// What each part of a call's content shows. A terminal shows what it wrote, and that comes otherwise.
fn pieces(content: &Value) -> Vec<String> {
    match content {
        Value::Array(parts) => parts.iter().map(piece).collect(),
        Value::Null => Vec::new(),
        one => vec![piece(one)],
    }
}

fn piece(part: &Value) -> String {
    match part.get("type").and_then(Value::as_str) {
        Some("terminal") => String::new(),
        Some("diff") => {
            let word = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
            let mut shown = format!("{}\n", word("path"));
            for (sign, text) in [('-', word("oldText")), ('+', word("newText"))] {
                for line in text.lines() {
                    shown.extend([sign]);
                    shown.extend([line, "\n"]);
                }
            }
            shown
        }
        _ => shown(part),
    }
}
