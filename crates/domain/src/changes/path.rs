//! Names of files.

use std::fmt::{self, Display, Formatter, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The path of a file below the top of its repository: bytes, as systems have them.
///
/// Its text can be read back: a backslash is written twice, and a byte that is not UTF-8 as `\xNN`. Most paths are
/// their own text.
///
/// ```
/// use flightdeck_domain::changes::FilePath;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = FilePath::new(b"na\xefve\\x.txt".to_vec())?;
/// assert_eq!(path.to_string(), r"na\xefve\\x.txt");
/// assert_eq!(path.to_string().parse::<FilePath>()?, path);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(Vec<u8>);

/// The text is not that of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a path has 1 to {} bytes and no NUL; a backslash is written twice, and a byte that is not UTF-8 as \\xNN",
    FilePath::MAX_BYTES
)]
pub struct InvalidFilePath;

impl FilePath {
    /// The most bytes: the limit of Linux.
    pub const MAX_BYTES: usize = 4_096;

    /// Takes the bytes of a path.
    ///
    /// # Errors
    /// There are none or too many, or there is a NUL.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidFilePath> {
        let fits = !bytes.is_empty() && bytes.len() <= Self::MAX_BYTES && !bytes.contains(&0);
        if fits { Ok(Self(bytes)) } else { Err(InvalidFilePath) }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Display for FilePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                if letter == '\\' {
                    f.write_char('\\')?;
                }
                f.write_char(letter)?;
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for FilePath {
    type Err = InvalidFilePath;

    fn from_str(text: &str) -> Result<Self, InvalidFilePath> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut parts = text.split('\\');
        bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        while let Some(part) = parts.next() {
            if part.is_empty() {
                // The second of two; what follows is as it is.
                bytes.push(b'\\');
                bytes.extend_from_slice(parts.next().ok_or(InvalidFilePath)?.as_bytes());
                continue;
            }
            let (code, rest) =
                part.strip_prefix('x').and_then(|part| part.split_at_checked(2)).ok_or(InvalidFilePath)?;
            if !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(InvalidFilePath);
            }
            bytes.push(u8::from_str_radix(code, 16).map_err(|_not_hex| InvalidFilePath)?);
            bytes.extend_from_slice(rest.as_bytes());
        }
        Self::new(bytes)
    }
}

impl TryFrom<String> for FilePath {
    type Error = InvalidFilePath;

    fn try_from(text: String) -> Result<Self, InvalidFilePath> {
        text.parse()
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn most_paths_are_their_own_text() {
        for path in ["src/main.rs", "a b/ü.txt", "new\nline", "\u{202e}gpj.exe", "\"quoted\""] {
            assert_eq!(FilePath::new(path.into()).expect("a path").to_string(), path);
        }
    }

    #[test]
    fn what_is_no_text_of_a_path_is_refused() {
        for text in ["", "\\", "a\\", "a\\n", "\\x", "\\x4", "\\xg0", "\\x+1", "\\x00", "nul\0"] {
            assert_eq!(text.parse::<FilePath>(), Err(InvalidFilePath), "{text:?}");
        }
        assert!(FilePath::new(vec![b'a'; FilePath::MAX_BYTES + 1]).is_err());
    }

    proptest! {
        #[test]
        fn a_text_names_one_path(bytes in proptest::collection::vec(1_u8.., 1..40)) {
            let path = FilePath::new(bytes).expect("a path");
            prop_assert_eq!(path.to_string().parse::<FilePath>(), Ok(path));
        }

        #[test]
        fn backslashes_are_read_back(text in r"[\\x0-9a-f/]{1,20}") {
            let path = FilePath::new(text.into_bytes()).expect("a path");
            prop_assert_eq!(path.to_string().parse::<FilePath>(), Ok(path));
        }
    }
}
