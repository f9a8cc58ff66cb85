//! What went over the channel.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Hints of this replica.
    pub given: u64,
    /// Those of them that went out.
    pub sent: u64,
    /// Those of them that another one stood in for: a newer one of the same session, or "look at everything".
    pub coalesced: u64,
    /// Messages that hints went out in.
    pub messages: u64,
    /// Hints of other replicas.
    pub received: u64,
    /// Messages that could not be read.
    pub ignored: u64,
    /// How often the channel was subscribed to: once, and once more after each outage.
    pub subscribed: u64,
}

/// The same, while it is counted.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) given: Counter,
    pub(crate) sent: Counter,
    pub(crate) coalesced: Counter,
    pub(crate) messages: Counter,
    pub(crate) received: Counter,
    pub(crate) ignored: Counter,
    pub(crate) subscribed: Counter,
}

impl Counters {
    pub(crate) fn read(&self) -> Stats {
        Stats {
            given: self.given.read(),
            sent: self.sent.read(),
            coalesced: self.coalesced.read(),
            messages: self.messages.read(),
            received: self.received.read(),
            ignored: self.ignored.read(),
            subscribed: self.subscribed.read(),
        }
    }
}

/// A number that only rises. Nothing else is ordered by it.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
