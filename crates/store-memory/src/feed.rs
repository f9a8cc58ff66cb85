//! The fleet feed, read.

use async_trait::async_trait;
use flightdeck_domain::feed::{FleetEvent, FleetEventKind};
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};

use crate::MemoryStore;
use crate::state::index;

#[async_trait]
impl FleetFeed for MemoryStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        let state = self.state();
        let behind = state.feed.iter().skip(index(after.get().saturating_sub(state.feed_gone)));
        Ok(behind.take(limit).cloned().collect())
    }

    async fn receipts(
        &self,
        session: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        let state = self.state();
        let later = state.feed.iter().skip(index(after.get().saturating_sub(state.feed_gone)));
        Ok(later.filter(|event| is_receipt_of(event, session)).take(limit).cloned().collect())
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        let state = self.state();
        let newest = state.feed.iter().rev().filter(|event| is_receipt_of(event, session));
        let mut newest: Vec<FleetEvent> = newest.take(limit).cloned().collect();
        newest.reverse();
        Ok(newest)
    }

    async fn receipt_heads(
        &self,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
        let state = self.state();
        let newest = |id: SessionId| state.feed.iter().rev().find(|event| is_receipt_of(event, id));
        Ok(sessions.into_iter().filter_map(|id| Some((id, newest(id)?.position))).collect())
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        Ok(self.state().feed_end())
    }
}

fn is_receipt_of(event: &FleetEvent, session: SessionId) -> bool {
    event.kind == FleetEventKind::Receipt && event.session_id == Some(session)
}
