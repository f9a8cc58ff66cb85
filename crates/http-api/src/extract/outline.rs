//! The short texts at the top of a JSON object that is too long to keep.

use serde_json::{Map, Value};

/// The longest name or text that is kept, in bytes of the JSON text.
const LONGEST: usize = 1_024;

/// The position in the text of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Structure,
    Text,
    Escape,
}

/// Reads an object as its bytes arrive, in constant memory, and keeps its own members that are wanted and are short
/// texts. Deeper members are ignored, whatever their name.
pub(crate) struct Outline {
    wanted: &'static [&'static str],
    found: Map<String, Value>,
    depth: usize,
    within: Within,
    /// The text so far; `None` when it is too long.
    text: Option<Vec<u8>>,
    /// The name of the member.
    name: Option<String>,
    /// Whether the colon after the name was read.
    is_value: bool,
}

impl Outline {
    pub(crate) fn of(wanted: &'static [&'static str]) -> Self {
        let (found, within) = (Map::new(), Within::Structure);
        Self { wanted, found, depth: 0, within, text: None, name: None, is_value: false }
    }

    /// Reads the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (self.within, byte) {
                (Within::Structure, byte) => self.structure(*byte),
                (Within::Text, b'"') => {
                    self.within = Within::Structure;
                    if self.depth == 1 {
                        self.text_ends();
                    }
                }
                (Within::Text, b'\\') => self.push(b'\\', Within::Escape),
                (Within::Text | Within::Escape, byte) => self.push(*byte, Within::Text),
            }
        }
    }

    /// The members that were found.
    pub(crate) fn found(self) -> Map<String, Value> {
        self.found
    }

    fn structure(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.within = Within::Text;
                self.text = Some(Vec::new());
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => self.is_value = true,
            b',' if self.depth == 1 => {
                self.is_value = false;
                self.name = None;
            }
            _ => {}
        }
    }

    fn push(&mut self, byte: u8, then: Within) {
        self.within = then;
        self.text = self.text.take().filter(|text| self.depth == 1 && text.len() < LONGEST).map(|mut text| {
            text.push(byte);
            text
        });
    }

    fn text_ends(&mut self) {
        let quoted = self.text.take().map(|text| [b"\"", text.as_slice(), b"\""].concat());
        let read = quoted.and_then(|quoted| flightdeck_agent_io::json::read(&quoted).ok());
        let text = read.and_then(|read| read.value.as_str().map(ToOwned::to_owned));
        if !self.is_value {
            self.name = text;
        } else if let (Some(name), Some(text)) = (self.name.take(), text)
            && self.wanted.contains(&name.as_str())
        {
            self.found.insert(name, Value::String(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WANTED: &[&str] = &["session_id", "hook_event_name", "tool_use_id"];

    fn found(text: &str, step: usize) -> Value {
        let mut outline = Outline::of(WANTED);
        text.as_bytes().chunks(step).for_each(|chunk| outline.feed(chunk));
        Value::Object(outline.found())
    }

    #[test]
    fn members_are_found_before_and_behind_a_long_one_and_not_within_it() {
        let long = "x".repeat(5_000);
        let text = format!(
            r#"{{"session_id":"s\"1","n":[1,{{"session_id":"forged"}}],"tool_input":{{"tool_use_id":"forged","b":"{long}\\","c":"\"hook_event_name\":\"forged\""}} , "tool_use_id" : "t\ud83d","hook_event_name":"Pre"#
        );
        for step in [1, 7, 100_000] {
            assert_eq!(found(&text, step), json!({"session_id": "s\"1", "tool_use_id": "t\u{fffd}"}), "{step}");
        }
    }

    #[test]
    fn a_text_that_is_long_is_left_out_and_what_follows_is_read() {
        let text = format!(r#"{{"session_id":"{}","tool_use_id":"t"}}"#, "é".repeat(LONGEST));
        assert_eq!(found(&text, 3), json!({"tool_use_id": "t"}));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in ["", "]}]}", r#"["session_id","s"]"#, r#""session_id":"s""#, r#"{"session_id" "s"}"#] {
            assert_eq!(found(text, 1), json!({}), "{text}");
        }
    }
}
