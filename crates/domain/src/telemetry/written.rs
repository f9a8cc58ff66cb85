//! Reports as messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Report, ToolCall, What};
use crate::ids::{MessageId, SessionId};
use crate::message::{Message, MessageRole};
use crate::text::{JsonObject, MessageContent};
use crate::time::Timestamp;
use crate::usage::{Meter, Usage};

/// The longest name of a tool, model or call that is kept, in characters.
const LONGEST: usize = 200;

/// A message that a report becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its id: the same for the same report.
    pub id: MessageId,
    /// Its role.
    pub role: MessageRole,
    /// Its text.
    pub content: MessageContent,
    /// Other data.
    pub metadata: JsonObject,
    /// What was used.
    pub usage: Option<Usage>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// The agent's id of the tool call that it is about.
    pub call: Option<String>,
}

/// The message that a report of a session becomes; `None` when it says nothing.
#[must_use]
pub fn written(session: SessionId, report: &Report) -> Option<Written> {
    match &report.what {
        What::Usage(reading) => {
            let usage = Meter::default().since(reading.clone())?;
            let words = format!("usage of {}", line(usage.model().unwrap_or("the model")));
            let metadata = JsonObject::trusted(json!({"type": "usage", "source": "telemetry"}));
            let (id, content) = (id(session, &report.once), MessageContent::new(words).ok()?);
            let (role, usage) = (MessageRole::System, Some(usage));
            Some(Written { id, role, content, metadata, usage, at: report.at, call: None })
        }
        What::Tool(tool) => {
            let call = tool.call.as_deref().map(line).filter(|call| !call.is_empty());
            // A span and a log record of one call are one message.
            let once = call.as_ref().map_or_else(|| report.once.clone(), |call| format!("call/{call}"));
            Some(Written {
                id: id(session, &once),
                role: MessageRole::Tool,
                content: MessageContent::new(words(tool)).ok()?,
                metadata: metadata(tool, call.as_deref()),
                usage: None,
                at: report.at,
                call,
            })
        }
    }
}

fn id(session: SessionId, once: &str) -> MessageId {
    MessageId::new(Uuid::new_v5(session.as_uuid(), format!("telemetry/{once}").as_bytes()))
}

fn words(tool: &ToolCall) -> String {
    let ended = match tool.ok {
        Some(true) => " succeeded",
        Some(false) => " failed",
        None => " ended",
    };
    let lasted = tool.duration_ms.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    format!("{}{ended}{lasted}", line(&tool.name))
}

fn metadata(tool: &ToolCall, call: Option<&str>) -> JsonObject {
    let mut map = Map::new();
    map.insert("type".to_owned(), "tool_result".into());
    map.insert("source".to_owned(), "telemetry".into());
    map.insert("name".to_owned(), line(&tool.name).into());
    if let Some(call) = call {
        map.insert("toolCallId".to_owned(), call.into());
    }
    if let Some(ok) = tool.ok {
        map.insert("status".to_owned(), if ok { "completed" } else { "failed" }.into());
        map.insert("failed".to_owned(), (!ok).into());
    }
    if let Some(ms) = tool.duration_ms {
        map.insert("durationMs".to_owned(), ms.into());
    }
    JsonObject::trusted(Value::Object(map))
}

/// A name on one line, without what no text holds.
fn line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect::<String>().trim().to_owned()
}

/// The ids of tool calls that these messages are about, in the words of those who write messages.
#[must_use]
pub fn calls(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().filter_map(|message| call_id(message.metadata.as_map())).collect()
}

/// The id of the tool call that a message is about.
pub(super) fn call_id(map: &Map<String, Value>) -> Option<String> {
    word(map, &["toolCallId", "toolUseId", "tool_call_id", "tool_use_id", "call_id"])
}

/// The name of the tool that a message is about.
pub(super) fn tool_name(map: &Map<String, Value>) -> Option<String> {
    word(map, &["name", "tool", "toolName", "tool_name"])
}

/// The first of these texts in the metadata of a message, or in the hook that it was made of.
fn word(map: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let within = map.get("data").and_then(Value::as_object);
    let found = |map: &Map<String, Value>| names.iter().find_map(|name| map.get(*name)?.as_str().map(line));
    found(map).or_else(|| found(within?)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::session_id;
    use crate::telemetry::SessionHint;
    use crate::usage::Reading;

    fn report(once: &str, what: What) -> Report {
        Report { session: SessionHint::default(), at: None, once: once.to_owned(), what }
    }

    fn tool(call: Option<&str>, ok: Option<bool>) -> What {
        let call = call.map(ToOwned::to_owned);
        What::Tool(ToolCall { call, name: "Bash\n".to_owned(), ok, duration_ms: Some(53) })
    }

    #[test]
    fn one_call_is_one_message_whoever_tells_of_it() {
        let of = |once: &str, what| written(session_id(1), &report(once, what)).expect("written");
        let (log, span) = (of("log/1", tool(Some("c1"), Some(true))), of("span/1", tool(Some("c1"), None)));
        assert_eq!(log.id, span.id);
        assert_eq!(log.content.as_str(), "Bash succeeded after 53 ms");
        assert_eq!(log.metadata.as_map()["toolCallId"], "c1");
        assert_eq!(log.metadata.as_map()["failed"], false);
        assert!(!span.metadata.as_map().contains_key("failed"));
        let unnamed = |once| of(once, tool(None, None)).id;
        assert_eq!(unnamed("span/1"), unnamed("span/1"));
        assert_ne!(unnamed("span/1"), unnamed("span/2"));
        assert_ne!(written(session_id(2), &report("log/1", tool(Some("c1"), None))).expect("written").id, log.id);
    }

    #[test]
    fn usage_goes_through_the_meter_and_nothing_says_nothing() {
        let reading = Reading { model: Some("m".to_owned()), output_tokens: Some(7), ..Reading::default() };
        let told = written(session_id(1), &report("log/1", What::Usage(reading))).expect("written");
        assert_eq!(told.usage.map(|usage| usage.output_tokens()), Some(7));
        assert_eq!((told.role, told.content.as_str()), (MessageRole::System, "usage of m"));
        let nothing = Reading { model: Some("m".to_owned()), output_tokens: Some(0), ..Reading::default() };
        assert_eq!(written(session_id(1), &report("log/2", What::Usage(nothing))), None);
    }
}
