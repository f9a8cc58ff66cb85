//! The author of a `system` message: Flightdeck itself, or an agent and what runs it.

use serde_json::Value;

use super::MessageRole;
use crate::text::JsonObject;

/// The author of a `system` message, as its metadata has it under [`Author::KEY`]. Only the server sets it; a value
/// from a client is removed. Older messages have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// Flightdeck: it reports an observed status, or a pause because of a budget.
    Server,
    /// The agent, its runtime, or a reader on its behalf: everything that is reported.
    Agent,
}

impl Author {
    /// The key in the metadata of a message.
    pub const KEY: &'static str = "flightdeck";

    /// The word in metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }

    /// The author of a message with this metadata, if it says so.
    #[must_use]
    pub fn of(metadata: &JsonObject) -> Option<Self> {
        let word = metadata.as_map().get(Self::KEY).and_then(Value::as_str)?;
        [Self::Server, Self::Agent].into_iter().find(|author| author.as_str() == word)
    }

    /// The metadata of a message of the server itself.
    pub(crate) fn server(metadata: Value) -> JsonObject {
        Self::Server.within(JsonObject::trusted(metadata))
    }

    /// The metadata of a reported message. A `system` message gets the mark of the agent; other messages have no mark.
    #[must_use]
    pub fn reported(role: MessageRole, metadata: JsonObject) -> JsonObject {
        match role {
            MessageRole::System => Self::Agent.within(metadata),
            _ if metadata.as_map().contains_key(Self::KEY) => {
                let mut map = serde_json::Map::from(metadata);
                map.remove(Self::KEY);
                JsonObject::trusted(map.into())
            }
            _ => metadata,
        }
    }

    /// Whether two messages have the same metadata, apart from the mark of the author.
    pub(super) fn is_all_that_differs(one: &JsonObject, other: &JsonObject) -> bool {
        let (one, other) = (one.as_map(), other.as_map());
        let told = |map: &serde_json::Map<String, Value>| map.len() - usize::from(map.contains_key(Self::KEY));
        told(one) == told(other) && one.iter().all(|(name, value)| name == Self::KEY || other.get(name) == Some(value))
    }

    fn within(self, metadata: JsonObject) -> JsonObject {
        let mut map = serde_json::Map::from(metadata);
        map.insert(Self::KEY.to_owned(), self.as_str().into());
        JsonObject::trusted(map.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nobody_passes_for_the_server() {
        for claimed in
            [json!({}), json!({"flightdeck": "server"}), json!({"flightdeck": {"by": "server"}, "type": "status"})]
        {
            let told = JsonObject::trusted(claimed);
            let system = Author::reported(MessageRole::System, told.clone());
            assert_eq!(Author::of(&system), Some(Author::Agent));
            assert_eq!(system.as_map().get("type"), told.as_map().get("type"));
            for role in [MessageRole::User, MessageRole::Assistant, MessageRole::Tool] {
                let plain = Author::reported(role, told.clone());
                assert!(!plain.as_map().contains_key(Author::KEY), "{role}");
                assert_eq!(plain.as_map().get("type"), told.as_map().get("type"));
            }
        }
        assert_eq!(Author::of(&Author::server(json!({"type": "status"}))), Some(Author::Server));
    }

    #[test]
    fn the_mark_makes_no_other_message_of_it() {
        let with = |value| JsonObject::trusted(value);
        let (before, after) = (with(json!({"a": 1})), with(json!({"a": 1, "flightdeck": "agent"})));
        assert!(Author::is_all_that_differs(&before, &after) && Author::is_all_that_differs(&after, &before));
        for other in [json!({}), json!({"a": 2}), json!({"a": 1, "b": 1}), json!({"b": 1, "flightdeck": "agent"})] {
            assert!(!Author::is_all_that_differs(&before, &with(other.clone())), "{other}");
        }
    }
}
