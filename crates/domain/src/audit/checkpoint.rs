//! Checkpoints: the signed head of the chain.

use serde::{Deserialize, Serialize};

use super::{AuditHash, AuditHead, CheckpointKey, CheckpointKeyId, CheckpointSignature};
use crate::ids::AuditSeq;
use crate::ports::CheckpointSigner;
use crate::time::Timestamp;

/// Keeps signatures of checkpoints apart from signatures of anything else.
const DOMAIN_SEPARATOR: &[u8] = b"flightdeck-checkpoint/v1\0";

/// Proof that the chain once reached this entry with this hash. What is signed is `"flightdeck-checkpoint/v1\0" ‖
/// canonical JSON of the fields without the signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// When it was signed.
    pub at: Timestamp,
    /// The hash of the entry.
    pub hash: AuditHash,
    /// The key that signed it.
    pub key_id: CheckpointKeyId,
    /// The entry that was the newest.
    pub seq: AuditSeq,
    /// The signature.
    pub signature: CheckpointSignature,
}

/// The signed fields, in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    at: Timestamp,
    hash: AuditHash,
    key_id: CheckpointKeyId,
    seq: AuditSeq,
}

impl Signed {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN_SEPARATOR.to_vec();
        // Texts and an integer: there is nothing in it that JSON cannot express.
        bytes.extend(serde_json::to_vec(self).unwrap_or_default());
        bytes
    }
}

/// What is wrong with a checkpoint, or with the chain that it was signed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointProblem {
    /// Another key signed it, or it was changed after it was signed.
    #[error("the signature of the checkpoint at entry {0} is not good")]
    Signature(AuditSeq),
    /// It names another key than the trusted one.
    #[error("the checkpoint at entry {seq} is signed by the key {found} and not by {wanted}")]
    OtherKey {
        /// Its place.
        seq: AuditSeq,
        /// The key that it names.
        found: CheckpointKeyId,
        /// The key that is trusted.
        wanted: CheckpointKeyId,
    },
    /// The chain was rewritten.
    #[error("entry {0} is not the one that its checkpoint was signed over")]
    Differs(AuditSeq),
    /// The end of the chain was cut off, together with the checkpoints in the database.
    #[error("the chain ends at entry {end}, and a checkpoint was signed at entry {seq}: the end was cut off")]
    Beyond {
        /// The last entry.
        end: AuditSeq,
        /// The place of the checkpoint.
        seq: AuditSeq,
    },
    /// It is not at its place.
    #[error("the checkpoint at entry {0} does not stand behind that entry")]
    Order(AuditSeq),
    /// The database has lost a checkpoint that is kept outside.
    #[error("the checkpoint at entry {0} was removed from the database or changed there")]
    Missing(AuditSeq),
    /// The file outside has lost a checkpoint that the database has.
    #[error(
        "the checkpoint at entry {0} is in the database and not in audit-checkpoints.jsonl: that file was removed, cut or \
         changed. Find out by whom; `flightdeck audit checkpoint --refill` takes the database's word for it, on record"
    )]
    Unarchived(AuditSeq),
}

impl CheckpointProblem {
    /// The place of the fault.
    #[must_use]
    pub const fn seq(&self) -> AuditSeq {
        match self {
            Self::Signature(seq)
            | Self::OtherKey { seq, .. }
            | Self::Differs(seq)
            | Self::Beyond { end: seq, .. }
            | Self::Order(seq)
            | Self::Missing(seq)
            | Self::Unarchived(seq) => *seq,
        }
    }
}

impl Checkpoint {
    /// Signs the head of a chain.
    #[must_use]
    pub fn sign(head: AuditHead, at: Timestamp, signer: &dyn CheckpointSigner) -> Self {
        let key_id = signer.public_key().id();
        let AuditHead { seq, hash } = head;
        let signature = signer.sign(&Signed { at, hash, key_id, seq }.bytes());
        Self { at, hash, key_id, seq, signature }
    }

    /// The head that was signed.
    #[must_use]
    pub const fn head(&self) -> AuditHead {
        AuditHead { seq: self.seq, hash: self.hash }
    }

    /// Checks that the owner of the key signed it.
    ///
    /// # Errors
    /// Another key signed it, or it was changed after it was signed.
    pub fn check(&self, key: &CheckpointKey) -> Result<(), CheckpointProblem> {
        let Self { at, hash, key_id, seq, signature } = *self;
        if key_id != key.id() {
            return Err(CheckpointProblem::OtherKey { seq, found: key_id, wanted: key.id() });
        }
        let signed = key.has_signed(&Signed { at, hash, key_id, seq }.bytes(), &signature);
        if signed { Ok(()) } else { Err(CheckpointProblem::Signature(seq)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::CheckpointSigningKey;
    use crate::fixtures::at;

    fn signer() -> CheckpointSigningKey {
        CheckpointSigningKey::from_seed(&[1; 32])
    }

    fn checkpoint() -> Checkpoint {
        let head = AuditHead { seq: AuditSeq::new(7), hash: AuditHash::of(b"seven") };
        Checkpoint::sign(head, at(0), &signer())
    }

    #[test]
    fn what_is_signed_is_the_documented_bytes() {
        let made = checkpoint();
        let text = format!(
            "flightdeck-checkpoint/v1\0{{\"at\":\"2026-01-01T00:00:00.000000Z\",\"hash\":\"{}\",\"keyId\":\"{}\",\"seq\":7}}",
            made.hash, made.key_id
        );
        assert!(signer().public_key().has_signed(text.as_bytes(), &made.signature));
        assert_eq!(made.check(&signer().public_key()), Ok(()));
        let read: Checkpoint = serde_json::from_str(&serde_json::to_string(&made).expect("JSON")).expect("read back");
        assert_eq!(read, made);
    }

    #[test]
    fn every_field_is_under_the_signature() {
        let key = signer().public_key();
        let made = checkpoint();
        let mut signature = *made.signature.as_bytes();
        signature[3] ^= 1;
        for forged in [
            Checkpoint { at: at(1), ..made },
            Checkpoint { hash: AuditHash::of(b"other"), ..made },
            Checkpoint { seq: AuditSeq::new(6), ..made },
            Checkpoint { signature: CheckpointSignature::new(signature), ..made },
        ] {
            assert_eq!(forged.check(&key), Err(CheckpointProblem::Signature(forged.seq)));
        }
        let other = CheckpointSigningKey::from_seed(&[2; 32]).public_key();
        assert!(matches!(made.check(&other), Err(CheckpointProblem::OtherKey { .. })));
        let renamed = Checkpoint { key_id: other.id(), ..made };
        assert_eq!(renamed.check(&other), Err(CheckpointProblem::Signature(made.seq)));
    }
}
