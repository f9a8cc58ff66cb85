//! A JSON text is written anew, so that a strict reader takes it.

use std::fmt::Write;

use crate::json::DEEPEST;

/// A text that a strict reader takes, as far as the original makes sense.
pub(crate) struct Mended {
    pub(crate) text: String,
    /// Where the structure breaks; everything that was open there is closed.
    pub(crate) broken_at: Option<usize>,
}

/// Writes a text anew.
pub(crate) fn mend(text: &str) -> Mended {
    let mut writer = Writer { text, place: 0, out: String::with_capacity(text.len() + 16), open: Vec::new() };
    let broken_at = writer.document().err().map(|Broken| writer.place);
    while let Some(within) = writer.open.pop() {
        writer.out.push(within.open.close());
    }
    Mended { text: writer.out, broken_at }
}

/// The structure does not hold here.
struct Broken;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

impl Open {
    const fn close(self) -> char {
        match self {
            Self::Object => '}',
            Self::Array => ']',
        }
    }
}

/// An object or array that is open.
#[derive(Clone, Copy)]
struct Within {
    open: Open,
    /// Whether it is empty so far.
    is_empty: bool,
}

struct Writer<'a> {
    text: &'a str,
    /// Up to where it is read.
    place: usize,
    out: String,
    /// What is open: the depth is no depth of calls, so nothing that is sent can exhaust the stack.
    open: Vec<Within>,
}

