//! Takes secrets out of what an agent says.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::{Map, Value};

/// Replaces each exact occurrence of a secret by `[credential NAME]`.
///
/// One pass over a text looks for all secrets, so the cost grows with the text and not with the number of secrets. Of
/// secrets that begin at the same place the longest counts. A secret is also found as it stands within a JSON text. What an
/// agent has changed otherwise is not found: a secret in another encoding, in pieces or backwards.
#[derive(Clone, Default)]
pub struct Scrubber(Option<Arc<Inner>>);

struct Inner {
    finder: AhoCorasick,
    secrets: Vec<Secret>,
}

struct Secret {
    text: Vec<u8>,
    /// What stands for it.
    mark: String,
    /// For each length of a beginning of the secret: how long the longest beginning is that it ends with.
    borders: Vec<usize>,
}

impl Scrubber {
    /// Secrets of fewer characters are left alone: they would be found in words that have nothing to do with them.
    pub const SHORTEST: usize = 8;

    /// A scrubber of these secrets, each with its name.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let long = secrets.into_iter().filter(|(_, text)| text.chars().count() >= Self::SHORTEST);
        let forms = |(name, text)| forms(text).into_iter().map(move |form| Secret::new(name, &form));
        let secrets: Vec<Secret> = long.flat_map(forms).collect();
        if secrets.is_empty() {
            return Self::default();
        }
        // The other kinds take megabytes for a long secret.
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(secrets.iter().map(|secret| &secret.text));
        // It fails for gigabytes of secrets alone.
        finder.map_or_else(|_| Self::default(), |finder| Self(Some(Arc::new(Inner { finder, secrets }))))
    }

    /// The same for texts that are single lines of something longer: a secret of several lines, such as a key in PEM, is found
    /// by each of its lines.
    #[must_use]
    pub fn of_lines<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::new(secrets.into_iter().flat_map(|(name, text)| {
            let lines = text.lines().filter(move |line| *line != text);
            std::iter::once(text).chain(lines.map(str::trim)).map(move |text| (name, text))
        }))
    }

    /// Whether it looks for nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(inner) if inner.finder.is_match(text) => Cow::Owned(inner.finder.replace_all(text, &inner.marks())),
            _ => Cow::Borrowed(text),
        }
    }

    /// The same of a text that goes on: its end is left out where a secret may have begun.
    #[must_use]
    pub fn begun<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.as_ref().map_or(text.len(), |inner| inner.known(text.as_bytes()));
        self.text(text.get(..known).unwrap_or_default())
    }

    /// The text without the secrets, whether or not its end is missing, and with it perhaps that of a secret.
    #[must_use]
    pub fn part(&self, text: &str, is_cut: bool) -> String {
        if is_cut { self.begun(text).into_owned() } else { self.text(text).into_owned() }
    }

    /// Takes the secrets out of all texts and names of members within a value.
    pub fn value(&self, value: &mut Value) {
        if self.is_empty() {
            return;
        }
        match value {
            Value::String(text) => {
                if let Cow::Owned(scrubbed) = self.text(text) {
                    *text = scrubbed;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Object(members) => self.members(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The same within the members of an object.
    pub fn members(&self, members: &mut Map<String, Value>) {
        if self.is_empty() {
            return;
        }
        members.values_mut().for_each(|value| self.value(value));
        if members.keys().any(|name| matches!(self.text(name), Cow::Owned(_))) {
            let old = std::mem::take(members);
            members.extend(old.into_iter().map(|(name, value)| (self.text(&name).into_owned(), value)));
        }
    }
}

/// A secret as it is, and within a JSON text: with characters that are not ASCII, and without.
fn forms(text: &str) -> BTreeSet<String> {
    let json = Value::from(text).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(text).to_owned();
    let mut ascii = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    [text.to_owned(), json, ascii].into()
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, |inner| inner.secrets.len());
        write!(f, "Scrubber({count} secrets)")
    }
}

impl Inner {
    fn marks(&self) -> Vec<&str> {
        self.secrets.iter().map(|secret| secret.mark.as_str()).collect()
    }

    /// How many of these bytes no later byte can make a part of a secret. What is found in them does not reach beyond.
    fn known(&self, bytes: &[u8]) -> usize {
        let begun = self.secrets.iter().map(|secret| secret.begun_at_the_end_of(bytes)).max().unwrap_or_default();
        let known = bytes.len() - begun;
        let across = self.finder.find_iter(bytes).find(|found| found.start() < known && known < found.end());
        across.map_or(known, |found| found.start())
    }
}

impl Secret {
    fn new(name: &str, text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let mut borders = vec![0; 1];
        let mut border = 0;
        for byte in text.iter().skip(1) {
            border = Self::step(&text, &borders, border, *byte);
            borders.push(border);
        }
        Self { text, mark: format!("[credential {name}]"), borders }
    }

    /// How long a beginning is found after one more byte, where one of this length was found before it.
    fn step(text: &[u8], borders: &[usize], mut found: usize, byte: u8) -> usize {
        loop {
            if text.get(found) == Some(&byte) {
                return found + 1;
            }
            let Some(last) = found.checked_sub(1) else { return 0 };
            found = borders.get(last).copied().unwrap_or_default();
        }
    }

    /// How long the longest beginning of the secret is, short of all of it, that these bytes end with.
    fn begun_at_the_end_of(&self, bytes: &[u8]) -> usize {
        let looked_at = bytes.len().min(self.text.len().saturating_sub(1));
        let end = bytes.get(bytes.len() - looked_at..).unwrap_or_default();
        end.iter().fold(0, |found, byte| Self::step(&self.text, &self.borders, found, *byte))
    }
}

/// A scrubber of bytes that come in pieces, such as a log. Of a piece the end is held back for as long as it may be the
/// beginning of a secret.
#[derive(Clone, Debug, Default)]
pub struct ScrubbedBytes {
    scrubber: Scrubber,
    held: Vec<u8>,
}

impl ScrubbedBytes {
    /// A stream from which these secrets are taken out.
    #[must_use]
    pub const fn new(scrubber: Scrubber) -> Self {
        Self { scrubber, held: Vec::new() }
    }

    /// Takes a piece in; gives what can be told by then.
    #[must_use]
    pub fn push<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(inner) = &self.scrubber.0 else { return Cow::Borrowed(piece) };
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(piece);
        self.held = bytes.split_off(inner.known(&bytes));
        Cow::Owned(inner.finder.replace_all_bytes(&bytes, &inner.marks()))
    }

    /// There is no more: what was held back.
    #[must_use]
    pub fn end(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        match &self.scrubber.0 {
            Some(inner) => inner.finder.replace_all_bytes(&held, &inner.marks()),
            None => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scrubber() -> Scrubber {
        Scrubber::new([
            ("A", "secret-one"),
            ("LONG", "secret-one-and-more"),
            ("SHORT", "1234567"),
            ("UML", "schlüssel"),
        ])
    }

    #[test]
    fn a_secret_is_replaced_by_its_name_and_the_longest_one_counts() {
        let text = "x secret-one secret-one-and-more secret-onesecret-one 1234567 schlüssel.";
        let told = "x [credential A] [credential LONG] [credential A][credential A] 1234567 [credential UML].";
        assert_eq!(scrubber().text(text), told);
        assert!(matches!(scrubber().text("secret-tw"), Cow::Borrowed(_)), "nothing is copied without need");
        assert!(!format!("{:?}", scrubber()).contains("secret-one"));
        assert!(Scrubber::new([("SHORT", "1234567")]).is_empty());
        let marked = Scrubber::new([("X", "credential Y"), ("Y", "12345678")]);
        assert_eq!(marked.text("12345678"), "[credential Y]", "what stands for a secret is not looked at again");
    }

    #[test]
    fn a_secret_is_found_within_a_json_text() {
        let secret = "\"q\" schlüssel\n😀";
        let scrubber = Scrubber::new([("Q", secret)]);
        let json = Value::from(secret).to_string();
        assert_eq!(scrubber.text(&json), "\"[credential Q]\"");
        assert_eq!(scrubber.text(r#"{"a":"\"q\" schl\u00fcssel\n\ud83d\ude00"}"#), r#"{"a":"[credential Q]"}"#);
    }

    #[test]
    fn values_are_scrubbed_in_all_depths() {
        let mut value = json!({"a": ["secret-one", {"secret-one": {"b": "my secret-one"}}], "n": 1});
        scrubber().value(&mut value);
        assert_eq!(value, json!({"a": ["[credential A]", {"[credential A]": {"b": "my [credential A]"}}], "n": 1}));
    }

    #[test]
    fn of_a_text_that_goes_on_no_beginning_of_a_secret_is_told() {
        let scrubber = scrubber();
        assert_eq!(scrubber.begun("it is secret-on"), "it is ");
        assert_eq!(scrubber.begun("it is secret-x"), "it is secret-x");
        assert_eq!(scrubber.begun("it is schlü"), "it is ");
        assert_eq!(scrubber.begun("it is s"), "it is ");
    }

    #[test]
    fn a_long_secret_costs_no_more_than_its_length() {
        let long = "a".repeat(65_000) + "b";
        let scrubber = Scrubber::new([("L", long.as_str())]);
        let almost = "a".repeat(1_000_000);
        let began = std::time::Instant::now();
        assert!(matches!(scrubber.text(&almost), Cow::Borrowed(_)));
        assert_eq!(scrubber.begun(&almost).len(), 1_000_000 - 65_000);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }

    proptest! {
        /// However the bytes are cut, the same comes out, and no secret.
        #[test]
        fn pieces_are_scrubbed_like_the_whole(
            parts in prop::collection::vec(
                prop::sample::select(vec!["secret-one", "secret-one-and-more", "secret-", "secret-one-", "x", "\n", "schlüssel"]),
                0..20,
            ),
            cuts in prop::collection::vec(0_usize..200, 0..20),
        ) {
            let secrets = ["secret-one", "secret-one-and-more", "schlüssel", "one-secr", "xsecret-o"];
            let scrubber = Scrubber::new(secrets.map(|secret| ("N", secret)));
            let whole = parts.concat();
            let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            places.extend([0, whole.len()]);
            places.sort_unstable();
            let mut stream = ScrubbedBytes::new(scrubber.clone());
            let mut told = Vec::new();
            for pair in places.windows(2) {
                told.extend_from_slice(&stream.push(&whole.as_bytes()[pair[0]..pair[1]]));
            }
            told.extend(stream.end());
            let told = String::from_utf8(told).expect("text");
            prop_assert!(secrets.iter().all(|secret| !told.contains(secret)), "{}", told);
            prop_assert_eq!(told, scrubber.text(&whole).into_owned());
        }
    }
}
