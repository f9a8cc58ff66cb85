//! Hints of this replica that wait to be sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::ids::{Seq, SessionId};
use tokio::sync::Notify;

use crate::message::Hint;

/// What waits. Putting something in never waits, and what waits never takes more room than was agreed.
pub(crate) struct Outbox {
    waiting: Mutex<Batch>,
    max_waiting: usize,
    filled: Notify,
}

/// Hints, each session once.
#[derive(Default)]
pub(crate) struct Batch {
    conversations: HashMap<SessionId, Seq>,
    commands: HashSet<SessionId>,
    feed: bool,
    /// Stands for all others.
    everything: bool,
    /// How many hints were put in.
    given: usize,
}

impl Outbox {
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self { waiting: Mutex::default(), max_waiting, filled: Notify::new() }
    }

    pub(crate) fn put(&self, hint: Hint) {
        {
            let mut waiting = self.waiting();
            waiting.given += 1;
            waiting.add(hint, self.max_waiting);
        }
        self.filled.notify_one();
    }

    /// Everything that waits; `None` when nothing does.
    pub(crate) fn take(&self) -> Option<Batch> {
        let batch = std::mem::take(&mut *self.waiting());
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes back what could not be sent.
    pub(crate) fn put_back(&self, batch: &Batch) {
        let mut waiting = self.waiting();
        waiting.given += batch.given;
        for hint in batch.hints() {
            waiting.add(hint, self.max_waiting);
        }
    }

    /// Waits until something was put in since the last call.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, Batch> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        !self.everything && !self.feed && self.conversations.is_empty() && self.commands.is_empty()
    }

    /// How many hints it stands for.
    pub(crate) const fn given(&self) -> usize {
        self.given
    }

    pub(crate) fn hints(&self) -> Vec<Hint> {
        if self.everything {
            return vec![Hint::Everything];
        }
        let conversations = self.conversations.iter().map(|(session, seq)| Hint::Conversation(*session, *seq));
        let commands = self.commands.iter().map(|session| Hint::Commands(*session));
        conversations.chain(commands).chain(self.feed.then_some(Hint::Feed)).collect()
    }

    fn add(&mut self, hint: Hint, max_waiting: usize) {
        match hint {
            _ if self.everything => {}
            Hint::Conversation(session, seq) => {
                let newest = self.conversations.entry(session).or_insert(seq);
                // Hints may overtake each other.
                *newest = seq.max(*newest);
            }
            Hint::Commands(session) => {
                self.commands.insert(session);
            }
            Hint::Feed => self.feed = true,
            Hint::Everything => self.everything = true,
        }
        if self.everything || self.conversations.len() + self.commands.len() > max_waiting {
            *self = Self { everything: true, given: self.given, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn session(number: u128) -> SessionId {
        SessionId::new(Uuid::from_u128(number))
    }

    #[test]
    fn a_burst_of_one_session_is_one_hint_with_the_newest_seq() {
        let outbox = Outbox::new(10);
        for seq in (1..=10_000).rev() {
            outbox.put(Hint::Conversation(session(1), Seq::new(seq)));
            outbox.put(Hint::Feed);
        }
        let batch = outbox.take().expect("something waits");
        assert_eq!(batch.hints(), [Hint::Conversation(session(1), Seq::new(10_000)), Hint::Feed]);
        assert_eq!(batch.given(), 20_000);
        assert!(outbox.take().is_none());
    }

    #[test]
    fn more_sessions_than_there_is_room_for_are_one_hint_to_look_at_everything() {
        let outbox = Outbox::new(10);
        for number in 0..10 {
            outbox.put(Hint::Commands(session(number)));
        }
        assert_eq!(outbox.waiting().hints().len(), 10);
        for number in 0..1_000 {
            outbox.put(Hint::Conversation(session(number), Seq::new(1)));
            outbox.put(Hint::Commands(session(number)));
        }
        let waiting = outbox.waiting();
        assert!(waiting.conversations.is_empty() && waiting.commands.is_empty(), "nothing is kept");
        assert_eq!(waiting.hints(), [Hint::Everything]);
    }

    #[tokio::test]
    async fn what_is_put_in_before_one_waits_is_not_slept_through() {
        let outbox = Outbox::new(10);
        outbox.put(Hint::Feed);
        let woken = tokio::time::timeout(std::time::Duration::from_mins(1), outbox.filled()).await;
        assert!(woken.is_ok() && outbox.take().is_some());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u128, u64),
        Send,
        FailToSend,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..6_u128, 1..1_000_u64).prop_map(|(session, seq)| Step::Put(session, seq)),
            1 => Just(Step::Send),
            1 => Just(Step::FailToSend),
        ];
        proptest::collection::vec(step, 0..60)
    }

    /// What a replica at the other end knows.
    #[derive(Default)]
    struct Other {
        seqs: HashMap<SessionId, Seq>,
    }

    impl Other {
        fn hear(&mut self, batch: &Batch, committed: &HashMap<SessionId, Seq>) {
            for hint in batch.hints() {
                match hint {
                    Hint::Conversation(session, seq) => {
                        let known = self.seqs.entry(session).or_insert(seq);
                        *known = seq.max(*known);
                    }
                    // It looks, and finds what was committed before it was told to.
                    Hint::Everything => self.seqs.clone_from(committed),
                    Hint::Commands(_) | Hint::Feed => {}
                }
            }
        }
    }

    proptest! {
        /// Whatever is put in, overtaken, sent and not sent: in the end the other side knows the highest seq of each.
        #[test]
        fn the_highest_seq_always_arrives(steps in steps(), room in 0..8_usize) {
            let outbox = Outbox::new(room);
            let (mut other, mut committed) = (Other::default(), HashMap::new());
            for step in steps {
                match step {
                    Step::Put(number, seq) => {
                        let (session, seq) = (session(number), Seq::new(seq));
                        let highest = committed.entry(session).or_insert(seq);
                        *highest = seq.max(*highest);
                        outbox.put(Hint::Conversation(session, seq));
                    }
                    Step::Send => {
                        if let Some(batch) = outbox.take() {
                            other.hear(&batch, &committed);
                        }
                    }
                    Step::FailToSend => {
                        if let Some(batch) = outbox.take() {
                            outbox.put_back(&batch);
                        }
                    }
                }
            }
            if let Some(batch) = outbox.take() {
                other.hear(&batch, &committed);
            }
            prop_assert_eq!(other.seqs, committed);
        }
    }
}