impl<'a> Writer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.place..).unwrap_or_default()
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}']);
        self.place += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.place += wanted.len_utf8();
        }
        found
    }

    fn document(&mut self) -> Result<(), Broken> {
        self.value()?;
        while let Some(within) = self.open.last().copied() {
            if self.accept(within.open.close()) {
                self.out.push(within.open.close());
                self.open.pop();
            } else if within.is_empty || self.accept(',') {
                if let Some(within) = self.open.last_mut() {
                    within.is_empty = false;
                }
                self.member(within)?;
            } else {
                return Err(Broken);
            }
        }
        if self.peek().is_some() { Err(Broken) } else { Ok(()) }
    }

    /// An element of an array, or a name with its value, and the comma before it. Nothing is written where there is none.
    fn member(&mut self, within: Within) -> Result<(), Broken> {
        let before = self.out.len();
        if !within.is_empty {
            self.out.push(',');
        }
        if within.open == Open::Object {
            let named = self.peek() == Some('"') && self.string().is_ok() && self.accept(':');
            if !named {
                self.out.truncate(before);
                return Err(Broken);
            }
            self.out.push(':');
        }
        let written = self.out.len();
        let value = self.value();
        if value.is_err() && self.out.len() == written {
            match within.open {
                Open::Object => self.out.push_str("null"),
                Open::Array => self.out.truncate(before),
            }
        }
        value
    }

    /// A value; of an object or array only what opens it.
    fn value(&mut self) -> Result<(), Broken> {
        let open = match self.peek() {
            Some('"') => return self.string(),
            Some('{') => Open::Object,
            Some('[') => Open::Array,
            Some(_) => return self.word(),
            None => return Err(Broken),
        };
        if self.open.len() >= DEEPEST {
            return self.leave_out();
        }
        self.place += 1;
        self.out.push(if open == Open::Object { '{' } else { '[' });
        self.open.push(Within { open, is_empty: true });
        Ok(())
    }

    /// Leaves out an object or array that lies too deep.
    fn leave_out(&mut self) -> Result<(), Broken> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (place, byte) in self.rest().bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !in_string {
                self.place += place + 1;
                self.out.push_str("\"…\"");
                return Ok(());
            }
        }
        self.place = self.text.len();
        self.out.push_str("\"…\"");
        Err(Broken)
    }

    /// A number, a literal, or something that is meant to be one.
    fn word(&mut self) -> Result<(), Broken> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ",:[]{}\"".contains(c)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        if word.is_empty() {
            return Err(Broken);
        }
        self.place += end;
        let breaks_off = end == rest.len() && !self.open.is_empty();
        if serde_json::from_str::<serde_json::Value>(word).is_ok() {
            self.out.push_str(word);
        } else if ["NaN", "Infinity", "-Infinity", "+Infinity"].contains(&word) {
            self.out.push_str("null");
        } else if self.open.is_empty() {
            // A text that is no JSON at all is not a value.
            self.place -= end;
            return Err(Broken);
        } else {
            self.quote(word);
        }
        if breaks_off { Err(Broken) } else { Ok(()) }
    }

    fn quote(&mut self, word: &str) {
        self.out.push('"');
        for c in word.chars() {
            self.character(c);
        }
        self.out.push('"');
    }

    /// A character within a string, as a strict reader takes it.
    fn character(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                // Writing to a string never fails.
                let _ = write!(self.out, "\\u{:04x}", u32::from(c));
            }
            c => self.out.push(c),
        }
    }

    /// A string; the next character opens it.
    fn string(&mut self) -> Result<(), Broken> {
        self.place += 1;
        self.out.push('"');
        loop {
            let rest = self.rest();
            // What is plain is copied as a whole.
            let plain = rest.find(|c: char| c == '"' || c == '\\' || u32::from(c) < 0x20).unwrap_or(rest.len());
            self.out.push_str(rest.get(..plain).unwrap_or_default());
            self.place += plain;
            let mut rest = rest.get(plain..).unwrap_or_default().chars();
            match rest.next() {
                None => {
                    self.out.push('"');
                    return Err(Broken);
                }
                Some('"') => {
                    self.place += 1;
                    self.out.push('"');
                    return Ok(());
                }
                Some('\\') => self.escape(),
                Some(control) => {
                    self.place += 1;
                    self.character(control);
                }
            }
        }
    }

    /// An escape; the next character is the backslash.
    fn escape(&mut self) {
        let rest = self.rest();
        match rest.as_bytes().get(1) {
            Some(b'u') => match unit(rest) {
                Some(0xd800..=0xdbff) => match unit(rest.get(6..).unwrap_or_default()) {
                    Some(0xdc00..=0xdfff) => {
                        self.out.push_str(rest.get(..12).unwrap_or_default());
                        self.place += 12;
                    }
                    _ => self.replace(6),
                },
                Some(0xdc00..=0xdfff) => self.replace(6),
                Some(_) => {
                    self.out.push_str(rest.get(..6).unwrap_or_default());
                    self.place += 6;
                }
                None => self.keep_backslash(),
            },
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.out.push_str(rest.get(..2).unwrap_or_default());
                self.place += 2;
            }
            _ => self.keep_backslash(),
        }
    }

    /// An escape that there is not is no escape.
    fn keep_backslash(&mut self) {
        self.out.push_str("\\\\");
        self.place += 1;
    }

    fn replace(&mut self, length: usize) {
        self.out.push('\u{fffd}');
        self.place += length;
    }
}

/// The UTF-16 unit of an escape like `\ud83d` at the begin of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> String {
        let mended = mend(text);
        assert_eq!(mended.broken_at, None, "{text}");
        mended.text
    }

    #[test]
    fn white_space_between_goes_and_nothing_else() {
        assert_eq!(whole(" { \"a\" : [ 1 , { } , [ ] , \"x\" ] } "), r#"{"a":[1,{},[],"x"]}"#);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_well_formed_means_the_same(value in json()) {
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&whole(&value.to_string())).expect("JSON"), value);
        }

        #[test]
        fn whatever_comes_a_strict_reader_takes_what_is_written(value in json(), cut in any::<prop::sample::Index>(),
                                                                at in any::<prop::sample::Index>(), c in any::<char>()) {
            let text: String = value.to_string().chars().collect();
            let mut chars: Vec<char> = text.chars().collect();
            let place = at.index(chars.len());
            chars[place] = c;
            let text: String = chars.into_iter().take(cut.index(text.chars().count()) + 1).collect();
            let mended = mend(&text);
            if !mended.text.is_empty() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&mended.text).is_ok(), "{text:?} became {:?}", mended.text);
            }
        }

        #[test]
        fn no_text_makes_it_fail(text in any::<String>()) {
            mend(&text);
        }
    }
}
