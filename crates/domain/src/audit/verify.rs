//! Verification of the chain.

use serde::{Deserialize, Serialize};

use super::{AuditHash, AuditHead, Checkpoint, CheckpointKey, CheckpointKeyId, CheckpointProblem, SealedAuditEntry};
use crate::ids::AuditSeq;

/// What is wrong at one place of the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditProblem {
    /// The place is empty, or an entry is where none belongs.
    #[error("entry {expected} was expected and entry {found} stands there")]
    Sequence {
        /// The place.
        expected: AuditSeq,
        /// The place of the entry that was found.
        found: AuditSeq,
    },
    /// The bytes are not those that were hashed.
    #[error("the bytes of entry {0} do not have its hash")]
    Hash(AuditSeq),
    /// The bytes are not an entry.
    #[error("the bytes of entry {0} are not an audit entry")]
    Unreadable(AuditSeq),
    /// The entry says that it belongs to another place.
    #[error("entry {0} does not follow the entry before it")]
    Link(AuditSeq),
    /// The columns beside the entry differ from the entry.
    #[error("the stored columns of entry {0} differ from what it says")]
    Index(AuditSeq),
    /// The stored value was never written by this program.
    #[error("what is stored at {seq} makes no sense: {detail}")]
    Broken {
        /// The place.
        seq: AuditSeq,
        /// What cannot be read.
        detail: String,
    },
    /// The chain ends before the head that the store has.
    #[error("the chain ends at entry {end} and the head says entry {head}")]
    Truncated {
        /// The last entry found.
        end: AuditSeq,
        /// The place that the head names.
        head: AuditSeq,
    },
    /// The chain continues after the head that the store has.
    #[error("the head says entry {head}, and entry {found} stands behind it")]
    BeyondHead {
        /// The place that the head names.
        head: AuditSeq,
        /// The first entry after the head.
        found: AuditSeq,
    },
    /// The store does not know where the chain ends.
    #[error("the chain ends at entry {end}, and {problem}")]
    Head {
        /// The last entry found.
        end: AuditSeq,
        /// What is wrong with its head.
        problem: HeadProblem,
    },
    /// The chain and a checkpoint contradict each other.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointProblem),
}

/// The head that a store keeps is not a head. Only tampering leaves it like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadProblem {
    /// It is missing.
    #[error("the head of the log is missing")]
    Missing,
    /// It is something else.
    #[error("the head of the log makes no sense: {0}")]
    Malformed(String),
}

impl AuditProblem {
    /// The place of the fault.
    #[must_use]
    pub const fn seq(&self) -> AuditSeq {
        match self {
            Self::Sequence { expected: seq, .. }
            | Self::BeyondHead { found: seq, .. }
            | Self::Hash(seq)
            | Self::Unreadable(seq)
            | Self::Link(seq)
            | Self::Index(seq)
            | Self::Broken { seq, .. }
            | Self::Truncated { end: seq, .. }
            | Self::Head { end: seq, .. } => *seq,
            Self::Checkpoint(problem) => problem.seq(),
        }
    }
}

/// The verdict of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditVerdict {
    /// Every entry is unchanged, and a signature vouches for it; or the log is empty.
    Good,
    /// The entries fit together, but no signed checkpoint vouches for them: a log that was rewritten as a whole is not
    /// detected.
    Unvouched,
    /// Something was changed.
    Broken,
}

impl AuditVerdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Good, Self::Unvouched, Self::Broken];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unvouched => "unvouched",
            Self::Broken => "broken",
        }
    }
}

