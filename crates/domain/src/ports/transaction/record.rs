//! The feed and the audit log, to whose ends every transaction writes.

use super::Rows;
use crate::audit::AuditDraft;
use crate::feed::FleetEventDraft;
use crate::ids::{AuditSeq, FeedPosition};

/// What is told to the fleet, and what is recorded.
pub trait RecordRows: Send {
    /// Puts an event at the end of the feed. A store may keep it until the transaction records or ends: whoever writes to the
    /// feed holds up all others that do.
    fn tell(&mut self, event: FleetEventDraft) -> impl Future<Output = Rows<()>> + Send;

    /// Seals an entry ([`AuditDraft::seal`]) and puts it at the end of the audit log. Nothing is written after it but what a
    /// call is remembered by.
    fn record(&mut self, entry: AuditDraft) -> impl Future<Output = Rows<AuditSeq>> + Send;

    /// The newest position of the feed.
    fn feed_head(&mut self) -> impl Future<Output = Rows<FeedPosition>> + Send;
}
