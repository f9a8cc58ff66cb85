//! The ends of the feed and of the audit log, to which every transaction writes.

use super::Rows;
use crate::audit::AuditDraft;
use crate::feed::FleetEventDraft;
use crate::ids::{AuditSeq, FeedPosition};

/// The feed and the audit log.
pub trait RecordRows: Send {
    /// Adds an event to the end of the feed. A store may keep the event until the transaction records or ends, because
    /// a transaction that writes to the feed blocks all others that do.
    fn tell(&mut self, event: FleetEventDraft) -> impl Future<Output = Rows<()>> + Send;

    /// Seals an entry ([`AuditDraft::seal`]) and adds it to the end of the audit log. After it only the remembered call
    /// is written.
    fn record(&mut self, entry: AuditDraft) -> impl Future<Output = Rows<AuditSeq>> + Send;

    /// The newest position of the feed.
    fn feed_head(&mut self) -> impl Future<Output = Rows<FeedPosition>> + Send;
}
