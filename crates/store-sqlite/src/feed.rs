//! The fleet feed, for reading.
//!
//! There is one writer, so places are given and become visible in one order.

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};

use crate::SqliteStore;
use crate::tables::feed_events;

#[async_trait]
impl FleetFeed for SqliteStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| feed_events::after(connection, after, limit)).await?)
    }

    async fn receipts(
        &self,
        session: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| feed_events::receipts(connection, session, after, limit)).await?)
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| feed_events::newest_receipts(connection, session, limit)).await?)
    }

    async fn receipt_heads(
        &self,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| feed_events::receipt_heads(connection, &sessions)).await?)
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        Ok(self.readers.read(feed_events::head).await?)
    }
}
