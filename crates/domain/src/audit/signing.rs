//! The keys that sign checkpoints: Ed25519 (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::hex::{hex, unhex};

/// Text that is not so many hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not {digits} hexadecimal digits")]
pub struct NotHex {
    digits: usize,
}

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Wraps stored bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes to store.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                unhex(text).map(Self).ok_or(NotHex { digits: $bytes * 2 })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_bytes! {
    /// The public half of the key that signs checkpoints.
    CheckpointKey, 32
}
hex_bytes! {
    /// The short name of a [`CheckpointKey`]: the beginning of its SHA-256.
    CheckpointKeyId, 8
}
hex_bytes! {
    /// A signature.
    CheckpointSignature, 64
}

impl CheckpointKey {
    /// Its short name.
    #[must_use]
    pub fn id(&self) -> CheckpointKeyId {
        let digest: [u8; 32] = Sha256::digest(self.0).into();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        CheckpointKeyId(id)
    }

    /// Whether the owner of this key has signed these bytes.
    #[must_use]
    pub fn has_signed(&self, bytes: &[u8], signature: &CheckpointSignature) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(bytes, &Signature::from_bytes(&signature.0)))
            .is_ok()
    }
}

/// The secret half, for deployments that keep it in a file of their own. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct CheckpointSigningKey(SigningKey);

impl CheckpointSigningKey {
    /// The key that belongs to 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes as they stand in a file: hexadecimal digits.
    ///
    /// # Errors
    /// The text is something else.
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

impl crate::ports::CheckpointSigner for CheckpointSigningKey {
    fn public_key(&self) -> CheckpointKey {
        CheckpointKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> CheckpointSignature {
        CheckpointSignature(self.0.sign(bytes).to_bytes())
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
