//! What an operator chooses of an agent that is at work.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::ChoiceName;

/// Another model, another mode, or both, by the agent's own names of them. What is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ChoiceName>,
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ChoiceName>,
}

impl Choice {
    /// Whether nothing is chosen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.model.is_none() && self.mode.is_none()
    }
}

/// In words: `model opus and mode plan`.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.model, &self.mode) {
            (Some(model), Some(mode)) => write!(f, "model {model} and mode {mode}"),
            (Some(model), None) => write!(f, "model {model}"),
            (None, Some(mode)) => write!(f, "mode {mode}"),
            (None, None) => f.write_str("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_told_in_words_and_kept_as_what_is_given() {
        let name = |text: &str| Some(ChoiceName::new(text).expect("valid"));
        let both = Choice { model: name("opus"), mode: name("plan") };
        let cases = [
            (both, "model opus and mode plan", json!({"model": "opus", "mode": "plan"})),
            (Choice { model: name("opus"), mode: None }, "model opus", json!({"model": "opus"})),
            (Choice { model: None, mode: name("plan") }, "mode plan", json!({"mode": "plan"})),
            (Choice::default(), "nothing", json!({})),
        ];
        for (choice, words, kept) in cases {
            assert_eq!(choice.is_empty(), words == "nothing");
            assert_eq!(choice.to_string(), words);
            assert_eq!(json!(choice), kept);
            assert_eq!(serde_json::from_value::<Choice>(kept).expect("read"), choice);
        }
    }
}
