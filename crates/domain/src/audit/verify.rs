//! Proving the chain.

use serde::Serialize;

use super::{AuditHash, AuditHead, SealedAuditEntry};
use crate::ids::AuditSeq;

/// What is wrong at one place of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditProblem {
    /// The place is empty, or an entry stands where none belongs.
    #[error("entry {expected} was expected and entry {found} stands there")]
    Sequence {
        /// The place.
        expected: AuditSeq,
        /// What stands there.
        found: AuditSeq,
    },
    /// The bytes are not those that were hashed.
    #[error("the bytes of entry {0} do not have its hash")]
    Hash(AuditSeq),
    /// The bytes are no entry at all.
    #[error("the bytes of entry {0} are not an audit entry")]
    Unreadable(AuditSeq),
    /// The entry says that it belongs elsewhere.
    #[error("entry {0} does not follow the entry before it")]
    Link(AuditSeq),
    /// The columns kept beside the entry say something else than the entry.
    #[error("the stored columns of entry {0} differ from what it says")]
    Index(AuditSeq),
    /// The chain ends before the head that the store remembers.
    #[error("the chain ends at entry {end} and the head says entry {head}")]
    Truncated {
        /// The last entry found.
        end: AuditSeq,
        /// The place that the head names.
        head: AuditSeq,
    },
}

impl AuditProblem {
    /// The place at fault.
    #[must_use]
    pub const fn seq(&self) -> AuditSeq {
        match self {
            Self::Sequence { expected: seq, .. }
            | Self::Hash(seq)
            | Self::Unreadable(seq)
            | Self::Link(seq)
            | Self::Index(seq)
            | Self::Truncated { end: seq, .. } => *seq,
        }
    }
}

/// The result of walking the whole chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Whether every entry is what it was and where it was.
    pub valid: bool,
    /// How many entries were found good.
    pub entries: u64,
    /// The hash of the last good entry.
    pub head: AuditHash,
    /// The first fault.
    pub problem: Option<String>,
    /// The place of the first fault.
    pub problem_seq: Option<AuditSeq>,
}

/// Walks a chain entry by entry, in constant memory.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    last: AuditHead,
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self { last: AuditHead::EMPTY }
    }
}

impl ChainVerifier {
    /// Takes the next entry in.
    ///
    /// # Errors
    /// What is wrong with it; the walk ends there.
    pub fn next(&mut self, sealed: &SealedAuditEntry) -> Result<(), AuditProblem> {
        let expected = self.last.seq.next();
        if sealed.seq != expected {
            return Err(AuditProblem::Sequence { expected, found: sealed.seq });
        }
        if AuditHash::of(&sealed.bytes) != sealed.hash {
            return Err(AuditProblem::Hash(expected));
        }
        let entry = sealed.entry().or(Err(AuditProblem::Unreadable(expected)))?;
        if entry.seq != expected || entry.previous != self.last.hash {
            return Err(AuditProblem::Link(expected));
        }
        if entry.index() != sealed.index {
            return Err(AuditProblem::Index(expected));
        }
        self.last = sealed.head();
        Ok(())
    }

    /// The place reached.
    #[must_use]
    pub const fn reached(&self) -> AuditSeq {
        self.last.seq
    }

    /// Ends the walk against the head that the store remembers.
    #[must_use]
    pub fn finish(self, head: AuditHead) -> AuditVerification {
        if self.last == head {
            return self.report(None);
        }
        let end = self.last.seq;
        self.report(Some(AuditProblem::Truncated { end, head: head.seq }))
    }

    /// The result, with the fault that ended the walk.
    #[must_use]
    pub fn report(self, problem: Option<AuditProblem>) -> AuditVerification {
        AuditVerification {
            valid: problem.is_none(),
            entries: self.last.seq.get(),
            head: self.last.hash,
            problem: problem.map(|problem| problem.to_string()),
            problem_seq: problem.map(|problem| problem.seq()),
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
        assert!(verify(&[], AuditHead::EMPTY).valid);
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
