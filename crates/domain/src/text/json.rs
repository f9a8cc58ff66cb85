//! Free-form JSON of a limited size.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidText;

/// Free-form JSON about a session or message, at most [`JsonObject::LIMIT`] bytes as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Map<String, serde_json::Value>", into = "serde_json::Map<String, serde_json::Value>")]
pub struct JsonObject(serde_json::Map<String, serde_json::Value>);

impl JsonObject {
    /// The longest value, in bytes of its JSON text.
    pub const LIMIT: usize = 262_144;

    /// Checks and wraps an object.
    ///
    /// # Errors
    /// The object's JSON text is longer than [`JsonObject::LIMIT`].
    pub fn new(map: serde_json::Map<String, serde_json::Value>) -> Result<Self, InvalidText> {
        if map.is_empty() {
            return Ok(Self::default());
        }
        let length = serde_json::Value::Object(map.clone()).to_string().len();
        if length > Self::LIMIT {
            return Err(InvalidText::TooLong { length, limit: Self::LIMIT });
        }
        Ok(Self(map))
    }

    /// Wraps an object that the domain itself made; a value that is no object becomes an empty object.
    pub(crate) fn trusted(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    /// The object.
    #[must_use]
    pub const fn as_map(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0
    }

    /// The length of its JSON text, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        if self.is_empty() { 2 } else { self.to_string().len() }
    }

    /// Whether another object has the same content, in any order and with any form of numbers: a database may write 1e2
    /// as 100.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        same_members(&self.0, &other.0)
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn same_members(
    one: &serde_json::Map<String, serde_json::Value>,
    other: &serde_json::Map<String, serde_json::Value>,
) -> bool {
    one.len() == other.len() && one.iter().all(|(name, value)| other.get(name).is_some_and(|it| same_value(value, it)))
}

fn same_value(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(one), Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Object(one), Object(other)) => same_members(one, other),
        _ => one == other,
    }
}

impl TryFrom<serde_json::Map<String, serde_json::Value>> for JsonObject {
    type Error = InvalidText;

    fn try_from(map: serde_json::Map<String, serde_json::Value>) -> Result<Self, InvalidText> {
        Self::new(map)
    }
}

impl From<JsonObject> for serde_json::Map<String, serde_json::Value> {
    fn from(object: JsonObject) -> Self {
        object.0
    }
}

impl fmt::Display for JsonObject {
    /// The JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::json!(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_limit() {
        let mut map = serde_json::Map::new();
        map.insert("k".to_owned(), "v".repeat(JsonObject::LIMIT).into());
        assert!(matches!(JsonObject::new(map), Err(InvalidText::TooLong { .. })));
    }

    #[test]
    fn the_same_is_said_in_whatever_order_and_notation() {
        let object = |json: serde_json::Value| JsonObject::trusted(json);
        let one = object(serde_json::json!({"a": 100, "b": [{"c": 1.0}], "d": null}));
        assert!(one.says_the_same(&object(serde_json::json!({"d": null, "b": [{"c": 1}], "a": 1e2}))));
        for other in [
            serde_json::json!({"a": 100, "b": [{"c": 1.0}]}),
            serde_json::json!({"a": 100, "b": [{"c": 1.0}], "e": null}),
            serde_json::json!({"a": 101, "b": [{"c": 1.0}], "d": null}),
            serde_json::json!({"a": 100, "b": [], "d": null}),
            serde_json::json!({"a": "100", "b": [{"c": 1.0}], "d": null}),
        ] {
            assert!(!one.says_the_same(&object(other.clone())), "{other}");
        }
    }
}
