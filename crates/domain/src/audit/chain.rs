//! The hash chain of audit entries.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{AuditDraft, AuditEntry, AuditIndex};
use crate::hex::{hex, unhex};
use crate::ids::AuditSeq;

/// Keeps hashes of audit entries apart from hashes of anything else.
const DOMAIN_SEPARATOR: &[u8] = b"flightdeck-audit/v1\0";

/// The hash of one entry, and thereby of the whole chain up to that entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditHash([u8; 32]);

impl AuditHash {
    /// The hash before the first entry.
    pub const GENESIS: Self = Self([0; 32]);

    /// Wraps a stored hash.
    #[must_use]
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes an entry's canonical JSON.
    #[must_use]
    pub fn of(canonical: &[u8]) -> Self {
        Self(Sha256::new().chain_update(DOMAIN_SEPARATOR).chain_update(canonical).finalize().into())
    }
}

impl fmt::Display for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AuditHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuditHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unhex(&text).map(Self).ok_or_else(|| serde::de::Error::custom("a hash is 64 hexadecimal digits"))
    }
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The newest entry's place; zero while the log is empty.
    pub seq: AuditSeq,
    /// The newest entry's hash.
    pub hash: AuditHash,
}

impl AuditHead {
    /// The head of an empty log.
    pub const EMPTY: Self = Self { seq: AuditSeq::ZERO, hash: AuditHash::GENESIS };
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAuditEntry {
    /// Its place.
    pub seq: AuditSeq,
    /// The hash of `bytes`.
    pub hash: AuditHash,
    /// The exact bytes that were hashed: the entry's canonical JSON.
    pub bytes: Vec<u8>,
    /// The facts that the store keeps in columns beside it.
    pub index: AuditIndex,
}

impl AuditDraft {
    /// Adds the entry to the end of the chain. A store calls this in the transaction that writes the entry, with the
    /// head that it has locked.
    #[must_use]
    pub fn seal(self, head: AuditHead) -> SealedAuditEntry {
        let entry = AuditEntry {
            action: self.action,
            actor: self.actor,
            at: self.at,
            details: self.details,
            outcome: self.outcome,
            previous: head.hash,
            reason: self.reason,
            request_id: self.request_id,
            seq: head.seq.next(),
            target: self.target,
        };
        // Strings, integers and a map of strings: there is nothing in it that JSON cannot express.
        let bytes = serde_json::to_vec(&entry).unwrap_or_default();
        SealedAuditEntry { seq: entry.seq, hash: AuditHash::of(&bytes), index: entry.index(), bytes }
    }
}

impl SealedAuditEntry {
    /// The head of the chain when this entry is the newest.
    #[must_use]
    pub const fn head(&self) -> AuditHead {
        AuditHead { seq: self.seq, hash: self.hash }
    }

    /// Reads the entry back from its bytes.
    ///
    /// # Errors
    /// The bytes are not an entry, so they were changed.
    pub fn entry(&self) -> Result<AuditEntry, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::audit_draft;

    #[test]
    fn the_json_is_canonical() {
        let sealed = audit_draft("needs \"a\" look\n").seal(AuditHead::EMPTY);
        let text = String::from_utf8(sealed.bytes.clone()).expect("JSON");
        let sorted: std::collections::BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&text).expect("an object");
        assert_eq!(serde_json::to_string(&sorted).expect("JSON"), text);
        assert!(
            text.starts_with("{\"action\":\"pause\",\"actor\":\"0102030405ab\",\"at\":\"2026-01-01T00:00:00.000000Z\""),
            "{text}"
        );
        assert_eq!(sealed.entry().expect("its own bytes").seq, AuditSeq::new(1));
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        let sealed = audit_draft("why").seal(AuditHead::EMPTY);
        let mut hashed = b"flightdeck-audit/v1\0".to_vec();
        hashed.extend_from_slice(&sealed.bytes);
        assert_eq!(sealed.hash.as_bytes().as_slice(), Sha256::digest(&hashed).as_slice());
    }
}
