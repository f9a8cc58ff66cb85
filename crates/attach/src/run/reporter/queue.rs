//! What waits to be said.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};

/// The longest reason of an end, a little below what the server takes.
pub(super) const MOST_REASON: usize = 1_900;

/// The most that goes into one call.
const MOST_MESSAGES: usize = 200;
const MOST_BYTES: usize = 1 << 20;
/// What waits for a server that is away may take so much memory; then the oldest is left out.
const MOST_WAITING: usize = 64 << 20;
/// A message of so few bytes is not left out when it tells of usage.
const SMALL: usize = 1 << 10;
/// What a message is that stands for another.
const LEFT_OUT: &str = "left_out";

/// One thing to say.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A message, and how many bytes it takes.
    Message(Value, usize),
    /// A status, or what became of a command.
    Call(String, Value),
}

impl Item {
    pub(super) fn message(message: Value) -> Self {
        let bytes = message.to_string().len();
        Self::Message(message, bytes)
    }

    /// A message of this command about what it left out.
    fn left_out(text: &str) -> Self {
        let id = SystemIds.message_id().to_string();
        Self::message(json!({"id": id, "role": "system", "content": text, "metadata": {"type": LEFT_OUT}}))
    }

    const fn bytes(&self) -> usize {
        match self {
            Self::Message(_, bytes) => *bytes,
            Self::Call(..) => 0,
        }
    }

    fn usage(&self) -> Option<&Value> {
        match self {
            Self::Message(message, _) => message.get("usage"),
            Self::Call(..) => None,
        }
    }

    fn is_small_usage(&self) -> bool {
        self.usage().is_some() && self.bytes() <= SMALL
    }
}

/// In order: the first of them may be on their way.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// So many of the first are on their way: they stay until it is known what became of them.
    on_their_way: usize,
    /// So many of the first go alone, for one of them was refused.
    alone: usize,
    left_out: u64,
    /// Nothing more comes; after this it is given up.
    until: Option<Instant>,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds something. Where too much waits, the oldest messages make room; what they used is still said.
    pub(super) fn put(&self, item: Item) {
        let mut waiting = self.waiting();
        waiting.bytes = waiting.bytes.saturating_add(item.bytes());
        waiting.items.push_back(item);
        while waiting.bytes > MOST_WAITING && waiting.make_room() {}
        drop(waiting);
        self.more.notify_all();
    }

    /// Nothing more comes.
    pub(super) fn end(&self, until: Instant) {
        self.waiting().until = Some(until);
        self.more.notify_all();
    }

    /// Whether it has taken too long since nothing more comes.
    pub(super) fn is_given_up(&self) -> bool {
        self.waiting().until.is_some_and(|until| Instant::now() >= until)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting().items.len()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<Item> {
        self.waiting().items.iter().cloned().collect()
    }

    /// What is to be said next, in one call; nothing for a sign of life. `None` when all is said and nothing more comes.
    pub(super) fn next(&self, heartbeat: Instant) -> Option<Vec<Item>> {
        let mut waiting = self.waiting();
        loop {
            if let Some(batch) = waiting.batch() {
                waiting.on_their_way = batch.len();
                return Some(batch);
            }
            if waiting.until.is_some() {
                return None;
            }
            let left = heartbeat.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Vec::new());
            }
            waiting = self.more.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was on its way has arrived.
    pub(super) fn is_said(&self) {
        self.waiting().forget();
    }

    /// The server does not take what was on its way. Of several each is tried alone; in the place of a single message
    /// another one says so. `true` when something is left out by that.
    pub(super) fn is_refused(&self, why: &str) -> bool {
        let mut waiting = self.waiting();
        if waiting.on_their_way > 1 {
            waiting.alone = waiting.on_their_way;
            waiting.on_their_way = 0;
            return false;
        }
        let refused = waiting.forget();
        if let Some(Item::Message(message, _)) = &refused
            && message.pointer("/metadata/type").and_then(Value::as_str) != Some(LEFT_OUT)
        {
            let why = one_line(why, MOST_REASON);
            waiting
                .put_first(Item::left_out(&format!("a message was left out, for the server does not take it: {why}")));
        }
        refused.is_some()
    }
}

impl Waiting {
    fn put_first(&mut self, item: Item) {
        self.bytes = self.bytes.saturating_add(item.bytes());
        self.items.push_front(item);
        if self.alone > 0 {
            self.alone += 1;
        }
    }

    /// Takes out what was on its way; gives the last of it.
    fn forget(&mut self) -> Option<Item> {
        let mut last = None;
        for item in self.items.drain(..self.on_their_way.min(self.items.len())) {
            self.bytes = self.bytes.saturating_sub(item.bytes());
            self.alone = self.alone.saturating_sub(1);
            last = Some(item);
        }
        self.on_their_way = 0;
        last
    }

