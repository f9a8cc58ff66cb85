//! The fleet feed, for reading.
//!
//! There is one writer, so places are given and become visible in one order.

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::{FleetFeed, Rows};
use flightdeck_store_sql::feed;

use crate::SqliteStore;
use crate::tx::now;

#[async_trait]
impl FleetFeed for SqliteStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(self.readers.read(move |connection| now(feed::after(connection, after, limit))).await?)
    }

    async fn receipts(&self, session: SessionId, after: FeedPosition, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(self.readers.read(move |connection| now(feed::receipts(connection, session, after, limit))).await?)
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(self.readers.read(move |connection| now(feed::newest_receipts(connection, session, limit))).await?)
    }

    async fn receipt_heads(&self, sessions: Vec<SessionId>) -> Rows<Vec<(SessionId, FeedPosition)>> {
        Ok(self.readers.read(move |connection| now(feed::receipt_heads(connection, &sessions))).await?)
    }

    async fn head(&self) -> Rows<FeedPosition> {
        Ok(self.readers.read(|connection| now(feed::head(connection))).await?)
    }
}
