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
mod reading;

use serde_json::Value;

pub(super) use self::reading::{Preset, Reader};
use super::words::{self, Program};

const PRESETS: [&Preset; 6] =
    [&claude::PRESET, &codex::PRESET, &gemini::PRESET, &opencode::PRESET, &pi::PRESET, &qwen::PRESET];

/// The names that can be asked for.
pub(crate) fn names() -> Vec<&'static str> {
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
    pub(super) fn of(asked: &str, command: &[String]) -> Self {
        let programs = words::programs(command);
        let known = |preset: &&&Preset| {
            programs.iter().find(|program| program.names.iter().any(|name| preset.programs.contains(&name.as_str())))
        };
        let asked_for = PRESETS.iter().find(|preset| preset.name == asked);
        let speaking = PRESETS.iter().find(|preset| known(preset).is_some_and(|program| (preset.speaks)(program)));
        let agent = asked_for.or(speaking).or_else(|| PRESETS.iter().find(|preset| known(preset).is_some()));
        let program = agent.as_ref().and_then(known).or(programs.first()).cloned();
        let may_guess = asked == "auto";
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(command: &[&str]) -> &'static str {
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        Choice::of("auto", &words).preset.map_or("plain", |preset| preset.name)
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
        assert_eq!(Choice::of("codex", &[]).preset.map(|preset| preset.name), Some("codex"));
        let plain = Choice::of("plain", &["codex".to_owned(), "exec".to_owned(), "--json".to_owned()]);
        assert!(plain.preset.is_none() && plain.is_agent());
    }
}
