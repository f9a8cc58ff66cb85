//! What messages say: text of a given length that names its place at both ends, so that whatever is lost, mixed up or
//! cut shows.

use memchr::memmem;

/// The length of a tag in bytes.
const TAG: usize = 16;

/// The shortest text, in bytes: two tags.
pub(crate) const SHORTEST: usize = 2 * TAG;

/// Prose with what JSON must escape: agents write lines and quotes.
const PROSE: &[u8] =
    b" I read the failing test first: it says \"expected 3, found 2\", so the loop ends one too early.\n\
    Next I look at the caller, change the bound, and run the whole suite again before I report back.\n";

/// Which message a text belongs to: the number of its session in the run, and its own in the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) session: u32,
    pub(crate) message: u32,
}

impl Tag {
    fn digits(self) -> [u8; TAG] {
        let mut digits = [0; TAG];
        let number = u64::from(self.session) << 32 | u64::from(self.message);
        for (digit, shift) in digits.iter_mut().rev().zip((0_u32..).step_by(4)) {
            let value = u8::try_from(number >> shift & 0xF).unwrap_or(0);
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        }
        digits
    }

    /// The tag of a text whose ends name the same; `None` when it is cut or mixed. What lies between is not compared.
    pub(crate) fn at_both_ends(escaped: &[u8]) -> Option<Self> {
        let (first, last) = (escaped.get(..TAG)?, escaped.get(escaped.len().checked_sub(TAG)?..)?);
        if first == last { Self::read(first) } else { None }
    }

    fn read(digits: &[u8]) -> Option<Self> {
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(number << 4 | u64::from(value))
        })?;
        let low = u32::try_from(number & u64::from(u32::MAX)).ok()?;
        Some(Self { session: u32::try_from(number >> 32).ok()?, message: low })
    }
}

/// The text between the tags, the same in every message of a run.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The whole text as it stands in JSON, with empty tags.
    escaped: Vec<u8>,
}

impl Content {
    /// Text of so many bytes (before it is escaped); never shorter than [`SHORTEST`].
    pub(crate) fn of_size(size: usize) -> Self {
        let prose = PROSE.iter().copied().cycle().take(size.saturating_sub(SHORTEST));
        let mut escaped = vec![b'0'; TAG];
        for byte in prose {
            match byte {
                b'"' => escaped.extend_from_slice(b"\\\""),
                b'\n' => escaped.extend_from_slice(b"\\n"),
                byte => escaped.push(byte),
            }
        }
        escaped.extend_from_slice(&[b'0'; TAG]);
        Self { escaped }
    }

    /// The text as JSON has it between its quotes. Its length is the same for every tag.
    pub(crate) fn escaped(&self) -> &[u8] {
        &self.escaped
    }

    /// The text of a message without JSON's escapes, for what stores it directly.
    pub(crate) fn plain(&self, tag: Tag) -> String {
        let mut escaped = self.escaped.clone();
        self.stamp(&mut escaped, tag);
        let text = String::from_utf8_lossy(&escaped).into_owned();
        text.replace("\\n", "\n").replace("\\\"", "\"")
    }

    /// Writes the tag to both ends of a copy of the text.
    pub(crate) fn stamp(&self, slot: &mut [u8], tag: Tag) {
        let digits = tag.digits();
        let last = self.escaped.len() - TAG;
        for at in [0, last] {
            if let Some(end) = slot.get_mut(at..at + TAG) {
                end.copy_from_slice(&digits);
            }
        }
    }

    /// The tag of the first `content` in a piece of JSON; `None` when the text is not whole, byte by byte.
    pub(crate) fn tag_in(&self, json: &[u8]) -> Option<Tag> {
        const NAME: &[u8] = b"\"content\":\"";
        let begin = memmem::find(json, NAME)? + NAME.len();
        let text = json.get(begin..)?;
        let whole = text.get(self.escaped.len()) == Some(&b'"');
        if whole && let Some(tag) = self.tag_of(text.get(..self.escaped.len())?) {
            return Some(tag);
        }
        // Another server may escape in another way.
        let value: serde_json::Value = serde_json::from_slice(json).ok()?;
        self.tag_of_plain(value.get("content")?.as_str()?)
    }

    /// The tag of a text that was taken out of its JSON; `None` when it is not whole.
    pub(crate) fn tag_of_plain(&self, text: &str) -> Option<Tag> {
        let again = serde_json::to_vec(text).ok()?;
        self.tag_of(again.get(1..again.len().saturating_sub(1))?)
    }

    fn tag_of(&self, escaped: &[u8]) -> Option<Tag> {
        let (first, rest) = escaped.split_at_checked(TAG)?;
        let (prose, last) = rest.split_at_checked(self.escaped.len() - SHORTEST)?;
        let whole = first == last && prose == self.escaped.get(TAG..self.escaped.len() - TAG)?;
        if whole { Tag::read(first) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(content: &Content, tag: Tag) -> Vec<u8> {
        let mut text = content.escaped().to_vec();
        content.stamp(&mut text, tag);
        [b"{\"seq\":1,\"content\":\"", text.as_slice(), b"\",\"provider\":\"internal\"}"].concat()
    }

    const TAGS: [Tag; 3] = [
        Tag { session: 0, message: 0 },
        Tag { session: 7, message: 1_234_567 },
        Tag { session: u32::MAX, message: u32::MAX },
    ];

    #[test]
    fn a_text_has_its_length_and_its_tag() {
        for size in [SHORTEST, 500, 10_000] {
            let content = Content::of_size(size);
            for tag in TAGS {
                let json = json(&content, tag);
                let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
                assert_eq!(value["content"].as_str().expect("a text").len(), size);
                assert_eq!(value["content"].as_str(), Some(content.plain(tag).as_str()));
                assert_eq!(content.tag_in(&json), Some(tag));
            }
        }
    }

    #[test]
    fn any_changed_byte_shows() {
        let content = Content::of_size(500);
        let good = json(&content, TAGS[1]);
        let begin = memmem::find(&good, b"content\":\"").expect("there") + 10;
        for at in begin..begin + content.escaped().len() {
            let mut wrong = good.clone();
            wrong[at] = if wrong[at] == b'5' { b'6' } else { b'5' };
            assert_eq!(content.tag_in(&wrong), None, "byte {at}");
        }
    }

    #[test]
    fn a_cut_or_a_mix_shows() {
        let content = Content::of_size(500);
        let (one, two) = (json(&content, TAGS[0]), json(&content, TAGS[1]));
        let mixed = [&one[..200], &two[200..]].concat();
        assert_eq!(content.tag_in(&mixed), None);
        let ends = |json: &[u8]| {
            let begin = memmem::find(json, b"content\":\"").expect("there") + 10;
            Tag::at_both_ends(&json[begin..begin + content.escaped().len()])
        };
        assert_eq!((ends(&one), ends(&two), ends(&mixed)), (Some(TAGS[0]), Some(TAGS[1]), None));
        assert_eq!(Tag::at_both_ends(b"x"), None);
        let shorter = Content::of_size(499);
        assert_eq!(content.tag_in(&json(&shorter, TAGS[1])), None);
        assert_eq!(content.tag_in(b"{\"seq\":1}"), None);
    }

    #[test]
    fn another_way_to_escape_is_the_same_text() {
        let content = Content::of_size(500);
        let text = String::from_utf8(json(&content, TAGS[1])).expect("text");
        let other = text.replace("\\n", "\\u000a").replace(" I read", " I\\u0020read");
        assert_eq!(content.tag_in(other.as_bytes()), Some(TAGS[1]));
    }
}
