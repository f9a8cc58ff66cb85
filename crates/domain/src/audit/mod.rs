//! The audit log: one append-only chain of hashes per deployment.
//!
//! `hash = SHA-256("flightdeck-audit/v1\0" ‖ canonical JSON of the entry)`, and the entry contains its own seq and the hash
//! before it: whoever edits, removes, inserts or swaps an entry breaks the chain at that place. The exact hashed bytes
//! are stored, so that a proof never depends on how a later version writes JSON.

mod chain;
mod entry;
mod verify;

pub use chain::{AuditHash, AuditHead, SealedAuditEntry};
pub use entry::{AuditDraft, AuditEntry, AuditIndex, AuditOutcome, AuditTarget};
pub use verify::{AuditProblem, AuditVerification, ChainVerifier};
