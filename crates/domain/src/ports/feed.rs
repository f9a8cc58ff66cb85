//! Reading the fleet feed. Events are written by the port of the change that they report.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::feed::FleetEvent;
use crate::ids::{FeedPosition, SessionId};

/// Reads the fleet feed.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait FleetFeed: Send + Sync {
    /// Gives at most `limit` events after a place, in order. A reader that has seen a position never sees a lower one
    /// appear later.
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable>;

    /// Gives at most `limit` `receipt` events of one session after a place, in order.
    async fn receipts(
        &self,
        session: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable>;

    /// Gives the last `limit` `receipt` events of one session, in order.
    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable>;

    /// The position of the newest `receipt` event of each of many sessions, read at once, in any order. Sessions without one
    /// may be left out.
    async fn receipt_heads(&self, sessions: Vec<SessionId>)
    -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable>;

    /// Gives the newest position that [`FleetFeed::after`] shows.
    async fn head(&self) -> Result<FeedPosition, StoreUnavailable>;
}
