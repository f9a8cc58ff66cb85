//! What became of the commands of a session, followed as a log.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{FeedPosition, Seq, SessionId};
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};
use tokio::sync::watch;

use crate::hints::Hints;
use crate::log::{Conversations, Encoder, Frame, Head, Log, LogRead};
use crate::tails::Tails;

/// The receipts of each session: those events of the fleet feed that are about its commands.
///
/// A message is kept by the tail of its conversation together with the receipt that it had when it was read. A receipt that
/// comes later makes that tail forget the message.
pub(crate) struct Receipts {
    feed: Arc<dyn FleetFeed>,
    hints: Arc<Hints>,
    conversations: Arc<Tails<Conversations>>,
    told_again: usize,
    encode: Encoder<FleetEvent>,
}

impl Receipts {
    /// Follows receipts through the feed; `encode` gives the bytes of an event.
    pub(crate) fn new(
        feed: Arc<dyn FleetFeed>,
        hints: Arc<Hints>,
        conversations: Arc<Tails<Conversations>>,
        told_again: usize,
        encode: impl Fn(&FleetEvent) -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self { feed, hints, conversations, told_again: told_again.max(1), encode: Box::new(encode) }
    }

    /// Where to begin so that the newest are told again.
    pub(crate) async fn beginning(&self, session: SessionId) -> Result<u64, StoreUnavailable> {
        let newest = self.feed.newest_receipts(session, self.told_again).await?;
        Ok(newest.first().map_or(0, |first| first.position.previous().get()))
    }

    fn frame(&self, event: &FleetEvent) -> Frame {
        let about = event.message_seq().map_or(0, Seq::get);
        Frame { about, ..Frame::new(event.position.get(), (self.encode)(event)) }
    }
}

#[async_trait]
impl Log for Receipts {
    type Key = SessionId;

    async fn after(&self, key: &SessionId, after: u64, limit: usize) -> Result<Option<LogRead>, StoreUnavailable> {
        let events = match limit {
            0 => self.feed.newest_receipts(*key, 1).await?,
            limit => self.feed.receipts(*key, FeedPosition::new(after), limit).await?,
        };
        let end = if limit == 0 { 0 } else { after };
        let mut position = events.last().map_or(end, |last| last.position.get());
        if limit > 0 && events.len() == limit {
            // A full page says nothing of what lies behind it.
            let newest = self.feed.newest_receipts(*key, 1).await?;
            position = newest.last().map_or(position, |newest| newest.position.get().max(position));
        }
        let frames: Vec<Frame> = match limit {
            0 => Vec::new(),
            _ => events.iter().map(|event| self.frame(event)).collect(),
        };
        if let Some(changed) = frames.iter().map(|frame| frame.about).max() {
            self.conversations.forget(key, changed);
        }
        Ok(Some(LogRead { frames, head: Head { position, ended: false } }))
    }

    async fn heads(&self, keys: Vec<SessionId>) -> Result<Vec<(SessionId, Head)>, StoreUnavailable> {
        let heads = self.feed.receipt_heads(keys).await?;
        Ok(heads.into_iter().map(|(id, position)| (id, Head { position: position.get(), ended: false })).collect())
    }

    fn hints(&self, key: &SessionId) -> watch::Receiver<u64> {
        self.hints.commands(*key)
    }
}
