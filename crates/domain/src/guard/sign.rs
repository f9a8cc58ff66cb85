//! What a message tells the guard.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::message::{Author, Message, MessageRole};
use crate::usage::{Cost, Usage};

/// What a message tells the guard: small, and nothing of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A tool is called, under an id that the agent has for the call.
    Call {
        /// The id.
        id: String,
        /// What is called with what.
        what: [u8; 32],
    },
    /// A call has a result.
    Result {
        /// The id of the call, if it has one.
        id: Option<String>,
        /// The name of the tool, if it is told.
        name: Option<String>,
        /// The result.
        what: [u8; 32],
    },
    /// Something was spent.
    Spent(Cost),
}

/// So many bytes of a name are told.
const NAME: usize = 100;

pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Sign {
    /// What a message tells; nothing for most of them. What an agent repeats of an earlier session, and what the server says
    /// itself, tell nothing.
    ///
    /// Calls and results are known by `type` in the metadata, as the providers of Flightdeck write them: `tool_call`, and
    /// `tool_result`, `tool_error` or `tool_denied`. They belong together by `toolCallId`, or `tool_use_id` in `data`. Any
    /// other message with the role `tool` is a call with its result.
    #[must_use]
    pub fn of(message: &Message) -> Vec<Self> {
        let about = message.metadata.as_map();
        let is_replayed = about.get("replayed").and_then(Value::as_bool).unwrap_or_default();
        if is_replayed || Author::of(&message.metadata) == Some(Author::Server) {
            return Vec::new();
        }
        let kind = about.get("type").and_then(Value::as_str);
        let mut signs = Vec::new();
        match kind {
            Some("tool_call") => signs.extend(Self::call(message)),
            Some("tool_result" | "tool_error" | "tool_denied") => signs.push(Self::result(message)),
            _ if message.role == MessageRole::Tool => signs.push(Self::result(message)),
            _ => {}
        }
        let cost = Usage::of(&message.metadata).and_then(|usage| usage.cost()).filter(|cost| *cost != Cost::ZERO);
        signs.extend(cost.map(Self::Spent));
        signs
    }

    fn call(message: &Message) -> Option<Self> {
        let about = message.metadata.as_map();
        let data = about.get("data");
        let input = about.get("input").or_else(|| data?.get("tool_input")).unwrap_or(&Value::Null);
        let name = name(message).unwrap_or_default();
        let what = digest(&[name.as_bytes(), message.content.as_str().as_bytes(), input.to_string().as_bytes()]);
        Some(Self::Call { id: id(message)?, what })
    }

    fn result(message: &Message) -> Self {
        let name = name(message);
        let named = name.clone().unwrap_or_default();
        let what = digest(&[named.as_bytes(), message.content.as_str().as_bytes()]);
        Self::Result { id: id(message), name, what }
    }
}

/// A member of the metadata, or of what the hooks of an agent say.
fn word<'m>(message: &'m Message, own: &str, of_hooks: &str) -> Option<&'m str> {
    let about = message.metadata.as_map();
    about.get(own).or_else(|| about.get("data")?.get(of_hooks))?.as_str()
}

fn id(message: &Message) -> Option<String> {
    word(message, "toolCallId", "tool_use_id").map(str::to_owned)
}

fn name(message: &Message) -> Option<String> {
    let name = word(message, "name", "tool_name")?;
    let end = name.floor_char_boundary(NAME);
    name.get(..end).map(str::to_owned)
}
