//! JSON as agents write it.

use serde_json::{Map, Value};

use crate::mend::{Mended, mend};
use crate::text::decoded;

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The value.
    pub value: Value,
    /// Whether something in it was malformed and was mended.
    pub mended: bool,
}

/// A text that is not read, not even leniently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its structure does not hold.
    #[error("it is not JSON from byte {at} on")]
    Broken {
        /// Up to where it makes sense, in bytes of the text without a byte order mark.
        at: usize,
    },
    /// It has more than [`MOST_VALUES`].
    #[error("it has more than {MOST_VALUES} values")]
    TooMany {
        /// Where the first one too many begins, in bytes.
        at: usize,
    },
}

/// How many values a text may have, those within others included: each takes some 30 to 100 bytes of memory, and may take
/// two in the text.
pub const MOST_VALUES: usize = 1_000_000;

/// Reads a JSON text.
///
/// What is malformed within the structure is mended: bytes that are not UTF-8 and unpaired surrogates become U+FFFD, control
/// characters within strings are taken as they are, `NaN` and infinities become null, numbers that no number type holds
/// become strings, and what lies deeper than [`DEEPEST`] levels becomes the string `"…"`. A byte
/// order mark is left out.
///
/// # Errors
/// The structure does not hold: it breaks off, or is broken in the middle, or something follows behind it. Or it has too
/// many values.
pub fn read(bytes: &[u8]) -> Result<Read, Unreadable> {
    bounded(bytes)?;
    // Nearly everything is well-formed, and then nothing is copied.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(Read { value, mended: false });
    }
    let text = decoded(bytes);
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(Read { value, mended: true });
    }
    let Mended { text, broken_at } = mend(&text);
    match broken_at {
        Some(at) => Err(Unreadable::Broken { at }),
        None => serde_json::from_str(&text)
            .map(|value| Read { value, mended: true })
            .map_err(|error| Unreadable::Broken { at: error.column() }),
    }
}

