//! Names in configurations.

use crate::name::{name, within};
use crate::text::ProviderName;

name! {
    /// The name of a configuration: 1 to 100 visible ASCII characters. A stored one is [plain](ConfigName::is_plain),
    /// too.
    ConfigName, "a name of 1 to 100 visible ASCII characters", |text| within(text, 100, |byte| byte.is_ascii_graphic())
}

name! {
    /// The name of a credential, which is often that of an environment variable.
    CredentialName, "a name of 1 to 100 letters, digits, _, - and .",
    |text| within(text, 100, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

name! {
    /// A label of a server, such as `gpu` or `zone=a`: an agent runs only where all labels of its configuration are.
    Label, "a label of 1 to 63 letters, digits, _, -, ., / and =",
    |text| within(text, 63, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'='))
}

name! {
    /// The name of a configuration for people: 1 to 100 bytes on one line.
    DisplayName, "a name of 1 to 100 bytes on one line",
    |text| text.len() <= 100 && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

impl ConfigName {
    /// Wraps a name that the domain itself made.
    pub(crate) const fn trusted(text: String) -> Self {
        Self(text)
    }

    /// Whether it can stand in a path as it is, and be named as a provider: at most 50 characters; it begins with a letter
    /// or digit, and the rest are letters, digits, `_`, `-` and `.`.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        self.0.len() <= ProviderName::LIMIT
            && self.0.bytes().all(plain)
            && self.0.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_characters_that_have_a_meaning_elsewhere() {
        for good in ["claude", "a", "Claude-4.5_x"] {
            assert!(ConfigName::new(good).is_ok_and(|name| name.is_plain()), "{good}");
        }
        for file_only in ["a/b", "-x", ".x", "a b?", &"x".repeat(51)] {
            assert!(!ConfigName::new(file_only).is_ok_and(|name| name.is_plain()), "{file_only}");
        }
        for wrong in ["", "two words", "é", &"x".repeat(101)] {
            assert!(ConfigName::new(wrong).is_err(), "{wrong}");
            assert!(CredentialName::new(wrong).is_err(), "{wrong}");
        }
        assert!(Label::new("zone=a").is_ok() && Label::new("a,b").is_err());
        assert!(DisplayName::new("Claude (fast)").is_ok() && DisplayName::new("a\nb").is_err());
    }
}
