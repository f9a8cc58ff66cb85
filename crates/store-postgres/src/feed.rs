//! The fleet feed, for reading.
//!
//! Places are given under the lock of the feed's head, which is held until the commit: so they become visible in their
//! order, without a gap (ADR 5).

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};

use crate::PostgresStore;
use crate::database::on;
use crate::tables::feed_events;

#[async_trait]
impl FleetFeed for PostgresStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(on!(self.read, (after, limit), |connection| feed_events::after(connection, *after, *limit)).await?)
    }

    async fn receipts(
        &self,
        session: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(on!(self.read, (session, after, limit), |connection| feed_events::receipts(
            connection, *session, *after, *limit
        ))
        .await?)
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(on!(self.read, (session, limit), |connection| feed_events::newest_receipts(connection, *session, *limit))
            .await?)
    }

    async fn receipt_heads(
        &self,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
        Ok(on!(self.read, (sessions), |connection| feed_events::receipt_heads(connection, sessions)).await?)
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| feed_events::head(connection)).await?)
    }
}
