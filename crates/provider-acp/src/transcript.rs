//! What an agent says becomes messages: one for each item, however many pieces it came in.
//!
//! | the agent says | role | metadata |
//! | --- | --- | --- |
//! | text | `assistant` | `{"type": "message", "messageId"}` |
//! | thoughts | `assistant` | `{"type": "thought", "messageId"}` |
//! | a tool call | `tool` | `{"type": "tool_call", "toolCallId", "name", "kind", "input", "locations"}` |
//! | that it has ended | `tool` | `{"type": "tool_result", "toolCallId", "name", "status", "failed", "exit"}`; `"late": true` when the end was on the record already |
//! | a plan | `assistant` | `{"type": "plan", "entries"}` |
//! | what it has used | `system` | `{"type": "usage", "contextUsed", "contextSize", "cost", "usage", "totals"}`, at the end of a turn, and every ten seconds within one, for each model; `usage` is what is summed up, `totals` is where a session goes on that takes this one up |
//! | a notice, that it shortens its context | `system` | `{"type": "notice"}`, `{"type": "compaction"}` |
//! | what was said to it, when it takes up an earlier session | `user` | `{"type": "message"}` |
//! | what nobody understands | `system` | `{"type": "not_understood", "data"}` |
//!
//! What an agent repeats of an earlier session bears `"replayed": true`.

mod block;
mod call;
mod item;
mod line;
mod tool;
mod usage;

use std::collections::BTreeSet;

use flightdeck_agent_io::text;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use self::item::OpenItem;
pub use self::line::Line;
pub(crate) use self::line::{bounded, line};
pub(crate) use self::tool::AskedCall;
use self::tool::Tools;

use self::usage::Counter;
pub(crate) use self::usage::TOTALS;
use crate::config::UsageScope;

/// So many kinds of updates that nobody knows are told of, each once.
const UNKNOWN: usize = 50;
/// So much is shown of what nobody understands, in bytes.
const HEAD: usize = 300;

/// What has been said and is not a message yet.
#[derive(Debug, Default)]
pub struct Transcript {
    open: Option<OpenItem>,
    /// How many texts there were.
    texts: u64,
    tools: Tools,
    plan: Option<Value>,
    usage: Counter,
    /// The kinds of updates that nobody knows and that were told of.
    unknown: BTreeSet<String>,
    replays: bool,
    hears_user: bool,
}

impl Transcript {
    /// An empty one, of an agent that tells its usage in this way.
    #[must_use]
    pub fn new(scope: UsageScope) -> Self {
        Self { usage: Counter::new(scope), ..Self::default() }
    }

    /// An empty one of a session that others than Flightdeck prompt: their prompts are part of it.
    #[must_use]
    pub fn of_sub_agent(scope: UsageScope) -> Self {
        Self { hears_user: true, ..Self::new(scope) }
    }

    /// Goes on from the totals of the session that this one takes up.
    pub fn go_on_from(&mut self, totals: Vec<Reading>) {
        self.usage.go_on_from(totals);
    }

