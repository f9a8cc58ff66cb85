//! An audit log in memory.

use std::collections::BTreeMap;

use super::{AuditDraft, AuditHead, Checkpoint, SealedAuditEntry};
use crate::ids::{AuditSeq, SessionId};
use crate::ports::AuditFilter;

/// Says whether a session is another one or below it.
pub type IsWithin<'a> = dyn Fn(SessionId, SessionId) -> bool + 'a;

/// The entries and checkpoints of an audit log, for a store that has all of them in memory. The store lends it through
/// [`crate::ports::KeepsLedger`].
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Dense: the entry with seq `n` is element `n - 1`.
    entries: Vec<SealedAuditEntry>,
    checkpoints: BTreeMap<AuditSeq, Checkpoint>,
}

impl Ledger {
    /// Adds an entry to the end of the chain, and gives its place.
    pub fn record(&mut self, entry: AuditDraft) -> AuditSeq {
        let sealed = entry.seal(self.head());
        let seq = sealed.seq;
        self.entries.push(sealed);
        seq
    }

    /// Removes the newest entry, when the transaction that wrote it is undone.
    pub fn take_back(&mut self) {
        self.entries.pop();
    }

    /// The end of the chain.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        self.entries.last().map_or(AuditHead::EMPTY, SealedAuditEntry::head)
    }

    pub(crate) fn page(
        &self,
        filter: &AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
        is_within: &IsWithin<'_>,
    ) -> Vec<SealedAuditEntry> {
        let end = before.map_or(self.entries.len(), |before| index(before).saturating_sub(1));
        let newest_first = self.entries.iter().take(end).rev();
        newest_first.filter(|entry| filter.holds(&entry.index, is_within)).take(limit).cloned().collect()
    }

    pub(crate) fn walk(&self, after: AuditSeq, limit: usize) -> Vec<SealedAuditEntry> {
        self.entries.iter().skip(index(after)).take(limit).cloned().collect()
    }

    pub(crate) fn keep_checkpoint(&mut self, checkpoint: Checkpoint) -> Checkpoint {
        *self.checkpoints.entry(checkpoint.seq).or_insert(checkpoint)
    }

    pub(crate) fn checkpoints(&self, after: AuditSeq, limit: usize) -> Vec<Checkpoint> {
        self.checkpoints.range(after.next()..).map(|(_, checkpoint)| *checkpoint).take(limit).collect()
    }

    pub(crate) fn newest_checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoints.values().next_back().copied()
    }
}

/// The first element after a place.
fn index(seq: AuditSeq) -> usize {
    usize::try_from(seq.get()).unwrap_or(usize::MAX)
}
