//! Texts, made fit for the record.

use std::borrow::Cow;

/// What a cut text ends with.
pub const CUT: &str = "\n[the rest is left out: it is too long]";

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of bytes that are meant to be UTF-8. What is not becomes U+FFFD, and a byte order mark in front is left out.
#[must_use]
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Cow::Owned(text) => match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => Cow::Owned(rest.to_owned()),
            None => Cow::Owned(text),
        },
    }
}

/// The text without the one character that databases refuse (U+0000, which becomes U+FFFD), of at most so many bytes; a
/// longer one ends with [`CUT`], which is counted.
#[must_use]
pub fn shown(text: &str, most: usize) -> String {
    cut(text, most, CUT).replace('\0', "\u{fffd}")
}

/// The same within one line, for titles and reasons: white space and control characters become single spaces, and a text
/// that is too long ends with an ellipsis.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    cut(&words.join(" "), most, "…")
}

fn cut(text: &str, most: usize, mark: &str) -> String {
    // U+FFFD takes two bytes more than U+0000.
    let length = text.len() + 2 * memchr::memchr_iter(0, text.as_bytes()).count();
    if length <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(mark.len());
    let mut length = 0;
    let end = text.char_indices().find_map(|(place, c)| {
        length += if c == '\0' { 3 } else { c.len_utf8() };
        (length > room).then_some(place)
    });
    format!("{}{mark}", text.get(..end.unwrap_or(text.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(decoded(b"warning: caf\xe9"), "warning: caf\u{fffd}");
        assert_eq!(decoded(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(decoded(b"\xef\xbb\xbf\xff"), "\u{fffd}");
    }

    #[test]
    fn a_cut_is_marked_and_never_longer_than_allowed() {
        assert_eq!(shown("short", 100), "short");
        let cut = shown(&"é".repeat(100), 101);
        assert!(cut.ends_with(CUT) && cut.len() <= 101, "{cut}");
        let nul = shown(&"\0".repeat(100), 150);
        assert!(nul.ends_with(CUT) && nul.len() <= 150 && !nul.contains('\0'), "{nul}");
        assert_eq!(shown("a\0b", 5), "a\u{fffd}b");
        assert_eq!(one_line("ls\n  -la\u{7}", 100), "ls -la");
        assert_eq!(one_line("abcdef", 5), "ab…");
    }
}
