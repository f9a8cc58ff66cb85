//! What can be followed, and how its entries are encoded.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flightdeck_domain::feed::{FeedSubject, FleetEvent};
use flightdeck_domain::ids::{FeedPosition, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt};
use flightdeck_domain::ports::{ConversationEnd, FleetFeed, MessageRepository, StoreUnavailable};
use tokio::sync::watch;

use crate::hints::Hints;

/// One entry of a log, ready to be sent. Cloning it shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its place; rises along the log.
    pub position: u64,
    /// The encoded entry.
    pub bytes: Bytes,
    /// What it is about, in a log that readers select from.
    pub subject: Option<Arc<FeedSubject>>,
    /// For a receipt: the place in the conversation of the message that it is about; otherwise zero.
    pub about: u64,
}

impl Frame {
    /// An entry of a log that is read whole.
    #[must_use]
    pub const fn new(position: u64, bytes: Bytes) -> Self {
        Self { position, bytes, subject: None, about: 0 }
    }
}

/// The end of a log at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest place; zero while the log is empty.
    pub position: u64,
    /// Whether nothing can follow, ever.
    pub ended: bool,
}

/// A run of a log, and its end at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// The entries, in order.
    pub frames: Vec<Frame>,
    /// The end of the log.
    pub head: Head,
}

/// Logs of one kind, each named by a key.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Names one log.
    type Key: Clone + Debug + Eq + Hash + Send + Sync;

    /// At most `limit` entries after a place, in order, complete: an entry that is missing here never appears later.
    /// `None` when there is no such log.
    async fn after(&self, key: &Self::Key, after: u64, limit: usize) -> Result<Option<LogRead>, StoreUnavailable>;

    /// The ends of many logs, read at once, in any order. Logs that are not there, or are empty, may be left out.
    async fn heads(&self, keys: Vec<Self::Key>) -> Result<Vec<(Self::Key, Head)>, StoreUnavailable>;

    /// Hints that the log has grown.
    fn hints(&self, key: &Self::Key) -> watch::Receiver<u64>;
}

pub(crate) type Encoder<T> = Box<dyn Fn(&T) -> Bytes + Send + Sync>;

/// The conversations of all sessions.
pub struct Conversations {
    messages: Arc<dyn MessageRepository>,
    hints: Arc<Hints>,
    encode: MessageEncoder,
}

/// Encodes a message together with what became of it, where it is an operator's.
type MessageEncoder = Box<dyn Fn(&Message, Option<&MessageReceipt>) -> Bytes + Send + Sync>;

impl Conversations {
    /// Follows conversations through their repository; `encode` gives the bytes of a message.
    pub fn new(
        messages: Arc<dyn MessageRepository>,
        hints: Arc<Hints>,
        encode: impl Fn(&Message, Option<&MessageReceipt>) -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self { messages, hints, encode: Box::new(encode) }
    }

    pub(crate) fn frame(&self, message: &Message, receipt: Option<&MessageReceipt>) -> Frame {
        Frame::new(message.seq.get(), (self.encode)(message, receipt))
    }
}

#[async_trait]
impl Log for Conversations {
    type Key = SessionId;

    async fn after(&self, key: &SessionId, after: u64, limit: usize) -> Result<Option<LogRead>, StoreUnavailable> {
        let Some(slice) = self.messages.after(*key, Seq::new(after), limit).await? else { return Ok(None) };
        let frame = |message: &Message| self.frame(message, slice.receipts.get(&message.id));
        Ok(Some(LogRead {
            frames: slice.messages.iter().map(frame).collect(),
            head: Head { position: slice.last_seq.get(), ended: slice.status.is_terminal() },
        }))
    }

    async fn heads(&self, keys: Vec<SessionId>) -> Result<Vec<(SessionId, Head)>, StoreUnavailable> {
        let head = |end: ConversationEnd| {
            (end.session, Head { position: end.last_seq.get(), ended: end.status.is_terminal() })
        };
        Ok(self.messages.ends(keys).await?.into_iter().map(head).collect())
    }

    fn hints(&self, key: &SessionId) -> watch::Receiver<u64> {
        self.hints.conversation(*key)
    }
}

/// Entries that were removed from the feed, by the retention rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last place that the reader has.
    pub from: FeedPosition,
    /// The place that its next entries come after.
    pub goes_on: FeedPosition,
}

/// The fleet feed. Whoever reads from a place whose next entries were removed gets a frame that says so in their place.
pub struct FleetFeedLog {
    feed: Arc<dyn FleetFeed>,
    hints: Arc<Hints>,
    encode: Encoder<FleetEvent>,
    tell: Encoder<Cut>,
}

impl FleetFeedLog {
    /// Follows the feed through its port; `encode` gives the bytes of an event, and `tell` those that say what was removed.
    pub fn new(
        feed: Arc<dyn FleetFeed>,
        hints: Arc<Hints>,
        encode: impl Fn(&FleetEvent) -> Bytes + Send + Sync + 'static,
        tell: impl Fn(&Cut) -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self { feed, hints, encode: Box::new(encode), tell: Box::new(tell) }
    }

    /// What was removed between a place and the entry that follows it now, or the end of the feed where none does. A place
    /// that was never given to an entry is not removed: only what lies before the oldest entry is.
    async fn cut(&self, from: FeedPosition, next: FeedPosition) -> Result<Option<Cut>, StoreUnavailable> {
        if next.get() <= from.get() + 1 {
            return Ok(None);
        }
        let oldest = self.feed.after(FeedPosition::ZERO, 1).await?;
        let goes_on = oldest.first().map_or(next.previous(), |oldest| oldest.position.previous());
        Ok((goes_on > from).then_some(Cut { from, goes_on }))
    }
}

#[async_trait]
impl Log for FleetFeedLog {
    /// There is one feed.
    type Key = ();

    async fn after(&self, _key: &(), after: u64, limit: usize) -> Result<Option<LogRead>, StoreUnavailable> {
        // The head first: an event that comes in between is in the frames and moves the head with it.
        let head = self.feed.head().await?.get();
        let events = match limit {
            0 => Vec::new(),
            limit => self.feed.after(FeedPosition::new(after), limit).await?,
        };
        let frame = |event: &FleetEvent| Frame {
            subject: Some(Arc::new(event.subject())),
            ..Frame::new(event.position.get(), (self.encode)(event))
        };
        let next = events.first().map_or(head.saturating_add(1), |next| next.position.get());
        let cut = match limit {
            0 => None,
            _ => self.cut(FeedPosition::new(after), FeedPosition::new(next)).await?,
        };
        let cut = cut.map(|cut| Frame::new(cut.goes_on.get(), (self.tell)(&cut)));
        let frames: Vec<Frame> = cut.into_iter().chain(events.iter().map(frame)).collect();
        let position = frames.last().map_or(head, |last| last.position.max(head));
        Ok(Some(LogRead { frames, head: Head { position, ended: false } }))
    }

    async fn heads(&self, keys: Vec<()>) -> Result<Vec<((), Head)>, StoreUnavailable> {
        let position = self.feed.head().await?.get();
        Ok(keys.into_iter().map(|key| (key, Head { position, ended: false })).collect())
    }

    fn hints(&self, _key: &()) -> watch::Receiver<u64> {
        self.hints.feed()
    }
}
