//! The lines of `opencode run --format json`.

use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::reading::{Preset, Reader, call, content, flag_is, model, output, text};
use crate::run::count::{Count, cost, number};
use crate::run::told::Told;

pub(super) const PRESET: Preset = Preset {
    name: "opencode",
    programs: &["opencode", "opencode-ai"],
    speaks: |program| program.has("run") && flag_is(program, &["--format"], &["json"]),
    begins: |event| {
        let begins = ["step_start", "text", "tool_use", "error"];
        begins.contains(&text(event, "/type")) && text(event, "/sessionID").starts_with("ses_")
    },
    totals_go_on: false,
    reader: |program| Box::new(OpenCode { model: model(program), session: String::new(), count: Count::default() }),
};

/// Reads them. Each step tells what it used; it does not say with which model, but the command may.
struct OpenCode {
    model: Option<String>,
    session: String,
    count: Count,
}

impl Reader for OpenCode {
    fn event(&mut self, event: &Value, _written: &str, told: &mut Told) -> bool {
        let id = text(event, "/sessionID");
        if !id.is_empty() && id != self.session {
            id.clone_into(&mut self.session);
            told.say("system", "session started", &json!({"type": "session", "sessionId": id}));
            told.session(id);
        }
        let is_text = event.pointer("/part/text").is_some_and(Value::is_string);
        match text(event, "/type") {
            "step_start" => told.hush(),
            "text" if is_text => told.say("assistant", text(event, "/part/text"), &json!({"type": "answer"})),
            "reasoning" if is_text => told.say("assistant", text(event, "/part/text"), &json!({"type": "thought"})),
            "tool_use" if event.pointer("/part/state").is_some() => tool(event, told),
            "step_finish" if event.get("part").is_some() => self.step(event, told),
            "error" if event.get("error").is_some() => {
                let why = ["/error/data/message", "/error/message", "/error/name"].map(|pointer| text(event, pointer));
                let why = why.into_iter().find(|why| !why.trim().is_empty()).map(ToOwned::to_owned);
                let why = why.unwrap_or_else(|| content(event.get("error")));
                told.say("system", output(&why), &json!({"type": "failure", "error": event.get("error")}));
            }
            _ => return false,
        }
        true
    }
}

impl OpenCode {
    fn step(&mut self, event: &Value, told: &mut Told) {
        let count = |pointer: &str| event.pointer(pointer).and_then(number);
        // What it thought is not part of its output here.
        let output = count("/part/tokens/output")
            .map(|output| output.saturating_add(count("/part/tokens/reasoning").unwrap_or_default()));
        let used = Reading {
            model: self.model.clone(),
            input_tokens: count("/part/tokens/input"),
            output_tokens: output,
            cache_read_tokens: count("/part/tokens/cache/read"),
            cache_write_tokens: count("/part/tokens/cache/write"),
            cost_usd: event.pointer("/part/cost").and_then(cost),
        };
        let kept = json!({"type": "result", "reason": event.pointer("/part/reason")});
        told.say("system", &format!("step ended ({})", text(event, "/part/reason")), &kept);
        let id = text(event, "/part/id");
        told.used(if id.is_empty() { self.count.since(used).pop() } else { self.count.message(id, used, false) });
    }
}

/// A call comes when it has ended, with its input and output.
fn tool(event: &Value, told: &mut Told) {
    let (id, name, input) =
        (text(event, "/part/callID"), text(event, "/part/tool"), event.pointer("/part/state/input"));
    let kept = json!({"type": "tool_call", "toolUseId": id, "tool": name, "input": input});
    told.say("assistant", &call(name, input), &kept);
    let failed = text(event, "/part/state/status") == "error";
    let (kind, said) = if failed {
        ("tool_error", content(event.pointer("/part/state/error")))
    } else {
        ("tool_result", content(event.pointer("/part/state/output")))
    };
    let exit = event.pointer("/part/state/metadata/exit");
    told.say("tool", output(&said), &json!({"type": kind, "toolUseId": id, "exitCode": exit}));
}

#[cfg(test)]
mod tests {
    use super::super::given::read_by;
    use super::*;

    fn event(kind: &str, part: &Value) -> Value {
        json!({"type": kind, "sessionID": "ses_1", "part": part})
    }

    #[test]
    fn steps_are_told_and_counted_once() {
        let tokens = json!({"input": 700, "output": 40, "reasoning": 2, "cache": {"write": 0, "read": 300}});
        let finish = event("step_finish", &json!({"id": "p1", "reason": "stop", "tokens": tokens, "cost": 0.00279}));
        let failed = json!({"tool": "bash", "callID": "c", "state": {"status": "error", "input": {"command": "ls"},
            "error": "The user rejected it."}});
        let read = read_by(
            "opencode",
            &[
                event("step_start", &json!({"id": "p0"})),
                event("tool_use", &failed),
                event("text", &json!({"text": "Done."})),
                finish.clone(),
                finish,
            ],
        );
        assert_eq!(
            read.said[..5],
            [
                "system: session started",
                "assistant: bash: ls",
                "tool: The user rejected it.",
                "assistant: Done.",
                "system: step ended (stop)"
            ]
        );
        assert_eq!((read.tokens, read.cost.as_str()), ([700, 42, 300, 0], "0.00279"));
        assert_eq!(read.sessions, ["ses_1"]);
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        let error = json!({"type": "error", "sessionID": "ses_1", "error": {"name": "APIError", "data": {"message": "no key"}}});
        assert_eq!(read_by("opencode", &[error]).said[1], "system: no key");
    }
}
