//! Entries of the audit log, completed with what only the transaction knows.

use crate::audit::{AuditDraft, AuditTarget};
use crate::ids::AuditSeq;
use crate::ports::{Rows, Tx};

/// What runs the session that an entry is about, among the details of the entry.
const PROVIDER: &str = "provider";

/// Puts an entry at the end of the audit log. One that is aimed at a session says what runs that session, refusals
/// included; where there is no such session it says nothing of it.
pub(super) async fn record<T: Tx>(tx: &mut T, mut entry: AuditDraft) -> Rows<AuditSeq> {
    if let AuditTarget::Session(id) = entry.target
        && let Some(session) = tx.head(id).await?
    {
        entry.details.insert(PROVIDER.to_owned(), session.provider.into());
    }
    tx.record(entry).await
}

/// Records an intervention; one whose entry lies in the spool has none to record.
pub(super) async fn record_any<T: Tx>(tx: &mut T, entry: Option<AuditDraft>) -> Rows<Option<AuditSeq>> {
    match entry {
        Some(entry) => Ok(Some(record(tx, entry).await?)),
        None => Ok(None),
    }
}