/// The result of verifying the whole chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Whether every entry is unchanged and at its place, as far as the chain and its checkpoints show.
    pub valid: bool,
    /// The same, and whether a checkpoint vouches for it.
    pub verdict: AuditVerdict,
    /// How many entries were valid.
    pub entries: u64,
    /// The hash of the last valid entry.
    pub head: AuditHash,
    /// How many signed checkpoints were valid.
    pub checkpoints: u64,
    /// The newest valid checkpoint: the chain is signed up to it.
    pub signed_up_to: Option<AuditSeq>,
    /// The key that they were checked against.
    pub key_id: Option<CheckpointKeyId>,
    /// The first fault.
    pub problem: Option<String>,
    /// The place of the first fault.
    pub problem_seq: Option<AuditSeq>,
}

/// The part of an entry that makes the chain. A verification reads only this, so that it also works for entries of
/// later versions.
#[derive(Deserialize)]
struct Link {
    seq: AuditSeq,
    previous: AuditHash,
}

/// Verifies a chain entry by entry, and each checkpoint at its place, in constant memory.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    last: AuditHead,
    key: Option<CheckpointKey>,
    checkpoints: u64,
    signed_up_to: Option<AuditSeq>,
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self::starting_after(AuditHead::EMPTY)
    }
}

impl ChainVerifier {
    /// Begins in the middle of a chain, at a head that is trusted.
    #[must_use]
    pub const fn starting_after(head: AuditHead) -> Self {
        Self { last: head, key: None, checkpoints: 0, signed_up_to: None }
    }

    /// Sets the key for checkpoints. Without a key only their content is compared with the chain.
    #[must_use]
    pub const fn with_key(self, key: Option<CheckpointKey>) -> Self {
        Self { key, ..self }
    }

    /// Reads the next entry.
    ///
    /// # Errors
    /// The entry is wrong; the verification ends there.
    pub fn next(&mut self, sealed: &SealedAuditEntry) -> Result<(), AuditProblem> {
        self.check(sealed.seq, sealed.hash, &sealed.bytes)?;
        let entry = sealed.entry().or(Err(AuditProblem::Unreadable(sealed.seq)))?;
        if entry.index() != sealed.index {
            return Err(AuditProblem::Index(sealed.seq));
        }
        self.last = sealed.head();
        Ok(())
    }

    /// Reads the next entry, of which only its place, its hash and the hashed bytes are known.
    ///
    /// # Errors
    /// The entry is wrong; the verification ends there.
    pub fn next_bytes(&mut self, seq: AuditSeq, hash: AuditHash, bytes: &[u8]) -> Result<(), AuditProblem> {
        self.check(seq, hash, bytes)?;
        self.last = AuditHead { seq, hash };
        Ok(())
    }

    fn check(&self, seq: AuditSeq, hash: AuditHash, bytes: &[u8]) -> Result<(), AuditProblem> {
        let expected = self.last.seq.next();
        if seq != expected {
            return Err(AuditProblem::Sequence { expected, found: seq });
        }
        if AuditHash::of(bytes) != hash {
            return Err(AuditProblem::Hash(expected));
        }
        let link: Link = serde_json::from_slice(bytes).or(Err(AuditProblem::Unreadable(expected)))?;
        if link.seq != expected || link.previous != self.last.hash {
            return Err(AuditProblem::Link(expected));
        }
        Ok(())
    }

