//! One key, and what follows from it.

use std::fmt;

use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A text that is no key. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secrets key is 64 hexadecimal digits")]
pub struct InvalidKey;

/// A key that credentials are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretsKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl SecretsKey {
    /// Makes a key of the machine's random source.
    #[must_use]
    pub fn generate() -> Self {
        Self::of(SystemIds.random_bytes())
    }

    fn of(bytes: [u8; 32]) -> Self {
        let id = Sha256::new().chain_update(b"flightdeck-secrets-key/v1 id\0").chain_update(bytes).finalize();
        Self { id: hex(id.get(..8).unwrap_or_default()), bytes: Zeroizing::new(bytes) }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// It is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let bytes = Zeroizing::new(unhex(text.trim()).ok_or(InvalidKey)?);
        <[u8; 32]>::try_from(bytes.as_slice()).map(Self::of).or(Err(InvalidKey))
    }

    /// The key itself, for its file.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.bytes.as_slice()))
    }

    /// What the key is called. It says nothing about the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A key for one purpose.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(self.bytes.as_slice(), &[b"flightdeck-secrets/v1 ", purpose.as_bytes()]))
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretsKey({})", self.id)
    }
}

/// HMAC-SHA256 over the parts.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // Any length of key is taken.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().fold(mac, Mac::chain_update).finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_hides_itself() {
        let key = SecretsKey::generate();
        assert_eq!(SecretsKey::parse(&key.reveal()), Ok(key.clone()));
        assert_ne!(SecretsKey::generate(), key);
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()) && !shown.contains(key.reveal().as_str()), "{shown}");
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(SecretsKey::parse(wrong), Err(InvalidKey), "{wrong}");
        }
        assert_ne!(key.derive("a"), key.derive("b"));
    }
}
