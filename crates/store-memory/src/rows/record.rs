//! The feed and the audit log.

use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, FeedPosition};
use flightdeck_domain::ports::{RecordRows, Rows, StoreUnavailable};

use crate::state::State;

impl RecordRows for State {
    async fn tell(&mut self, event: FleetEventDraft) -> Rows<()> {
        let position = self.feed_end().next();
        self.feed.push(event.at_position(position));
        self.noted(|state| drop(state.feed.pop()));
        Ok(())
    }

    async fn record(&mut self, entry: AuditDraft) -> Rows<AuditSeq> {
        if self.audit_broken {
            return Err(StoreUnavailable::new("audit entries are set to fail"));
        }
        let seq = self.audit.record(entry);
        self.noted(|state| state.audit.take_back());
        Ok(seq)
    }

    async fn feed_head(&mut self) -> Rows<FeedPosition> {
        Ok(self.feed_end())
    }
}