    /// Reads a checkpoint that was signed over the entry that was read last.
    ///
    /// # Errors
    /// The checkpoint or the chain is wrong.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointProblem> {
        self.signed(checkpoint)?;
        if checkpoint.seq > self.last.seq {
            return Err(CheckpointProblem::Beyond { end: self.last.seq, seq: checkpoint.seq });
        }
        if checkpoint.seq < self.last.seq {
            return Err(CheckpointProblem::Order(checkpoint.seq));
        }
        if checkpoint.hash != self.last.hash {
            return Err(CheckpointProblem::Differs(checkpoint.seq));
        }
        self.checkpoints += 1;
        self.signed_up_to = Some(checkpoint.seq);
        Ok(())
    }

    /// Checks a checkpoint against the key, if there is one.
    ///
    /// # Errors
    /// It is not signed with that key.
    pub fn signed(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointProblem> {
        self.key.as_ref().map_or(Ok(()), |key| checkpoint.check(key))
    }

    /// The place reached.
    #[must_use]
    pub const fn reached(&self) -> AuditSeq {
        self.last.seq
    }

    /// The entry that was read last.
    #[must_use]
    pub const fn head(&self) -> AuditHead {
        self.last
    }

    /// Whether the chain ends at the head that the store has.
    ///
    /// # Errors
    /// The chain ends elsewhere.
    pub fn ends_at(&self, head: AuditHead) -> Result<(), AuditProblem> {
        if self.last == head {
            return Ok(());
        }
        Err(AuditProblem::Truncated { end: self.last.seq, head: head.seq })
    }

    /// Ends the verification at the head that the store has.
    #[must_use]
    pub fn finish(self, head: AuditHead) -> AuditVerification {
        let problem = self.ends_at(head).err();
        self.report(problem)
    }

    /// The result, with the fault that ended the verification.
    #[must_use]
    pub fn report(self, problem: Option<AuditProblem>) -> AuditVerification {
        let verdict = match &problem {
            Some(_) => AuditVerdict::Broken,
            None if self.checkpoints == 0 && self.last.seq > AuditSeq::ZERO => AuditVerdict::Unvouched,
            None => AuditVerdict::Good,
        };
        AuditVerification {
            valid: problem.is_none(),
            verdict,
            entries: self.last.seq.get(),
            head: self.last.hash,
            checkpoints: self.checkpoints,
            signed_up_to: self.signed_up_to,
            key_id: self.key.as_ref().map(CheckpointKey::id),
            problem_seq: problem.as_ref().map(AuditProblem::seq),
            problem: problem.map(|problem| problem.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::audit_draft;
    use proptest::prelude::*;

    fn chain(length: usize) -> Vec<SealedAuditEntry> {
        let mut head = AuditHead::EMPTY;
        (0..length)
            .map(|n| {
                let sealed = audit_draft(&format!("reason {n}")).seal(head);
                head = sealed.head();
                sealed
            })
            .collect()
    }

    fn verify(entries: &[SealedAuditEntry], head: AuditHead) -> AuditVerification {
        let mut verifier = ChainVerifier::default();
        for entry in entries {
            if let Err(problem) = verifier.next(entry) {
                return verifier.report(Some(problem));
            }
        }
        verifier.finish(head)
    }

    #[test]
    fn a_clean_chain_verifies_and_an_empty_one_too() {
        let entries = chain(20);
        let result = verify(&entries, entries[19].head());
        assert!(result.valid && result.entries == 20 && result.problem.is_none(), "{result:?}");
        assert_eq!(result.verdict, AuditVerdict::Unvouched, "nobody has signed it");
        let empty = verify(&[], AuditHead::EMPTY);
        assert_eq!((empty.valid, empty.verdict), (true, AuditVerdict::Good));
        assert_eq!(verify(&entries[..3], entries[19].head()).verdict, AuditVerdict::Broken);
    }

    proptest! {
        #[test]
        fn any_tampering_is_found(kind in 0_u8..6, at in 0_usize..20, byte in 0_usize..400, bit in 0_u8..8) {
            let clean = chain(20);
            let head = clean[19].head();
            let mut entries = clean.clone();
            match kind {
                0 => { let byte = byte % entries[at].bytes.len(); entries[at].bytes[byte] ^= 1 << bit; }
                1 => { entries.remove(at); }
                2 => { let copy = entries[at].clone(); entries.insert(at, copy); }
                3 => entries.swap(at, (at + 1) % 20),
                4 => entries.truncate(at),
                _ => {
                    // A forger who rewrites an entry and its hash, but not those that follow.
                    let previous = if at == 0 { AuditHead::EMPTY } else { entries[at - 1].head() };
                    entries[at] = audit_draft("forged").seal(previous);
                }
            }
            prop_assert!(!verify(&entries, head).valid);
        }
    }
}
