//! All tails of logs of one kind.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use flightdeck_domain::message::Message;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_vitals::Vitals;
use tokio::sync::watch;

use crate::follower::Follower;
use crate::hints::Taker;
use crate::log::{Conversations, Head, Log};
use crate::patrol::{Live, patrol};
use crate::tail::{Tail, TailOptions, pump};

/// The tails of all logs of one kind that are followed at the moment.
pub struct Tails<L: Log> {
    log: Arc<L>,
    options: TailOptions,
    live: Arc<Mutex<Live<L::Key>>>,
    runtime: tokio::runtime::Handle,
}

impl<L: Log> Tails<L> {
    /// Follows logs with the runtime that it is called on; tails run there, whoever follows them.
    #[must_use]
    pub fn new(log: L, options: TailOptions, runtime: tokio::runtime::Handle) -> Self {
        Self { log: Arc::new(log), options, live: Arc::default(), runtime }
    }

    pub(crate) fn log(&self) -> &L {
        &self.log
    }

    /// The end of a log; `None` when there is no such log.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn head(&self, key: &L::Key) -> Result<Option<Head>, StoreUnavailable> {
        Ok(self.log.after(key, u64::MAX, 0).await?.map(|read| read.head))
    }

    /// Follows a log from a cursor on; `None` when there is no such log. A cursor beyond the end waits for the log to
    /// get there; whether that makes sense is the caller's to decide, by [`Tails::head`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn follow(&self, key: L::Key, cursor: u64) -> Result<Option<Follower<L>>, StoreUnavailable> {
        if let Some(tail) = self.existing(&key) {
            return Ok(Some(self.follower(tail, key, cursor)));
        }
        // Hints first, then the head: what is committed in between is hinted at.
        let hints = self.log.hints(&key);
        let Some(head) = self.head(&key).await? else { return Ok(None) };
        let tail = self.start_or_join(&key, hints, Tail::starting_at(head));
        Ok(Some(self.follower(tail, key, cursor)))
    }

    /// How far a log was read for its followers; `None` while nobody follows it.
    #[must_use]
    pub fn seen(&self, key: &L::Key) -> Option<Head> {
        self.existing(key).map(|tail| tail.head())
    }

    /// Makes the tail of a log, if it is followed, forget what it keeps up to a place.
    pub(crate) fn forget(&self, key: &L::Key, position: u64) {
        if let Some(tail) = self.existing(key) {
            tail.forget(position);
        }
    }

    fn existing(&self, key: &L::Key) -> Option<Arc<Tail>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).tails.get(key).and_then(Weak::upgrade)
    }

    /// Starts a tail, unless another follower has done so in the meantime.
    fn start_or_join(&self, key: &L::Key, hints: watch::Receiver<u64>, tail: Tail) -> Arc<Tail> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = live.tails.get(key).and_then(Weak::upgrade) {
            return other;
        }
        let tail = Arc::new(tail);
        live.tails.insert(key.clone(), Arc::downgrade(&tail));
        let log = Arc::clone(&self.log);
        if !live.patrolled {
            live.patrolled = true;
            let (log, live, every) = (Arc::clone(&log), Arc::downgrade(&self.live), self.options.poll);
            let walk = move || patrol(Arc::clone(&log), live.clone(), every);
            Vitals::process().task(&self.runtime, "patrol of tails", walk);
        }
        let (key, kept, options) = (key.clone(), Arc::downgrade(&tail), self.options);
        let work = move || pump(Arc::clone(&log), key.clone(), kept.clone(), hints.clone(), options);
        Vitals::process().task(&self.runtime, "tail", work);
        tail
    }

    fn follower(&self, tail: Arc<Tail>, key: L::Key, cursor: u64) -> Follower<L> {
        Follower::new(Arc::clone(&self.log), key, tail, cursor, self.options.page)
    }
}

impl Taker for Tails<Conversations> {
    /// Of a session that nobody follows it knows nothing: somebody may be about to.
    fn take(&self, messages: &[Message]) -> bool {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return true };
        let Some(tail) = self.existing(&first.session_id) else { return false };
        let frames = || messages.iter().map(|message| self.log.frame(message, None)).collect();
        tail.offer(first.seq.get(), last.seq.get(), frames, &self.options)
    }
}
