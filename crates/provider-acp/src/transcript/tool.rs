//! Tool calls: the call and its end are a message each.

use std::collections::BTreeMap;

use agent_client_protocol::v1::schema::{
    ToolCall, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
};
use flightdeck_domain::message::MessageRole;
use serde_json::{Value, json};

use super::{Line, line, shown};

#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The calls of this turn that have not ended, by the agent's ids.
    open: BTreeMap<String, Call>,
}

#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the protocol calls it a tool call")]
struct Call {
    call: ToolCall,
    /// What the tool is called. The title often becomes what it is to do.
    name: String,
    /// Whether the call is on the record.
    told: bool,
}

impl Tools {
    pub(super) fn begin(&mut self, call: ToolCall, lines: &mut Vec<Line>) {
        let id = call.tool_call_id.to_string();
        // Some agents tell of a call twice.
        let told = self.open.remove(&id).is_some_and(|known| known.told);
        let name = call.name.clone().unwrap_or_else(|| call.title.clone());
        self.settle(id, Call { call, name, told }, lines);
    }

    pub(super) fn update(&mut self, update: ToolCallUpdate, lines: &mut Vec<Line>) {
        let id = update.tool_call_id.to_string();
        let known = self.open.remove(&id);
        let mut known = known.unwrap_or_else(|| {
            let title = update.fields.title.clone().unwrap_or_else(|| "tool".to_owned());
            Call { name: title.clone(), call: ToolCall::new(update.tool_call_id, title), told: false }
        });
        known.call.update(update.fields);
        self.settle(id, known, lines);
    }

    /// What has not ended by now will not.
    pub(super) fn end_turn(&mut self, lines: &mut Vec<Line>) {
        for (_, mut known) in std::mem::take(&mut self.open) {
            known.tell(lines);
            lines.extend(known.result("unfinished", true));
        }
    }

    fn settle(&mut self, id: String, mut known: Call, lines: &mut Vec<Line>) {
        match known.call.status {
            ToolCallStatus::Completed => {
                known.tell(lines);
                lines.extend(known.result("completed", false));
            }
            ToolCallStatus::Failed => {
                known.tell(lines);
                lines.extend(known.result("failed", true));
            }
            // What it is given often comes later than its name, and before it begins.
            ToolCallStatus::Pending => drop(self.open.insert(id, known)),
            _ => {
                known.tell(lines);
                self.open.insert(id, known);
            }
        }
    }
}

impl Call {
    fn tell(&mut self, lines: &mut Vec<Line>) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let call = &self.call;
        let input = call.raw_input.clone().unwrap_or_default();
        let text = if is_nothing(Some(&input)) { call.title.clone() } else { format!("{} {input}", call.title) };
        let about = json!({
            "type": "tool_call",
            "toolCallId": call.tool_call_id,
            "name": self.name,
            "kind": call.kind,
            "input": input,
            "locations": call.locations,
        });
        lines.extend(line(MessageRole::Tool, text, about));
    }

    fn result(&self, status: &str, failed: bool) -> Option<Line> {
        let about = json!({
            "type": "tool_result",
            "toolCallId": self.call.tool_call_id,
            "name": self.name,
            "status": status,
            "failed": failed,
        });
        let output = output(&self.call.content, self.call.raw_output.as_ref());
        line(MessageRole::Tool, if output.trim().is_empty() { status.to_owned() } else { output }, about)
    }
}

fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}

fn output(content: &[ToolCallContent], raw: Option<&Value>) -> String {
    let shown: Vec<String> = content.iter().map(shown_content).collect();
    match raw {
        _ if !shown.is_empty() => shown.join("\n"),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn shown_content(content: &ToolCallContent) -> String {
    match content {
        ToolCallContent::Content(content) => shown(&content.content),
        ToolCallContent::Diff(diff) => {
            let old = diff.old_text.as_deref().unwrap_or_default();
            let mut shown = format!("{}\n", diff.path.display());
            for (sign, text) in [('-', old), ('+', diff.new_text.as_str())] {
                for line in text.lines() {
                    shown.extend([sign]);
                    shown.extend([line, "\n"]);
                }
            }
            shown
        }
        ToolCallContent::Terminal(terminal) => format!("[terminal {}]", terminal.terminal_id),
        _ => "[something that is not shown]".to_owned(),
    }
}

/// What a permission request says of its tool call.
pub(crate) fn asked(id: &str, fields: &ToolCallUpdateFields) -> Value {
    let content: Vec<String> = fields.content.iter().flatten().map(shown_content).collect();
    json!({
        "toolCallId": id,
        "title": fields.title,
        "kind": fields.kind,
        "input": fields.raw_input,
        "content": content,
        "locations": fields.locations,
    })
}
