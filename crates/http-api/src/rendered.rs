//! Messages that were rendered, kept for the next reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::Message;

type Key = (SessionId, Seq, MessageId);
type Part = Arc<[u8]>;

/// What an entry costs besides its bytes.
const ENTRY: usize = 160;

#[derive(Default)]
struct Halves {
    /// What was put in or asked for since the halves were changed.
    young: HashMap<Key, Part>,
    /// What was so before.
    old: HashMap<Key, Part>,
    /// How many bytes the young half has.
    bytes: usize,
}

/// The JSON of messages, bounded in bytes: what was not asked for the longest goes first, by halves.
pub(crate) struct Cache {
    halves: Mutex<Halves>,
    /// The most bytes of each half.
    most: usize,
}

impl Cache {
    /// Keeps at most so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { halves: Mutex::default(), most: bytes / 2 }
    }

    fn key(message: &Message) -> Key {
        (message.session_id, message.seq, message.id)
    }

    /// What is there of a message.
    pub(crate) fn get(&self, message: &Message) -> Option<Part> {
        let key = Self::key(message);
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = halves.young.get(&key) {
            return Some(Arc::clone(part));
        }
        let part = halves.old.remove(&key)?;
        self.add(&mut halves, key, Arc::clone(&part));
        Some(part)
    }

    /// Keeps a message. One that is larger than an eighth of all is not kept: it would push out everything else.
    pub(crate) fn put(&self, message: &Message, part: Part) {
        if part.len() > self.most / 4 {
            return;
        }
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        self.add(&mut halves, Self::key(message), part);
    }

    fn add(&self, halves: &mut Halves, key: Key, part: Part) {
        let cost = part.len().saturating_add(ENTRY);
        if halves.bytes.saturating_add(cost) > self.most {
            halves.old = std::mem::take(&mut halves.young);
            halves.bytes = 0;
        }
        if halves.young.insert(key, part).is_none() {
            halves.bytes = halves.bytes.saturating_add(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        (SessionId::new(uuid::Uuid::nil()), Seq::new(number), MessageId::new(uuid::Uuid::from_u128(number.into())))
    }

    fn add(cache: &Cache, number: u64, bytes: usize) {
        let mut halves = cache.halves.lock().expect("a lock");
        cache.add(&mut halves, key(number), vec![0; bytes].into());
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let cache = Cache::new(20_000);
        for number in 0..1_000 {
            add(&cache, number, 500);
            let halves = cache.halves.lock().expect("a lock");
            let held: usize = halves.young.values().chain(halves.old.values()).map(|part| part.len() + ENTRY).sum();
            assert!(held <= 20_000, "{held}");
        }
        let halves = cache.halves.lock().expect("a lock");
        assert!(halves.young.contains_key(&key(999)) && !halves.old.contains_key(&key(0)));
    }
}