    /// Leaves out the oldest message that is not on its way. `false` when there is none.
    fn make_room(&mut self) -> bool {
        let may_go = |item: &Item| matches!(item, Item::Message(..)) && !item.is_small_usage();
        let oldest = self.items.iter().skip(self.on_their_way).position(may_go);
        let Some(item) = oldest.and_then(|oldest| self.items.get_mut(oldest + self.on_their_way)) else { return false };
        self.bytes = self.bytes.saturating_sub(item.bytes());
        self.left_out += 1;
        if let Some(usage) = item.usage() {
            let id = SystemIds.message_id().to_string();
            let told = json!({"id": id, "role": "system", "content": "usage of a message that was left out",
                "metadata": {"type": LEFT_OUT}, "usage": usage});
            *item = Item::message(told);
            self.bytes = self.bytes.saturating_add(item.bytes());
        } else {
            self.items.remove(oldest.unwrap_or_default() + self.on_their_way);
        }
        true
    }

    /// As many messages as go into one call, or one call of another kind; `None` when there is nothing to say.
    fn batch(&mut self) -> Option<Vec<Item>> {
        if self.left_out > 0 {
            let text = format!("{} messages were left out while the server was away", self.left_out);
            self.left_out = 0;
            self.put_first(Item::left_out(&text));
        }
        let first = self.items.front()?;
        if self.alone > 0 || matches!(first, Item::Call(..)) {
            return Some(vec![first.clone()]);
        }
        let mut bytes = 0_usize;
        let fits = |item: &&Item| {
            bytes = bytes.saturating_add(item.bytes());
            matches!(item, Item::Message(..)) && bytes <= MOST_BYTES
        };
        let batch: Vec<Item> = self.items.iter().take(MOST_MESSAGES).take_while(fits).cloned().collect();
        Some(if batch.is_empty() { vec![first.clone()] } else { batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: usize) -> Item {
        Item::Message(json!({"content": bytes}), bytes)
    }

    fn call() -> Item {
        Item::Call("status".to_owned(), json!({}))
    }

    fn queue(items: impl IntoIterator<Item = Item>) -> Queue {
        let queue = Queue::default();
        items.into_iter().for_each(|item| queue.put(item));
        queue
    }

    fn next(queue: &Queue) -> usize {
        queue.next(Instant::now()).map_or(0, |batch| batch.len())
    }

    fn contents(queue: &Queue) -> Vec<String> {
        let content = |item: &Item| match item {
            Item::Message(message, _) => message["content"].to_string(),
            Item::Call(path, _) => path.clone(),
        };
        queue.all().iter().map(content).collect()
    }

    #[test]
    fn a_call_has_messages_or_one_other_thing() {
        assert_eq!(next(&queue([said(1), said(2), call(), said(3)])), 2);
        assert_eq!(next(&queue([call(), said(3)])), 1);
        assert_eq!(next(&queue([said(MOST_BYTES), said(1)])), 1);
        assert_eq!(next(&queue([said(MOST_BYTES + 1), said(1)])), 1, "what is too large goes alone");
        assert_eq!(next(&queue(vec![said(1); 500])), MOST_MESSAGES);
    }

    #[test]
    fn the_oldest_messages_make_room_and_what_is_no_message_stays() {
        let half = MOST_WAITING / 2;
        let queue = queue([call(), said(half), said(half - 1), said(2)]);
        assert_eq!(contents(&queue), ["status".to_owned(), (half - 1).to_string(), "2".to_owned()]);
        assert_eq!(queue.waiting().left_out, 1);
    }

    #[test]
    fn what_is_on_its_way_stays_until_it_has_arrived() {
        let half = MOST_WAITING / 2;
        let queue = queue([said(half), call(), said(half)]);
        assert_eq!(next(&queue), 1);
        queue.put(said(7));
        queue.is_said();
        assert_eq!(contents(&queue), ["status", "7"], "the one behind made room, and what was said is gone");
        assert_eq!(queue.waiting().left_out, 1);
    }

    #[test]
    fn what_was_used_is_said_also_where_the_message_is_left_out() {
        let used = Item::Message(json!({"content": "long", "usage": {"inputTokens": 7}}), MOST_WAITING);
        let queue = queue([used, said(7)]);
        let [Item::Message(message, _), _] = &queue.all()[..] else { panic!("two messages") };
        assert_eq!(message["usage"]["inputTokens"], 7);
        assert_ne!(message["content"], "long");
    }

    #[test]
    fn only_what_is_refused_is_left_out_and_another_message_says_so() {
        let queue = queue([said(1), said(2), said(3)]);
        assert_eq!(next(&queue), 3);
        assert!(!queue.is_refused("too deep"));
        assert_eq!(next(&queue), 1);
        queue.is_said();
        assert_eq!(next(&queue), 1);
        assert!(queue.is_refused("too deep"));
        assert_eq!(contents(&queue)[1], "3");
        assert!(contents(&queue)[0].contains("too deep"), "{:?}", contents(&queue));
        assert_eq!(next(&queue), 1);
        assert!(queue.is_refused("still"), "and nothing stands for that one");
        assert_eq!(contents(&queue), ["3"]);
    }
}
