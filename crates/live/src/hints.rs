//! Hints within this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{Preview, WakeUps};
use tokio::sync::watch;

use crate::activity::{Activity, ActivityTicks};
use crate::previews::Previews;

/// Takes messages that were just appended, where it can do without the store.
pub(crate) trait Taker: Send + Sync {
    /// Whether nobody needs a hint of them any more.
    fn take(&self, messages: &[Message]) -> bool;
}

/// Passes hints to whoever waits in this process. A session that nobody waits for costs one look-up and no memory.
pub struct Hints {
    conversations: Registry,
    commands: Registry,
    feed: watch::Sender<u64>,
    activity: Arc<Activity>,
    previews: Previews,
    takers: RwLock<Vec<Weak<dyn Taker>>>,
    moves: AtomicU64,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            conversations: Registry::default(),
            commands: Registry::default(),
            feed: watch::Sender::new(0),
            activity: Arc::default(),
            previews: Previews::default(),
            takers: RwLock::default(),
            moves: AtomicU64::new(0),
        }
    }
}

impl Hints {
    /// Changes whenever a session's conversation may have grown.
    #[must_use]
    pub fn conversation(&self, session: SessionId) -> watch::Receiver<u64> {
        self.conversations.receiver(session)
    }

    /// Appended messages are given to it, too, as long as it is there.
    pub(crate) fn hand_to(&self, taker: Weak<dyn Taker>) {
        let mut takers = self.takers.write().unwrap_or_else(PoisonError::into_inner);
        takers.retain(|taker| taker.strong_count() > 0);
        takers.push(taker);
    }

    /// Whether everybody took them.
    fn taken(&self, messages: &[Message]) -> bool {
        let takers = self.takers.read().unwrap_or_else(PoisonError::into_inner);
        let mut taken = !takers.is_empty();
        for taker in takers.iter().filter_map(Weak::upgrade) {
            taken &= taker.take(messages);
        }
        taken
    }

    /// Changes whenever a session may have new commands.
    #[must_use]
    pub fn commands(&self, session: SessionId) -> watch::Receiver<u64> {
        self.commands.receiver(session)
    }

    /// Changes whenever the fleet feed may have grown: with each change of a status or desired status, too.
    #[must_use]
    pub fn feed(&self) -> watch::Receiver<u64> {
        self.feed.subscribe()
    }

    /// Has everybody who waits look, because hints were lost or are too many to be told one by one. Ticks are not made up
    /// for: nobody knows who moved.
    pub fn everything(&self) {
        self.conversations.bump_all();
        self.commands.bump_all();
        self.feed_grew();
    }

    /// Another number whenever something may have been written since it was asked for.
    #[must_use]
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// What is being said in a session, as it is now: whoever is slow sees fewer of the pictures in between.
    #[must_use]
    pub fn previews(&self, session: SessionId) -> watch::Receiver<Option<Preview>> {
        self.previews.receiver(session)
    }

    /// Ticks of sessions that move, each session at most once in a span.
    #[must_use]
    pub fn activity(&self, every: Duration) -> ActivityTicks {
        self.activity.follow(every)
    }
}

impl WakeUps for Hints {
    fn session_moved(&self, session: SessionId, seq: Seq) {
        self.moves.fetch_add(1, Ordering::Relaxed);
        self.conversations.bump(session);
        self.activity.moved(session, seq);
    }

    fn messages_committed(&self, messages: &[Message]) {
        // Who does not get them here gets them with the hint that follows.
        self.taken(messages);
    }

    fn messages_appended(&self, messages: &[Message]) {
        let Some(last) = messages.last() else { return };
        if self.taken(messages) {
            self.moves.fetch_add(1, Ordering::Relaxed);
            self.activity.moved(last.session_id, last.seq);
        } else {
            self.session_moved(last.session_id, last.seq);
        }
    }

    fn command_queued(&self, session: SessionId) {
        self.commands.bump(session);
    }

    fn feed_grew(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
        bump(&self.feed);
    }

    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.previews.show(session, kind, text);
    }
}

/// The sessions that somebody waits for. Entries whose receivers are gone are swept out when the map has doubled.
#[derive(Default)]
struct Registry {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    senders: HashMap<SessionId, watch::Sender<u64>>,
    sweep_at: usize,
}

impl Registry {
    fn receiver(&self, session: SessionId) -> watch::Receiver<u64> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.senders.len() >= waiting.sweep_at {
            waiting.senders.retain(|_, sender| sender.receiver_count() > 0);
            waiting.sweep_at = (waiting.senders.len() * 2).max(64);
        }
        waiting.senders.entry(session).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    fn bump(&self, session: SessionId) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.senders.get(&session) {
            bump(sender);
        }
    }

    fn bump_all(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.senders.values().for_each(bump);
    }
}

fn bump(sender: &watch::Sender<u64>) {
    sender.send_modify(|count| *count = count.wrapping_add(1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightdeck_domain::ports::IdGenerator;
    use flightdeck_domain::system::SystemIds;

    #[tokio::test]
    async fn a_hint_reaches_those_who_wait_for_that_session_only() {
        let hints = Hints::default();
        let (one, other) = (SystemIds.session_id(), SystemIds.session_id());
        let (mut a, mut b, c) = (hints.conversation(one), hints.conversation(one), hints.conversation(other));
        hints.session_moved(one, Seq::new(1));
        assert!(a.changed().await.is_ok() && b.changed().await.is_ok());
        assert!(!c.has_changed().expect("open"));
    }

    #[tokio::test]
    async fn everything_reaches_everybody() {
        let hints = Hints::default();
        let (one, other) = (SystemIds.session_id(), SystemIds.session_id());
        let all = [hints.conversation(one), hints.conversation(other), hints.commands(one), hints.feed()];
        assert!(all.iter().all(|waiting| !waiting.has_changed().expect("open")));
        hints.everything();
        assert!(all.iter().all(|waiting| waiting.has_changed().expect("open")));
    }

    #[test]
    fn sessions_that_nobody_waits_for_are_forgotten() {
        let hints = Hints::default();
        for _ in 0..1_000 {
            drop(hints.conversation(SystemIds.session_id()));
        }
        assert!(hints.conversations.waiting.lock().expect("not poisoned").senders.len() <= 64);
    }
}
