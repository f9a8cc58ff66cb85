//! The audit log: one append-only chain of hashes per deployment.
//!
//! `hash = SHA-256("flightdeck-audit/v1\0" ‖ canonical JSON of the entry)`, and the entry contains its own seq and the
//! hash of the entry before it. Editing, removing, inserting or swapping an entry breaks the chain at that place. The
//! exact hashed bytes are stored, so that a proof does not depend on how a later version writes JSON.
//!
//! The chain alone does not show that its end was cut off together with its head, or that it was rewritten as a whole.
//! A [`Checkpoint`] shows it: the head, signed with a key that is kept outside the database, and also stored outside
//! the database. An [`ExportVerifier`] verifies an export in the same way without the store.

mod chain;
mod checkpoint;
mod entry;
mod export;
pub(crate) mod filter;
mod ledger;
mod signing;
mod signing_key;
mod spool;
mod verify;

pub use chain::{AuditHash, AuditHead, SealedAuditEntry};
pub use checkpoint::{Checkpoint, CheckpointProblem};
pub use entry::{AuditDraft, AuditEntry, AuditIndex, AuditOutcome, AuditTarget};
pub use export::{ExportFault, ExportHeader, ExportLine, ExportProblem, ExportSummary, ExportVerifier, ExportedEntry};
pub use ledger::{IsWithin, Ledger};
pub use signing::{CheckpointKey, CheckpointKeyId, CheckpointSignature};
pub use signing_key::CheckpointSigningKey;
pub use spool::{Fate, SpooledAction, SpooledIntervention, Stop};
pub use verify::{AuditProblem, AuditVerdict, AuditVerification, ChainVerifier, HeadProblem};
