//! The usage that one message reports.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cost, Reading};
use crate::number::whole;
use crate::text::JsonObject;

/// What an agent has used since its last report. It is part of the message that it was used for.
///
/// In a conversation it is in the message's metadata under [`Usage::KEY`]. Metadata with another kind of value there
/// reports no usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Usage {
    model: Option<String>,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    cost: Option<Cost>,
}

/// Why a report of usage was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsage {
    /// The number of tokens is impossible.
    #[error("{field} is more than {} tokens", Usage::MOST_TOKENS)]
    TooMany {
        /// The field, as the API names it.
        field: &'static str,
    },
    /// The name is not that of a model.
    #[error("model must be a text of 1 to {} bytes", Usage::LONGEST_MODEL)]
    Model,
    /// It has no number.
    #[error(
        "says nothing: give at least one of inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens and costUsd"
    )]
    Empty,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(deserialize_with = "whole")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    cache_read_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    cache_write_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Cost>,
}

impl Usage {
    /// The key in a message's metadata.
    pub const KEY: &'static str = "usage";

    /// The largest number of tokens of one kind in one report.
    pub const MOST_TOKENS: u64 = 1_000_000_000_000;

    /// The longest name of a model, in bytes.
    pub const LONGEST_MODEL: usize = 200;

    /// The usage that a meter has counted; `None` if it is nothing. An impossible name of a model is left out, and an
    /// impossible number of tokens becomes the largest of one report.
    pub(super) fn of_parts(counted: Reading) -> Option<Self> {
        let tokens = |count: Option<u64>| count.unwrap_or_default().min(Self::MOST_TOKENS);
        let usage = Self {
            model: counted.model.filter(|model| is_model(model)),
            input_tokens: tokens(counted.input_tokens),
            output_tokens: tokens(counted.output_tokens),
            cache_read_tokens: tokens(counted.cache_read_tokens),
            cache_write_tokens: tokens(counted.cache_write_tokens),
            cost: counted.cost_usd,
        };
        let tokens = [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
        let is_nothing = tokens == [0; 4] && usage.cost.is_none_or(|cost| cost == Cost::ZERO);
        (!is_nothing).then_some(usage)
    }

    /// The usage in the metadata of a message.
    #[must_use]
    pub fn of(metadata: &JsonObject) -> Option<Self> {
        // An array whose items stand in the order of the fields is no report.
        let told = metadata.as_map().get(Self::KEY).filter(|told| told.is_object())?;
        Self::deserialize(told).ok()
    }

    /// Whether a message with this metadata says what telemetry has told, and not what the agent itself reports.
    #[must_use]
    pub fn is_by_telemetry(metadata: &JsonObject) -> bool {
        metadata.as_map().get("source").and_then(Value::as_str) == Some("telemetry")
    }

    /// The metadata with this usage in it, which replaces any other value there.
    #[must_use]
    pub fn within(self, metadata: JsonObject) -> JsonObject {
        let mut map = serde_json::Map::from(metadata);
        map.insert(Self::KEY.to_owned(), json!(self));
        JsonObject::trusted(map.into())
    }

    /// The model that was used, if the agent names it.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// What the model was given, without what was read from a cache or written to it.
    #[must_use]
    pub const fn input_tokens(&self) -> u64 {
        self.input_tokens
    }

    /// What the model wrote.
    #[must_use]
    pub const fn output_tokens(&self) -> u64 {
        self.output_tokens
    }

    /// What was read from the provider's cache.
    #[must_use]
    pub const fn cache_read_tokens(&self) -> u64 {
        self.cache_read_tokens
    }

    /// What was written to the provider's cache.
    #[must_use]
    pub const fn cache_write_tokens(&self) -> u64 {
        self.cache_write_tokens
    }

    /// The cost, if the agent knows it.
    #[must_use]
    pub const fn cost(&self) -> Option<Cost> {
        self.cost
    }
}

impl TryFrom<Fields> for Usage {
    type Error = InvalidUsage;

    fn try_from(fields: Fields) -> Result<Self, InvalidUsage> {
        let Fields { model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd } = fields;
        let tokens = [
            ("inputTokens", input_tokens),
            ("outputTokens", output_tokens),
            ("cacheReadTokens", cache_read_tokens),
            ("cacheWriteTokens", cache_write_tokens),
        ];
        if cost_usd.is_none() && tokens.iter().all(|(_, tokens)| tokens.is_none()) {
            return Err(InvalidUsage::Empty);
        }
        if let Some((field, _)) = tokens.iter().find(|(_, tokens)| tokens.is_some_and(|n| n > Self::MOST_TOKENS)) {
            return Err(InvalidUsage::TooMany { field });
        }
        if model.as_ref().is_some_and(|model| !is_model(model)) {
            return Err(InvalidUsage::Model);
        }
        Ok(Self {
            model,
            input_tokens: input_tokens.unwrap_or_default(),
            output_tokens: output_tokens.unwrap_or_default(),
            cache_read_tokens: cache_read_tokens.unwrap_or_default(),
            cache_write_tokens: cache_write_tokens.unwrap_or_default(),
            cost: cost_usd,
        })
    }
}

impl From<Usage> for Fields {
    fn from(usage: Usage) -> Self {
        Self {
            model: usage.model,
            input_tokens: Some(usage.input_tokens),
            output_tokens: Some(usage.output_tokens),
            cache_read_tokens: Some(usage.cache_read_tokens),
            cache_write_tokens: Some(usage.cache_write_tokens),
            cost_usd: usage.cost,
        }
    }
}

fn is_model(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= Usage::LONGEST_MODEL && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Usage, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_is_nothing_and_what_is_unknown_is_refused() {
        let usage = read(json!({"inputTokens": 5, "costUsd": 0.25})).expect("valid");
        assert_eq!((usage.input_tokens(), usage.output_tokens()), (5, 0));
        assert_eq!(usage.cost().map(Cost::nanos), Some(250_000_000));
        assert!(read(json!({"input_tokens": 5})).expect_err("refused").contains("input_tokens"));
        assert!(read(json!({})).expect_err("refused").contains("says nothing"));
        assert!(read(json!({"outputTokens": Usage::MOST_TOKENS + 1})).expect_err("refused").contains("outputTokens"));
        assert!(read(json!({"costUsd": -1})).is_err());
    }

    #[test]
    fn the_name_of_the_model_is_kept_with_it() {
        let usage = read(json!({"model": "opus", "outputTokens": 7})).expect("valid");
        assert_eq!(usage.model(), Some("opus"));
        assert_eq!(Usage::of(&usage.clone().within(JsonObject::default())), Some(usage));
        assert!(read(json!({"model": " ", "outputTokens": 7})).expect_err("refused").starts_with("model must be"));
        assert!(read(json!({"model": "opus"})).expect_err("refused").contains("says nothing"));
    }

    #[test]
    fn it_is_found_in_the_metadata_that_it_was_put_into() {
        let usage = read(json!({"outputTokens": 7})).expect("valid");
        let metadata = JsonObject::trusted(json!({"model": "m"}));
        let with = usage.clone().within(metadata.clone());
        assert_eq!(Usage::of(&with), Some(usage));
        assert_eq!(with.as_map().get("model"), metadata.as_map().get("model"));
    }

    #[test]
    fn metadata_of_another_shape_says_nothing() {
        for other in [json!({}), json!({"usage": 3}), json!({"usage": {"input_tokens": 3}}), json!({"usage": {}})] {
            assert_eq!(Usage::of(&JsonObject::trusted(other)), None);
        }
    }
}
