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

    /// Whether a piece belongs to it.
    pub(super) fn continues(&self, role: MessageRole, kind: &str, message: Option<&str>) -> bool {
        let same = match (self.message.as_deref(), message) {
            (Some(open), Some(message)) => open == message,
            _ => true,
        };
        self.role == role && self.kind == kind && same
    }

    /// Adds a piece; gives back a message when there is enough for one.
    pub(super) fn push(&mut self, piece: &str) -> Option<Line> {
        self.text.push_str(piece);
        if self.text.len() < LONGEST {
            return None;
        }
        let text = std::mem::take(&mut self.text);
        line(self.role, text, json!({"type": self.kind}))
    }

    pub(super) fn end(self) -> Option<Line> {
        line(self.role, self.text, json!({"type": self.kind}))
    }
}
