//! The secret half of a key that signs checkpoints.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};

use super::signing::{CheckpointKey, CheckpointSignature, NotHex};
use crate::hex::{hex, unhex};
use crate::ports::CheckpointSigner;

/// The secret half, for deployments that keep it in a file. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct CheckpointSigningKey(SigningKey);

impl CheckpointSigningKey {
    /// The key that belongs to 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes as a file has them: hexadecimal digits.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, NotHex> {
        unhex(text.trim()).map(|seed| Self::from_seed(&seed)).ok_or(NotHex { digits: 64 })
    }

    /// The text that [`CheckpointSigningKey::parse`] reads. It is the secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex(self.0.as_bytes())
    }
}

impl fmt::Debug for CheckpointSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckpointSigningKey(…)")
    }
}

impl CheckpointSigner for CheckpointSigningKey {
    fn public_key(&self) -> CheckpointKey {
        CheckpointKey::new(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> CheckpointSignature {
        CheckpointSignature::new(self.0.sign(bytes).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::CheckpointSigner;

    /// RFC 8032, section 7.1, test 2: one byte.
    #[test]
    fn a_signature_is_the_one_of_the_standard() {
        let key = CheckpointSigningKey::parse("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
            .expect("hex");
        let public = key.public_key();
        assert_eq!(public.to_string(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = key.sign(&[0x72]);
        assert_eq!(
            signature.to_string(),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(public.has_signed(&[0x72], &signature));
        assert!(!public.has_signed(&[0x73], &signature));
        assert_eq!(CheckpointSigningKey::parse(&key.reveal()).expect("hex").public_key(), public);
    }

    #[test]
    fn the_secret_is_not_printed() {
        let key = CheckpointSigningKey::from_seed(&[7; 32]);
        assert!(!format!("{key:?}").contains("0707"));
        assert_eq!(CheckpointSigningKey::parse("07").expect_err("short").to_string(), "is not 64 hexadecimal digits");
    }
}
