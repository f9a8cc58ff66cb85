//! The fleet feed, for reading.
//!
//! Places are given under the lock of the feed's head, which is held until the commit: so they become visible in their
//! order, without a gap (ADR 5).

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::{FleetFeed, Rows};
use flightdeck_store_sql::feed;

use crate::PostgresStore;
use crate::database::on;

#[async_trait]
impl FleetFeed for PostgresStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(on!(self.read, (after, limit), |connection| feed::after(connection, *after, *limit)).await?)
    }

    async fn receipts(&self, session: SessionId, after: FeedPosition, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(on!(self.read, (session, after, limit), |connection| feed::receipts(connection, *session, *after, *limit))
            .await?)
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Rows<Vec<FleetEvent>> {
        Ok(on!(self.read, (session, limit), |connection| feed::newest_receipts(connection, *session, *limit)).await?)
    }

    async fn receipt_heads(&self, sessions: Vec<SessionId>) -> Rows<Vec<(SessionId, FeedPosition)>> {
        Ok(on!(self.read, (sessions), |connection| feed::receipt_heads(connection, sessions)).await?)
    }

    async fn head(&self) -> Rows<FeedPosition> {
        Ok(on!(self.read, (), |connection| feed::head(connection)).await?)
    }
}
