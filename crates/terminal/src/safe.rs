//! Agents say what they like. A terminal obeys some characters instead of showing them: they clear the screen, write
//! elsewhere, set the clipboard (OSC 52), answer as if the person had typed, or turn text around so that it reads as
//! something else. Whatever came from the server passes through here before it is printed.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// Whether a terminal or an eye could be misled by it: controls of both sets (C0 and C1, delete), whatever changes the
/// direction of text, line and paragraph separators, marks of a text within a text, and the invisible tags.
const fn is_hostile(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text of several lines: line breaks stay, a tab is four spaces, and what is hostile is shown as what it is (`\x1b`).
#[must_use]
pub fn text(text: &str) -> String {
    escape(text, |c| match c {
        '\n' => Some("\n"),
        '\t' => Some("    "),
        _ => None,
    })
}

/// The same in one line, for tables and headings: a line break is shown as `\n`.
#[must_use]
pub fn line(text: &str) -> String {
    escape(text, |c| match c {
        '\n' => Some("\\n"),
        '\t' => Some(" "),
        _ => None,
    })
}

fn escape(text: &str, kept: impl Fn(char) -> Option<&'static str>) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match kept(c) {
            Some(instead) => safe.push_str(instead),
            None if c == '\r' => safe.push_str("\\r"),
            None if is_hostile(c) && u32::from(c) <= 0xff => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            None if is_hostile(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            None => safe.push(c),
        }
    }
    safe
}

/// JSON on one line, with everything hostile as JSON's own escapes: the same value to whoever reads it.
#[must_use]
pub fn json_line(value: &impl Serialize) -> String {
    escape_json(&serde_json::to_string(value).unwrap_or_default())
}

/// JSON for eyes too.
#[must_use]
pub fn json_pretty(value: &Value) -> String {
    escape_json(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Outside of its strings JSON has no hostile characters but line breaks, and inside them it escapes those.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if is_hostile(c) && c != '\n' {
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_hostile_is_shown_as_what_it_is() {
        assert_eq!(line("\x1b]52;c;aGk=\x07 a\rb\nc\td"), "\\x1b]52;c;aGk=\\x07 a\\rb\\nc d");
        assert_eq!(text("a\r\n\tb\x08"), "a\\r\n    b\\x08");
        assert_eq!(line("\u{9b}31m \u{202e}exe.txt\u{2066}"), "\\x9b31m \\u{202e}exe.txt\\u{2066}");
        assert_eq!(line("a\u{2028}b\u{e0041}"), "a\\u{2028}b\\u{e0041}");
        let kind = "Grüße, 漢字 😀 👩‍🚀 שלום é";
        assert_eq!((line(kind), text(kind)), (kind.to_owned(), kind.to_owned()), "text of any language is text");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"a\u{9b}": "\x1b[2J\u{202e}\u{e0041}\r\n"});
        let safe = json_line(&value);
        assert_eq!(safe, r#"{"a\u009b":"\u001b[2J\u202e\udb40\udc41\r\n"}"#);
        assert_eq!(serde_json::from_str::<Value>(&safe).expect("JSON"), value);
    }

    fn harmless(shown: &str, breaks: bool) -> bool {
        shown.chars().all(|c| (breaks && c == '\n') || !is_hostile(c))
    }

    proptest! {
        #[test]
        fn nothing_hostile_comes_through(words in any::<String>(), hostile in "[\\x00-\\x1f\\x7f-\\u{9f}\\u{202a}-\\u{202e}]{0,8}") {
            let given = format!("{words}{hostile}{words}");
            prop_assert!(harmless(&text(&given), true));
            prop_assert!(harmless(&line(&given), false));
            // The terminal's own definition, not ours.
            prop_assert!(line(&given).chars().all(|c| !c.is_control()));
            let value = Value::String(given);
            let safe = json_line(&value);
            prop_assert!(harmless(&safe, false));
            prop_assert_eq!(serde_json::from_str::<Value>(&safe).expect("JSON"), value);
        }

        #[test]
        fn what_is_not_hostile_stays_as_it_is(words in "[a-zA-Z0-9 äöüß漢字😀é.,;:/\\\\-]{0,60}") {
            prop_assert_eq!(text(&words), words.clone());
            prop_assert_eq!(line(&words), words);
        }
    }
}
