//! A message that is ready for the record.

use flightdeck_agent_io::text;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::{JsonObject, MessageContent};
use serde_json::{Map, Value};

/// What is left out of metadata that are too large, one after the other. The message's text shows the begin of it.
const LARGE: [&str; 6] = ["data", "input", "entries", "locations", "totals", "content"];

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

/// A line, unless there is nothing in it.
pub(crate) fn line(role: MessageRole, text: impl AsRef<str>, metadata: Value) -> Option<Line> {
    let content = MessageContent::new(text::shown(text.as_ref(), MessageContent::LIMIT)).ok()?;
    Some(Line { role, content, metadata: bounded(metadata) })
}

/// Metadata as they can be kept.
pub(crate) fn bounded(metadata: Value) -> JsonObject {
    let Value::Object(mut map) = metadata else { return JsonObject::default() };
    for name in LARGE {
        match JsonObject::new(map.clone()) {
            Ok(object) => return object,
            Err(_too_large) => {
                if map.remove(name).is_some() {
                    map.insert("leftOut".to_owned(), true.into());
                }
            }
        }
    }
    JsonObject::new(map).unwrap_or_default()
}

impl Line {
    /// The same with something more in its metadata.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        let mut map = Map::from(std::mem::take(&mut self.metadata));
        map.insert(name.to_owned(), value);
        self.metadata = bounded(Value::Object(map));
        self
    }
}
