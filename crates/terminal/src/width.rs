//! How many columns a text takes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a text without controls.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text, cut to so many columns, with `…` where something is missing.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let next = taken + c.width().unwrap_or(0);
        if next >= columns {
            break;
        }
        taken = next;
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// The text on lines of so many columns each, broken between words where that is possible. Nothing is left out but blanks at
/// the ends of lines. There is always a line; two columns are the least, for a character may need them.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let (mut lines, mut line, mut taken) = (Vec::new(), String::new(), 0);
    for word in text.split_inclusive(' ') {
        if taken > 0 && taken + width(word.trim_end_matches(' ')) > columns {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        }
        for c in word.chars() {
            let next = c.width().unwrap_or(0);
            if taken + next > columns {
                if c == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            line.push(c);
            taken += next;
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end_matches(' ').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_broken_between_words() {
        assert_eq!(wrap("run the tests of the ledger", 10), ["run the", "tests of", "the ledger"]);
        assert_eq!(wrap("see /a/very/long/path now", 8), ["see", "/a/very/", "long/pat", "h now"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("abcde fgh", 5), ["abcde", "fgh"]);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_keeps_to_its_columns(text in "[a-z漢 ]{0,60}", columns in 0_usize..20) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns.max(2)), "{lines:?}");
            let words = |text: &str| text.replace(' ', "");
            prop_assert_eq!(words(&lines.concat()), words(&text));
        }
    }

    #[test]
    fn a_text_is_cut_to_its_columns() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
    }
}
