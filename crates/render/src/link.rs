//! Where links may lead.

/// Where a link leads, if a reader may follow it: absolute, of a scheme that opens a page or a mail, and without characters
/// that a browser takes out before it reads it.
pub(crate) fn followed(target: &str) -> Option<String> {
    const SCHEMES: [&str; 3] = ["http://", "https://", "mailto:"];
    let is_of = |scheme: &str| target.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let is_plain = !target.chars().any(|character| character.is_control() || character.is_whitespace());
    (is_plain && target.len() <= 2_048 && SCHEMES.into_iter().any(is_of)).then(|| target.to_owned())
}

/// A word of a text that is an address by itself: what comes before it, and it.
pub(crate) fn bare(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(rest) = text.get(from..) {
        let at = from.saturating_add(rest.find("http")?);
        let (before, word) = text.split_at_checked(at)?;
        from = at.saturating_add(4);
        // Looked at before the end of the word is looked for: a word may be the whole text.
        let begins = ["http://", "https://"].into_iter().any(|scheme| word.starts_with(scheme));
        if !begins || before.ends_with(char::is_alphanumeric) {
            continue;
        }
        let word = word.split(|end: char| end.is_whitespace() || end.is_control() || "<>\"'`|".contains(end)).next();
        let word = word.unwrap_or_default().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '*', '_']);
        let host = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
        if host.is_some_and(|host| host.starts_with(char::is_alphanumeric)) {
            return Some((before, word));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_and_mail_are_followed() {
        for target in ["https://example.com/a?b#c", "HTTP://example.com", "mailto:a@example.com"] {
            assert_eq!(followed(target).as_deref(), Some(target));
        }
        for target in [
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            " https://example.com",
            "https://exam\u{0}ple.com",
            "data:text/html,x",
            "//example.com",
            "/agents",
            "file:///etc/passwd",
            "vbscript:x",
            "",
        ] {
            assert_eq!(followed(target), None, "{target:?}");
        }
    }

    #[test]
    fn addresses_are_found_in_words() {
        let table = [
            ("see https://example.com/x.", Some(("see ", "https://example.com/x"))),
            ("(http://a.test)", Some(("(", "http://a.test"))),
            ("xhttp://a.test", None),
            ("http and http://", None),
            ("shttp://a.test or http://b.test", Some(("shttp://a.test or ", "http://b.test"))),
        ];
        for (text, expected) in table {
            assert_eq!(bare(text), expected, "{text}");
        }
    }
}
