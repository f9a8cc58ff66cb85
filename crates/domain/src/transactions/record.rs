//! Entries of the audit log, completed with what only the transaction knows.

use crate::audit::AuditDraft;
use crate::ids::AuditSeq;
use crate::ports::{Rows, Tx};

/// Adds an entry to the end of the audit log. An entry about a session names the provider of the session, also for a
/// refusal; without such a session it names none.
pub(super) async fn record<T: Tx>(tx: &mut T, mut entry: AuditDraft) -> Rows<AuditSeq> {
    if let Some(id) = entry.lacks_provider_of()
        && let Some(session) = tx.head(id).await?
    {
        entry = entry.run_by(&session.provider);
    }
    tx.record(entry).await
}

/// Records an intervention. An intervention whose entry is in the spool has none to record.
pub(super) async fn record_any<T: Tx>(tx: &mut T, entry: Option<AuditDraft>) -> Rows<Option<AuditSeq>> {
    match entry {
        Some(entry) => Ok(Some(record(tx, entry).await?)),
        None => Ok(None),
    }
}
