//! The lines of `gemini --output-format stream-json`.

use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::reading::{Preset, Reader, call, flag_is, output, text};
use crate::run::count::{Count, Names, number, reading};
use crate::run::told::Told;

pub(super) const PRESET: Preset = Preset {
    name: "gemini",
    programs: &["gemini", "@google/gemini-cli", "gemini-cli"],
    speaks: |program| flag_is(program, &["-o", "--output-format"], &["stream-json"]),
    begins: |event| text(event, "/type") == "init" && event.get("session_id").is_some(),
    totals_go_on: false,
    reader: |_| Box::new(Gemini::default()),
};

/// Its input counts what came out of the cache, too.
const NAMES: Names = ["input_tokens", "output_tokens", "cached", ""];
/// So much of an answer is held until it is whole.
const MOST_HELD: usize = 900_000;

/// Reads them. An answer comes in pieces, and is one message.
#[derive(Default)]
struct Gemini {
    answer: String,
    count: Count,
}

impl Reader for Gemini {
    fn event(&mut self, event: &Value, _written: &str, told: &mut Told) -> bool {
        let said = event.get("content").and_then(Value::as_str);
        if let ("message", "assistant", Some(said)) = (text(event, "/type"), text(event, "/role"), said)
            && !said.is_empty()
        {
            let is_piece = event.get("delta").and_then(Value::as_bool).unwrap_or(false);
            if !is_piece || self.answer.len() + said.len() > MOST_HELD {
                self.finish(told);
            }
            self.answer.push_str(said);
            told.hush();
            if !is_piece {
                self.finish(told);
            }
            return true;
        }
        self.finish(told);
        match text(event, "/type") {
            "init" => {
                let (id, model) = (text(event, "/session_id"), text(event, "/model"));
                let kept = json!({"type": "session", "sessionId": id, "model": model});
                told.say("system", &format!("session started ({model})"), &kept);
                told.session(id);
            }
            "message" if text(event, "/role") == "user" && said.is_some() => {
                told.say("user", said.unwrap_or_default(), &json!({"type": "prompt"}));
            }
            "tool_use" => {
                let (id, name, input) = (text(event, "/tool_id"), text(event, "/tool_name"), event.get("parameters"));
                let kept = json!({"type": "tool_call", "toolUseId": id, "tool": name, "input": input});
                told.say("assistant", &call(name, input), &kept);
            }
            "tool_result" => {
                let failed = text(event, "/error/message");
                let kind = if text(event, "/status") == "error" { "tool_error" } else { "tool_result" };
                let said = if failed.is_empty() { text(event, "/output") } else { failed };
                told.say("tool", output(said), &json!({"type": kind, "toolUseId": text(event, "/tool_id")}));
            }
            "error" if !text(event, "/message").trim().is_empty() => {
                let kept = json!({"type": "failure", "severity": event.get("severity")});
                told.say("system", text(event, "/message"), &kept);
            }
            "result" => self.result(event, told),
            _ => return false,
        }
        true
    }

    fn text(&mut self, line: &str, told: &mut Told) {
        self.finish(told);
        told.say("system", line, &json!({"type": "output"}));
    }

    fn finish(&mut self, told: &mut Told) {
        let answer = std::mem::take(&mut self.answer);
        told.say("assistant", &answer, &json!({"type": "answer"}));
    }
}

impl Gemini {
    fn result(&mut self, event: &Value, told: &mut Told) {
        let status = text(event, "/status");
        let why = text(event, "/error/message");
        let how = if status == "error" { "turn failed" } else { "turn ended" };
        let said = if why.is_empty() { format!("{how} ({status})") } else { format!("{how} ({status}): {why}") };
        told.say("system", &said, &json!({"type": "result", "stats": event.get("stats")}));
        let models = event.pointer("/stats/models").and_then(Value::as_object);
        let totals: Vec<Reading> = match models {
            Some(models) if !models.is_empty() => models.iter().map(|(model, told)| used(told, Some(model))).collect(),
            _ => event.get("stats").map(|told| used(told, None)).into_iter().collect(),
        };
        told.used(self.count.totals(totals));
    }
}

/// What it thought is in the total alone.
fn used(told: &Value, model: Option<&str>) -> Reading {
    let reading = reading(told, NAMES, model);
    let beyond = told.get("total_tokens").and_then(number).zip(reading.input_tokens);
    let beyond = beyond.map(|(total, input)| total.saturating_sub(input));
    Reading { output_tokens: reading.output_tokens.max(beyond), ..reading }.without_cache()
}

#[cfg(test)]
mod tests {
    use super::super::given::read_by;
    use super::*;

    #[test]
    fn an_answer_is_one_message_and_the_stats_are_counted_by_model() {
        let piece = |text: &str| json!({"type": "message", "role": "assistant", "content": text, "delta": true});
        let stats = json!({"total_tokens": 1050, "input_tokens": 1000, "output_tokens": 40, "cached": 300, "models":
            {"flash": {"total_tokens": 1050, "input_tokens": 1000, "output_tokens": 40, "cached": 300, "input": 700}}});
        let read = read_by(
            "gemini",
            &[
                json!({"type": "init", "session_id": "s", "model": "flash"}),
                json!({"type": "message", "role": "user", "content": "please"}),
                piece("Look"),
                piece("ing."),
                json!({"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "t", "parameters": {"command": "ls"}}),
                json!({"type": "tool_result", "tool_id": "t", "status": "success", "output": "hi"}),
                piece("Done."),
                json!({"type": "result", "status": "success", "stats": stats}),
            ],
        );
        assert_eq!(
            read.said,
            [
                "system: session started (flash)",
                "user: please",
                "assistant: Looking.",
                "assistant: run_shell_command: ls",
                "tool: hi",
                "assistant: Done.",
                "system: turn ended (success)"
            ]
        );
        assert_eq!((read.tokens, read.models), ([700, 50, 300, 0], vec!["flash".to_owned()]));
    }

    #[test]
    fn an_answer_that_breaks_off_is_told() {
        let piece = json!({"type": "message", "role": "assistant", "content": "Loo", "delta": true});
        assert_eq!(read_by("gemini", &[piece]).said, ["assistant: Loo"]);
    }
}
