//! Entries of the audit log, completed with what only the transaction knows.

use crate::audit::AuditDraft;
use crate::ids::AuditSeq;
use crate::ports::{Rows, Tx};

/// Puts an entry at the end of the audit log. One that is aimed at a session says what runs that session, refusals
/// included; where there is no such session it says nothing of it.
pub(super) async fn record<T: Tx>(tx: &mut T, mut entry: AuditDraft) -> Rows<AuditSeq> {
    if let Some(id) = entry.lacks_provider_of()
        && let Some(session) = tx.head(id).await?
    {
        entry = entry.run_by(&session.provider);
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
