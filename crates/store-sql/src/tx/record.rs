//! The feed and the audit log, as a transaction writes them.

use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, FeedPosition};
use flightdeck_domain::ports::{RecordRows, Rows};

use super::{Dialect, SqlTx};
use crate::feed;

impl<D: Dialect> RecordRows for SqlTx<D> {
    async fn tell(&mut self, event: FleetEventDraft) -> Rows<()> {
        Ok(Dialect::tell(&mut self.0, event).await?)
    }

    async fn record(&mut self, entry: AuditDraft) -> Rows<AuditSeq> {
        Ok(Dialect::record(&mut self.0, entry).await?)
    }

    async fn feed_head(&mut self) -> Rows<FeedPosition> {
        Ok(feed::head(self.connection()).await?)
    }
}
