//! A text that comes in pieces.

use flightdeck_domain::message::MessageRole;
use serde_json::json;

use super::{Line, line};

/// A text that has grown so long goes into the record, and goes on in the next message.
const LONGEST: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct OpenItem {
    role: MessageRole,
    kind: &'static str,
    /// The agent's own id of the message, where it gives one.
    message: Option<String>,
    text: String,
}

impl OpenItem {
    pub(super) const fn new(role: MessageRole, kind: &'static str, message: Option<String>) -> Self {
        Self { role, kind, message, text: String::new() }
    }

    pub(super) const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a piece belongs to it. A piece without an id does not belong to a message that has one: agents put notices
    /// of their own between.
    pub(super) fn continues(&self, role: MessageRole, kind: &str, message: Option<&str>) -> bool {
        self.role == role && self.kind == kind && self.message.as_deref() == message
    }

    /// Adds a piece; gives back a message when there is enough for one.
    pub(super) fn push(&mut self, piece: &str) -> Option<Line> {
        self.text.push_str(piece);
        if self.text.len() < LONGEST {
            return None;
        }
        let text = std::mem::take(&mut self.text);
        self.told(text)
    }

    pub(super) fn end(mut self) -> Option<Line> {
        let text = std::mem::take(&mut self.text);
        self.told(text)
    }

    fn told(&self, text: String) -> Option<Line> {
        let mut about = json!({"type": self.kind});
        if let (Some(map), Some(message)) = (about.as_object_mut(), &self.message) {
            map.insert("messageId".to_owned(), message.as_str().into());
        }
        line(self.role, text, about)
    }
}
