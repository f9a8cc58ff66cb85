//! The clear text of a credential.

use std::fmt;

use zeroize::Zeroizing;

/// The clear text of a credential. It is wiped from memory when it is dropped, and shows itself to nobody: it has no
/// `Display`, its `Debug` is a placeholder, and it cannot be serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Why a text is no credential. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// It has no characters.
    #[error("must not be empty; null removes a credential")]
    Empty,
    /// It is longer than [`Secret::LIMIT`].
    #[error("is too long: at most {} bytes are allowed", Secret::LIMIT)]
    TooLong,
    /// It has U+0000, which no environment variable can hold.
    #[error("contains the character U+0000, which no variable can hold")]
    Nul,
}

impl Secret {
    /// The longest credential, in bytes.
    pub const LIMIT: usize = 65_536;

    /// Checks and wraps a text.
    ///
    /// # Errors
    /// It is empty, too long, or has U+0000.
    pub fn new(text: String) -> Result<Self, SecretFault> {
        let text = Zeroizing::new(text);
        match text.len() {
            0 => Err(SecretFault::Empty),
            length if length > Self::LIMIT => Err(SecretFault::TooLong),
            _ if text.contains('\0') => Err(SecretFault::Nul),
            _ => Ok(Self(text)),
        }
    }

    /// The text, for the agent that it is meant for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secret = Secret::new("hush".to_owned()).expect("valid");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(…) Some(Secret(…))");
        assert_eq!(secret.reveal(), "hush");
        assert_eq!(Secret::new(String::new()), Err(SecretFault::Empty));
        let nul = Secret::new("hu\0sh".to_owned()).expect_err("refused");
        assert!(!nul.to_string().contains("hu\0sh"));
        assert_eq!(Secret::new("x".repeat(Secret::LIMIT + 1)), Err(SecretFault::TooLong));
    }
}