    /// Takes in what an agent says; gives back what is complete by it.
    pub fn take(&mut self, update: &Value) -> Vec<Line> {
        let mut lines = Vec::new();
        let kind = update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "agent_message_chunk" => self.text(MessageRole::Assistant, "message", update, &mut lines),
            "agent_thought_chunk" => self.text(MessageRole::Assistant, "thought", update, &mut lines),
            // Of a turn that we began the prompt is on the record already.
            "user_message_chunk" if self.replays || self.hears_user => {
                self.text(MessageRole::User, "message", update, &mut lines);
            }
            "compaction_summary_chunk" => self.text(MessageRole::System, "compaction", update, &mut lines),
            "tool_call" | "tool_call_update" => match identifier(update.get("toolCallId")) {
                Some(id) => {
                    self.close(&mut lines);
                    self.tools.take(&id, update, kind == "tool_call", &mut lines);
                }
                None => lines.extend(not_understood(update)),
            },
            "plan" => self.planned(update, &mut lines),
            "usage_update" => self.usage.update(update, self.replays),
            "notice" => {
                self.close(&mut lines);
                let parts = ["title", "description"].map(|name| update.get(name).and_then(Value::as_str));
                let text = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
                let about = json!({"type": "notice", "severity": update.get("severity")});
                lines.extend(line(MessageRole::System, text, about));
            }
            "compaction_update" => {
                self.close(&mut lines);
                let status = update.get("status").and_then(Value::as_str).unwrap_or("in progress");
                let error = update.get("error").and_then(Value::as_str).map(|error| format!(": {error}"));
                let text = format!("the agent shortens its context: {status}{}", error.unwrap_or_default());
                lines.extend(line(MessageRole::System, text, json!({"type": "compaction", "status": status})));
            }
            kind if is_no_part(kind) => {}
            other => self.unknown(other, update, &mut lines),
        }
        self.marked(lines)
    }

    /// A permission request is about this call: it is on the record before anybody decides.
    pub(crate) fn asked(&mut self, id: &str, call: &Value) -> (Vec<Line>, AskedCall) {
        let mut lines = Vec::new();
        self.close(&mut lines);
        let asked = self.tools.asked(id, call, &mut lines);
        (self.marked(lines), asked)
    }

    /// A call may not run, for this reason.
    pub(crate) fn refused(&mut self, id: &str, status: &str, why: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        self.close(&mut lines);
        self.tools.refused(id, status, why, &mut lines);
        self.marked(lines)
    }

    /// A prompt is answered with this: what it says of usage counts, and the text of the next prompt is another message.
    pub fn answered(&mut self, result: &Value) -> Vec<Line> {
        let mut lines = Vec::new();
        self.close(&mut lines);
        if !self.replays {
            self.usage.answered(result);
        }
        self.marked(lines)
    }

    /// Nothing more is coming just now: what is being said is complete.
    pub fn flush(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.close(&mut lines);
        self.tools.tell(&mut lines);
        lines.extend(self.usage.told());
        self.marked(lines)
    }

    /// The turn has ended: whatever is open is complete.
    pub fn end_turn(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.close(&mut lines);
        self.tools.end_turn(&mut lines);
        lines.extend(self.usage.told());
        self.marked(lines)
    }

    /// What was used and is not told, while the turn goes on: a budget acts on it.
    pub fn used_so_far(&mut self) -> Vec<Line> {
        if self.usage.has_untold() { self.usage.told() } else { Vec::new() }
    }

    /// Whether there is something that a flush would tell.
    #[must_use]
    pub fn has_open(&self) -> bool {
        self.open.is_some() || self.tools.has_untold() || self.usage.has_news()
    }

    /// Whether a call has begun and not ended.
    pub(crate) fn has_open_calls(&self) -> bool {
        self.tools.has_open()
    }

    /// From now on the agent repeats an earlier session, or no longer does.
    pub const fn replay(&mut self, replays: bool) {
        self.replays = replays;
    }

    /// What is being said, as far as it is known: its kind and its text.
    #[must_use]
    pub fn preview(&self) -> Option<(&'static str, &str)> {
        self.open.as_ref().map(|open| (open.kind(), open.text()))
    }

    fn text(&mut self, role: MessageRole, kind: &'static str, update: &Value, lines: &mut Vec<Line>) {
        let Some(content) = update.get("content").filter(|content| !content.is_null()) else {
            return lines.extend(not_understood(update));
        };
        let message = identifier(update.get("messageId"));
        if self.open.as_ref().is_some_and(|open| !open.continues(role, kind, message.as_deref())) {
            self.close(lines);
        }
        if self.open.is_none() {
            self.texts += 1;
        }
        if !self.replays {
            let known = message.clone().unwrap_or_else(|| format!("text {}", self.texts));
            self.usage.meta(&known, update.get("_meta"));
        }
        let open = self.open.get_or_insert_with(|| OpenItem::new(role, kind, message));
        lines.extend(open.push(&block::shown(content)));
    }

    fn planned(&mut self, update: &Value, lines: &mut Vec<Line>) {
        let entries = update.get("entries").cloned().unwrap_or_default();
        if self.plan.as_ref() == Some(&entries) {
            return;
        }
        self.close(lines);
        match planned(&entries) {
            Some(plan) => lines.push(plan),
            None if entries.as_array().is_some_and(Vec::is_empty) => {}
            None => lines.extend(not_understood(update)),
        }
        self.plan = Some(entries);
    }

    fn unknown(&mut self, kind: &str, update: &Value, lines: &mut Vec<Line>) {
        if self.unknown.contains(kind) || self.unknown.len() >= UNKNOWN {
            return;
        }
        self.unknown.insert(kind.to_owned());
        self.close(lines);
        let rest = if self.unknown.len() >= UNKNOWN {
            "nothing more of this kind is told"
        } else {
            "the next one of this kind is not told"
        };
        let what = text::one_line(&update.to_string(), HEAD);
        let text = format!("the agent told something that is not known here ({rest}): {what}");
        lines.extend(line(MessageRole::System, text, json!({"type": "not_understood", "data": update})));
    }

    fn close(&mut self, lines: &mut Vec<Line>) {
        lines.extend(self.open.take().and_then(OpenItem::end));
    }

    fn marked(&self, lines: Vec<Line>) -> Vec<Line> {
        if !self.replays {
            return lines;
        }
        lines.into_iter().map(|line| line.with("replayed", true.into())).collect()
    }
}

/// Names of commands, modes and settings, and what is seen otherwise, are no part of the conversation.
fn is_no_part(kind: &str) -> bool {
    matches!(
        kind,
        "user_message_chunk"
            | "available_commands_update"
            | "current_mode_update"
            | "config_option_update"
            | "session_info_update"
            | "subagent_update"
    )
}

/// An update that tells nothing of the agent's work, so that it is no sign that the agent has taken in a prompt.
pub(crate) fn is_aside(update: &Value) -> bool {
    let kind = update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default();
    kind == "usage_update" || is_no_part(kind)
}

fn identifier(id: Option<&Value>) -> Option<String> {
    match id? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn not_understood(update: &Value) -> Option<Line> {
    let what = text::one_line(&update.to_string(), HEAD);
    let text = format!("the agent told something that could not be understood: {what}");
    line(MessageRole::System, text, json!({"type": "not_understood", "data": update}))
}

fn planned(entries: &Value) -> Option<Line> {
    let mut steps = Vec::new();
    for entry in entries.as_array().into_iter().flatten() {
        let word = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let mark = match word("status") {
            "completed" => "x",
            "in_progress" => ">",
            _ => " ",
        };
        steps.push(format!("[{mark}] {}", word("content")));
    }
    line(MessageRole::Assistant, steps.join("\n"), json!({"type": "plan", "entries": entries}))
}

#[cfg(test)]
mod tests;
