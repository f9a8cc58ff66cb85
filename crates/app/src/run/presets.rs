//! The agents whose output is known.

mod claude;
mod codex;
mod gemini;
#[cfg(test)]
mod given;
mod opencode;
mod pi;
mod plain;
mod qwen;

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::told::Told;
use super::words::{self, Program};

/// Reads what an agent writes, one JSON value or line of text after the other.
pub(super) trait Reader: Send {
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
pub(super) struct Preset {
    pub(super) name: &'static str,
    /// What its program and its packages are called.
    programs: &'static [&'static str],
    /// Whether it writes what is read here when it is called like this.
    speaks: fn(&Program) -> bool,
    /// Whether its output begins like this.
    begins: fn(&Value) -> bool,
    /// Whether its totals go on when an earlier session is taken up.
    pub(super) totals_go_on: bool,
    reader: fn(&Program) -> Box<dyn Reader>,
}

const PRESETS: [&Preset; 6] =
    [&claude::PRESET, &codex::PRESET, &gemini::PRESET, &opencode::PRESET, &pi::PRESET, &qwen::PRESET];

/// The names that can be asked for.
pub(super) fn names() -> Vec<&'static str> {
    ["auto", "plain"].into_iter().chain(PRESETS.iter().map(|preset| preset.name)).collect()
}

/// How the output of a command is read.
pub(super) struct Choice {
    /// `None` for lines of text, or JSON objects with `role` and `content`.
    pub(super) preset: Option<&'static Preset>,
    /// Whether the first lines may still tell another preset.
    pub(super) may_guess: bool,
    /// The agent that the command runs, whatever it writes.
    agent: Option<&'static Preset>,
    pub(super) program: Program,
}

impl Choice {
    /// As it was asked for, or as the command looks.
    pub(super) fn of(asked: Option<&str>, command: &[String]) -> Self {
        let programs = words::programs(command);
        let known = |preset: &&&Preset| {
            programs.iter().find(|program| program.names.iter().any(|name| preset.programs.contains(&name.as_str())))
        };
        let asked_for = asked.and_then(|name| PRESETS.iter().find(|preset| preset.name == name));
        let speaking = PRESETS.iter().find(|preset| known(preset).is_some_and(|program| (preset.speaks)(program)));
        let agent = asked_for.or(speaking).or_else(|| PRESETS.iter().find(|preset| known(preset).is_some()));
        let program = agent.as_ref().and_then(known).or(programs.first()).cloned();
        let may_guess = asked.is_none_or(|name| name == "auto");
        Self {
            preset: asked_for.or(speaking.filter(|_| may_guess)).copied(),
            may_guess,
            agent: agent.copied(),
            program: program.unwrap_or_else(|| Program { names: Vec::new(), args: Vec::new() }),
        }
    }

    pub(super) fn reader(&self) -> Box<dyn Reader> {
        self.preset.map_or_else(plain::reader, |preset| (preset.reader)(&self.program))
    }

    /// The preset whose output begins like this.
    pub(super) fn guess(&self, event: &Value) -> Option<(&'static Preset, Box<dyn Reader>)> {
        let preset = PRESETS.iter().find(|preset| (preset.begins)(event))?;
        Some((preset, (preset.reader)(&self.program)))
    }

    /// Whether the command is one of the agents that read their input to its end before they begin.
    pub(super) const fn is_agent(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether the command takes up an earlier session.
    pub(super) fn takes_up(&self) -> bool {
        let flags = ["resume", "--resume", "-r", "--continue", "-c", "--session", "-s"];
        self.agent.is_some()
            && self
                .program
                .args
                .iter()
                .any(|word| flags.iter().any(|flag| word == flag || word.starts_with("--resume=")))
    }
}

/// A text of an event, empty when it is not there.
fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a content that is a text, or an array of parts; what is no text is named.
fn content(content: Option<&Value>) -> String {
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
fn call(name: &str, input: Option<&Value>) -> String {
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
fn output(text: &str) -> &str {
    if text.trim().is_empty() { "(nothing)" } else { text }
}

/// Whether this is what a flag says.
fn flag_is(program: &Program, flags: &[&str], wanted: &[&str]) -> bool {
    program.value(flags).is_some_and(|value| wanted.contains(&value))
}

/// The model that the command asks for.
fn model(program: &Program) -> Option<String> {
    program.value(&["-m", "--model"]).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(command: &[&str]) -> &'static str {
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        Choice::of(None, &words).preset.map_or("plain", |preset| preset.name)
    }

    #[test]
    fn a_preset_is_known_by_its_command() {
        let cases: [(&str, &[&str]); 16] = [
            ("claude", &["claude", "-p", "x", "--output-format", "stream-json", "--verbose"]),
            ("claude", &["env", "A=b", "timeout", "60", "/opt/claude", "-p", "--output-format=stream-json"]),
            ("claude", &["sh", "-c", "cd /x; claude -p \"fix it\" --output-format stream-json --verbose"]),
            (
                "claude",
                &["node", "/x/node_modules/@anthropic-ai/claude-code/cli.js", "-p", "--output-format", "stream-json"],
            ),
            ("codex", &["/opt/bin/codex", "exec", "--json", "x"]),
            ("codex", &["npx", "-y", "@openai/codex@0.171.0", "exec", "--json", "resume", "id", "x"]),
            ("gemini", &["npx", "@google/gemini-cli", "-o", "stream-json", "-p", "x"]),
            ("gemini", &["nice", "gemini", "--output-format", "stream-json", "x"]),
            ("opencode", &["bunx", "opencode-ai", "run", "--format", "json", "x"]),
            ("pi", &["nohup", "pi", "--mode", "json", "-p", "x"]),
            ("qwen", &["qwen", "--output-format", "stream-json", "-p", "x"]),
            ("plain", &["claude", "-p", "x"]),
            ("plain", &["codex", "exec", "x"]),
            ("plain", &["opencode", "run", "x"]),
            ("plain", &["grep", "claude", "--output-format", "stream-json"]),
            ("plain", &["python", "/home/me/pi/agent.py", "--mode", "json"]),
        ];
        for (preset, command) in cases {
            assert_eq!(chosen(command), preset, "{command:?}");
        }
        assert_eq!(Choice::of(Some("codex"), &[]).preset.map(|preset| preset.name), Some("codex"));
        let plain = Choice::of(Some("plain"), &["codex".to_owned(), "exec".to_owned(), "--json".to_owned()]);
        assert!(plain.preset.is_none() && plain.is_agent());
    }

    #[test]
    fn a_call_tells_what_matters_of_it() {
        assert_eq!(call("Bash", Some(&json!({"timeout": 5, "command": "ls"}))), "Bash: ls");
        assert_eq!(call("x", Some(&json!({"n": 1}))), "x: {\"n\":1}");
        assert_eq!(call("", Some(&json!({}))), "tool");
        assert_eq!(content(Some(&json!([{"text": "a"}, {"type": "image"}, "b"]))), "a\n[image]\nb");
    }
}
