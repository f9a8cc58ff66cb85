//! The audit log.

use flightdeck_domain::audit::{AuditHash, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;

use crate::statement::{Bind, Prepared};

/// Moves the head to an entry that was just written.
#[must_use]
pub fn move_head(entry: &SealedAuditEntry) -> Prepared<Bind<'_>, 2> {
    set_head(entry.seq, &entry.hash)
}

/// Writes a head as it is.
#[must_use]
pub fn set_head(seq: AuditSeq, hash: &AuditHash) -> Prepared<Bind<'_>, 2> {
    Prepared::new(
        "UPDATE audit_head SET seq = ?, hash = ?",
        [Bind::Integer(seq.to_i64()), Bind::Bytes(hash.as_bytes())],
    )
}