/// Checks that a text has no more than [`MOST_VALUES`], in constant memory; to be asked before a reader that keeps them all.
///
/// # Errors
/// It has more.
pub fn bounded(bytes: &[u8]) -> Result<(), Unreadable> {
    // A value and what parts it from the next take two bytes at least.
    if bytes.len() / 2 < MOST_VALUES {
        return Ok(());
    }
    let (mut values, mut at) = (1, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at + 1),
            b',' | b'[' | b'{' => {
                values += 1;
                if values > MOST_VALUES {
                    return Err(Unreadable::TooMany { at });
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Where the string ends whose content begins here.
fn end_of_string(bytes: &[u8], content: usize) -> usize {
    let mut at = content;
    while let Some(length) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += length;
        if bytes.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

/// The object of a JSON text that breaks off, or is broken in the middle: what stands before the fault, and, of the fields
/// that are `wanted` and stand behind it, those that are texts.
///
/// A field behind the fault is found by its name alone, so it may be one of an object within; what stands before the fault
/// is certain.
#[must_use]
pub fn salvage(bytes: &[u8], wanted: &[&str]) -> Map<String, Value> {
    let bytes = match read(bytes) {
        Ok(Read { value: Value::Object(object), .. }) => return object,
        Err(Unreadable::TooMany { at }) => bytes.get(..at).unwrap_or_default(),
        _ => bytes,
    };
    let text = decoded(bytes);
    let mut found = match serde_json::from_str(&mend(&text).text) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    for name in wanted {
        if !found.get(*name).is_some_and(Value::is_string)
            && let Some(value) = text_field(&text, name)
        {
            found.insert((*name).to_owned(), Value::String(value));
        }
    }
    found
}

/// How many levels of objects and arrays are read; what lies deeper is left out, and said to be.
pub const DEEPEST: usize = 100;

/// The first text behind this name, wherever it stands outside of another text.
fn text_field(text: &str, name: &str) -> Option<String> {
    let quoted = format!("\"{name}\"");
    memchr::memmem::find_iter(text.as_bytes(), quoted.as_bytes()).find_map(|place| {
        let rest = text.get(place + quoted.len()..)?.trim_start().strip_prefix(':')?.trim_start();
        let Mended { text, .. } = mend(rest.starts_with('"').then_some(rest)?);
        serde_json::from_str(&text).ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(bytes: &[u8]) -> Value {
        read(bytes).expect("read").value
    }

    #[test]
    fn what_is_well_formed_is_not_touched() {
        let plain = br#"{"a":[1,-2.5e3,true,null,"\ud83d\ude00 \u00e9\n"]}"#;
        assert_eq!(read(plain), Ok(Read { value: serde_json::from_slice(plain).expect("JSON"), mended: false }));
    }

    #[test]
    fn a_text_has_so_many_values_and_no_more() {
        let list = |count: usize| format!(r#"{{"name":"[,{{\\\",","list":[{}0]}}"#, "0,".repeat(count - 4));
        assert_eq!(bounded(list(MOST_VALUES).as_bytes()), Ok(()));
        let many = list(MOST_VALUES + 1);
        let at = many.len() - 4;
        assert_eq!(read(many.as_bytes()), Err(Unreadable::TooMany { at }));
        assert_eq!(salvage(many.as_bytes(), &[])["name"], json!("[,{\\\","));
        let deep = "[".repeat(3 * MOST_VALUES);
        assert_eq!(read(deep.as_bytes()), Err(Unreadable::TooMany { at: MOST_VALUES - 1 }));
        let long = format!("[\"{}\"]", ",".repeat(3 * MOST_VALUES));
        assert_eq!(bounded(long.as_bytes()), Ok(()));
    }

    #[test]
    fn strings_that_are_no_unicode_are_mended() {
        let cases: [(&[u8], Value); 11] = [
            (br#"{"x":"cut \ud83d"}"#, json!({"x": "cut \u{fffd}"})),
            (br#"{"x":"deploy # \udc1d"}"#, json!({"x": "deploy # \u{fffd}"})),
            (br#""\ud83d\ud83d\ude00""#, json!("\u{fffd}\u{1f600}")),
            (br#""\ud83dA""#, json!("\u{fffd}A")),
            (br#""\ud83d\n""#, json!("\u{fffd}\n")),
            (br#""\ud83d\u0041""#, json!("\u{fffd}A")),
            (b"\"caf\xe9\"", json!("caf\u{fffd}")),
            (b"\xef\xbb\xbf{}", json!({})),
            (b"\"tab\tline\nnul\x00\"", json!("tab\tline\nnul\0")),
            (br#""bad \x escape \u12""#, json!("bad \\x escape \\u12")),
            (br#"{"\ud83d":"\ud83d"}"#, json!({"\u{fffd}": "\u{fffd}"})),
        ];
        for (bytes, expected) in cases {
            let read = read(bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(bytes)));
            assert_eq!((read.value, read.mended), (expected, true), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn numbers_that_json_does_not_know_are_kept() {
        assert_eq!(
            value(b"[NaN,Infinity,-Infinity,1e999,undefined,1]"),
            json!([null, null, null, "1e999", "undefined", 1])
        );
    }

    #[test]
    fn what_is_too_deep_is_left_out_and_the_rest_is_read() {
        let deep = format!(r#"{{"before":1,"deep":{}{},"after":2}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let read = value(deep.as_bytes());
        assert_eq!((&read["before"], &read["after"]), (&json!(1), &json!(2)));
        assert!(read.to_string().contains('…'));
        let mixed = format!("{}1{}", r#"{"a":["#.repeat(5_000), "]}".repeat(5_000));
        assert!(value(mixed.as_bytes()).to_string().contains('…'));
    }

    #[test]
    fn a_broken_structure_is_told_with_its_place() {
        for (bytes, at) in [
            (&b"{\"a\":1"[..], 6),
            (b"{\"a\":\"x", 7),
            (b"{} {}", 3),
            (b"{\"a\" 1}", 5),
            (b"[1 2]", 3),
            (b"]", 0),
            (b"", 0),
            (b"{\"a\":}", 5),
            (b"[1,]", 3),
            (b"{,}", 1),
            (b"{\"a\":1]", 6),
        ] {
            assert_eq!(read(bytes), Err(Unreadable::Broken { at }), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_stands_before_the_fault_is_salvaged() {
        let salvaged = |text: &str| Value::Object(salvage(text.as_bytes(), &["session_id", "agent_id"]));
        assert_eq!(salvaged(r#"{"session_id":"s","n":[1,{"b":tr"#), json!({"session_id": "s", "n": [1, {"b": "tr"}]}));
        assert_eq!(salvaged(r#"{"session_id":"s","x":"#), json!({"session_id": "s", "x": null}));
        assert_eq!(salvaged(r#"{"session_id":"s","x"#), json!({"session_id": "s"}));
        assert_eq!(salvaged(r#"{"session_id":"s" "x":1}"#), json!({"session_id": "s"}));
        assert_eq!(salvaged("no JSON"), json!({}));
    }

    #[test]
    fn what_is_wanted_is_found_behind_the_fault_and_not_within_a_text() {
        let text = r#"{"tool_input":{"command":"echo \"session_id\":\"forged\"" ;; },"session_id" : "se\ud83dcond"}"#;
        assert_eq!(salvage(text.as_bytes(), &["session_id"])["session_id"], "se\u{fffd}cond");
    }
}
