//! What an agent says becomes messages: one for each item, however many pieces it came in.
//!
//! | the agent says | role | metadata |
//! | --- | --- | --- |
//! | text | `assistant` | `{"type": "message"}` |
//! | thoughts | `assistant` | `{"type": "thought"}` |
//! | a tool call | `tool` | `{"type": "tool_call", "toolCallId", "name", "kind", "input", "locations"}` |
//! | that it has ended | `tool` | `{"type": "tool_result", "toolCallId", "name", "status", "failed"}` |
//! | a plan | `assistant` | `{"type": "plan", "entries"}` |
//! | what it has used | `system` | `{"type": "usage", "contextUsed", "contextSize", "cost"}`, once a turn; with what the turn cost in US dollars as `usage.costUsd`, which is summed up |
//! | what was said to it, when it takes up an earlier session | `user` | `{"type": "message"}` |
//!
//! What an agent repeats of an earlier session bears `"replayed": true`.

mod item;
pub(crate) mod tool;

use agent_client_protocol::v1::schema::{ContentBlock, ContentChunk, Plan, SessionUpdate, UsageUpdate};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::{JsonObject, MessageContent};
use serde_json::{Map, Value, json};

use self::item::OpenItem;
use self::tool::Tools;

/// A message that is ready for the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: MessageContent,
    /// What it is.
    pub metadata: JsonObject,
}

/// What has been said and is not a message yet.
#[derive(Debug, Default)]
pub struct Transcript {
    open: Option<OpenItem>,
    tools: Tools,
    plan: Option<Plan>,
    usage: Option<UsageUpdate>,
    /// What the session had cost in US dollars when that was last told.
    cost_told: f64,
    replays: bool,
}

impl Transcript {
    /// Takes in what an agent says; gives back what is complete by it.
    pub fn take(&mut self, update: SessionUpdate) -> Vec<Line> {
        let mut lines = Vec::new();
        match update {
            SessionUpdate::AgentMessageChunk(chunk) => self.text(MessageRole::Assistant, "message", &chunk, &mut lines),
            SessionUpdate::AgentThoughtChunk(chunk) => self.text(MessageRole::Assistant, "thought", &chunk, &mut lines),
            // Of a turn that we began the prompt is on the record already.
            SessionUpdate::UserMessageChunk(chunk) if self.replays => {
                self.text(MessageRole::User, "message", &chunk, &mut lines);
            }
            SessionUpdate::ToolCall(call) => {
                self.close(&mut lines);
                self.tools.begin(call, &mut lines);
            }
            SessionUpdate::ToolCallUpdate(update) => {
                self.close(&mut lines);
                self.tools.update(update, &mut lines);
            }
            SessionUpdate::Plan(plan) if self.plan.as_ref() != Some(&plan) => {
                self.close(&mut lines);
                lines.extend(planned(&plan));
                self.plan = Some(plan);
            }
            SessionUpdate::UsageUpdate(usage) => self.usage = Some(usage),
            // Names of commands, modes and settings are no part of the conversation.
            _ => {}
        }
        self.marked(lines)
    }

    /// The turn has ended: whatever is open is complete.
    pub fn end_turn(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.close(&mut lines);
        self.tools.end_turn(&mut lines);
        lines.extend(self.usage.take().and_then(|usage| self.used(&usage)));
        self.marked(lines)
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

    fn used(&mut self, usage: &UsageUpdate) -> Option<Line> {
        let cost = usage.cost.as_ref().map(|cost| json!({"amount": cost.amount, "currency": cost.currency}));
        let so_far = usage.cost.as_ref().map(|cost| format!(", cost {} {} so far", cost.amount, cost.currency));
        let text = format!("context {} of {} tokens{}", usage.used, usage.size, so_far.unwrap_or_default());
        let mut about = json!({"type": "usage", "contextUsed": usage.used, "contextSize": usage.size, "cost": cost});
        let dollars = usage.cost.as_ref().filter(|cost| cost.currency == "USD").map(|cost| cost.amount);
        // Agents tell what the whole session cost; what counts is what it cost since that was last told.
        if let Some(since) = dollars.map(|dollars| dollars - self.cost_told).filter(|since| *since > 0.0) {
            self.cost_told += since;
            // An earlier session's cost was counted there.
            if !self.replays
                && let Value::Object(about) = &mut about
            {
                about.insert("usage".to_owned(), json!({"costUsd": since}));
            }
        }
        line(MessageRole::System, text, about)
    }

    fn text(&mut self, role: MessageRole, kind: &'static str, chunk: &ContentChunk, lines: &mut Vec<Line>) {
        let message = chunk.message_id.as_ref().map(ToString::to_string);
        if self.open.as_ref().is_some_and(|open| !open.continues(role, kind, message.as_deref())) {
            self.close(lines);
        }
        let open = self.open.get_or_insert_with(|| OpenItem::new(role, kind, message));
        lines.extend(open.push(&shown(&chunk.content)));
    }

    fn close(&mut self, lines: &mut Vec<Line>) {
        lines.extend(self.open.take().and_then(OpenItem::end));
    }

    fn marked(&self, mut lines: Vec<Line>) -> Vec<Line> {
        if self.replays {
            for line in &mut lines {
                let mut metadata = Map::from(line.metadata.clone());
                metadata.insert("replayed".to_owned(), true.into());
                line.metadata = JsonObject::new(metadata).unwrap_or_default();
            }
        }
        lines
    }
}

/// A line, unless there is nothing in it.
pub(crate) fn line(role: MessageRole, text: impl Into<String>, metadata: Value) -> Option<Line> {
    let content = MessageContent::new(shortened(text.into())).ok()?;
    // Only what a tool was given can be so large, and then the message itself still shows the begin of it.
    Some(Line { role, content, metadata: serde_json::from_value(metadata).unwrap_or_default() })
}

/// What a message cannot hold is left out at its end, and said to be.
fn shortened(mut text: String) -> String {
    const LEFT_OUT: &str = "\n[the rest is left out: it is too long]";
    let most = MessageContent::LIMIT;
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - LEFT_OUT.len()));
        text.push_str(LEFT_OUT);
    }
    text
}

/// What a block shows in a text.
pub(crate) fn shown(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[image, {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[sound, {}]", audio.mime_type),
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        ContentBlock::Resource(_) => "[an embedded resource]".to_owned(),
        _ => "[something that is not shown]".to_owned(),
    }
}

fn planned(plan: &Plan) -> Option<Line> {
    let entries = serde_json::to_value(&plan.entries).unwrap_or_default();
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
