//! The fleet feed, read.

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};

use crate::MemoryStore;
use crate::state::index;

#[async_trait]
impl FleetFeed for MemoryStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(self.state().feed.iter().skip(index(after.get())).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        Ok(self.state().feed_head())
    }
}
