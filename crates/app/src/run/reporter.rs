//! What is said to the server: in order, each once, however often it is away.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::link::{Answer, Link, LinkError};
use crate::terminal;

/// What a session is that was registered.
const RUNNING: &str = "running";
/// The longest reason of an end, a little below what the server takes.
const MOST_REASON: usize = 1_900;
/// What a message is that stands for another.
const LEFT_OUT: &str = "left_out";
/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// A quiet command gives a sign of life this often; a session is lost after two minutes.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The most that goes into one call.
const MOST_MESSAGES: usize = 200;
const MOST_BYTES: usize = 1 << 20;
/// What waits for a server that is away may take so much memory; then the oldest is left out.
const MOST_WAITING: usize = 64 << 20;
/// How long to wait before the server is asked again: it grows from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Says things to the server. A clone is another handle to the same.
#[derive(Clone)]
pub(super) struct Reporter {
    shared: Arc<Shared>,
    /// What was last observed of the command.
    status: Arc<Mutex<&'static str>>,
    registered: watch::Receiver<Registered>,
    done: watch::Receiver<bool>,
}

#[derive(Clone, Debug, PartialEq)]
enum Registered {
    NotYet,
    /// The server is away; it is tried again.
    Away,
    Yes,
    Refused(String),
}

struct Shared {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    left_out: u64,
    /// Nothing more comes; after this it is given up.
    until: Option<Instant>,
}

/// One thing to say.
#[derive(Clone, Debug)]
enum Item {
    Message(Value, usize),
    /// A status, or what became of a command.
    Call(String, Value),
}

impl Item {
    const fn bytes(&self) -> usize {
        match self {
            Self::Message(_, bytes) => *bytes,
            Self::Call(..) => 0,
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, item: Item) {
        let mut waiting = self.waiting();
        waiting.bytes = waiting.bytes.saturating_add(item.bytes());
        waiting.items.push_back(item);
        while waiting.bytes > MOST_WAITING {
            let Some(oldest) = waiting.items.iter().position(|item| matches!(item, Item::Message(..))) else { break };
            let Some(item) = waiting.items.remove(oldest) else { break };
            waiting.bytes = waiting.bytes.saturating_sub(item.bytes());
            waiting.left_out += 1;
        }
        drop(waiting);
        self.more.notify_all();
    }
}

impl Reporter {
    /// Registers the session, and says what is given to it from then on, on a thread of its own.
    pub(super) fn start(link: Link, session: String, registration: Value) -> io::Result<Self> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), more: Condvar::new() });
        let (told, registered) = watch::channel(Registered::NotYet);
        let (ended, done) = watch::channel(false);
        let sender = Sender { link, session, shared: Arc::clone(&shared) };
        std::thread::Builder::new().name("reporter".to_owned()).spawn(move || {
            if sender.register(&registration, &told) {
                sender.run();
            }
            let _ = ended.send(true);
        })?;
        Ok(Self { shared, status: Arc::new(Mutex::new(RUNNING)), registered, done })
    }

    /// Waits until the session is in the tree, or the server is known to be away. Gives what the server has against it.
    pub(super) async fn registered(&self) -> Option<String> {
        let mut registered = self.registered.clone();
        let told = registered.wait_for(|told| *told != Registered::NotYet).await.map(|told| told.clone());
        match told {
            Ok(Registered::Refused(why)) => Some(why),
            _ => None,
        }
    }

    /// Waits until the session is in the tree. `false` when it never will be.
    pub(super) async fn is_in_the_tree(&self) -> bool {
        let mut registered = self.registered.clone();
        let told = registered.wait_for(|told| matches!(told, Registered::Yes | Registered::Refused(_))).await;
        told.is_ok_and(|told| *told == Registered::Yes)
    }

    /// Says something in the conversation; its id is given here, so that it is the same however often it is sent.
    pub(super) fn say(&self, mut message: Value) {
        if let Some(message) = message.as_object_mut() {
            message.insert("id".to_owned(), SystemIds.message_id().to_string().into());
        }
        let bytes = message.to_string().len();
        self.shared.put(Item::Message(message, bytes));
    }

    /// Says something about the command, here and in the conversation.
    pub(super) fn notice(&self, text: &str) {
        warn(text);
        self.say(json!({"role": "system", "content": text, "metadata": {"type": "notice"}}));
    }

    /// Reports a status.
    pub(super) fn status(&self, status: &'static str, reason: Option<&str>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
        self.shared.put(Item::Call("status".to_owned(), json!({"status": status, "reason": reason})));
    }

    /// Reports the id under which the command's own runtime knows the session. It goes with the status, which stays.
    pub(super) fn introduce(&self, id: &str) {
        let status = *self.status.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.put(Item::Call("status".to_owned(), json!({"status": status, "providerSessionId": id})));
    }

    /// Says what became of a command.
    pub(super) fn receipt(&self, seq: u64, body: Value) {
        self.shared.put(Item::Call(format!("commands/{seq}/ack"), body));
    }

    /// Ends the session.
    pub(super) fn end(&self, status: &'static str, reason: &str) {
        self.status(status, Some(&one_line(reason, MOST_REASON)));
    }

    /// Waits until all is said, for so long at most; nothing more comes.
    pub(super) async fn finish(&self, linger: Duration) {
        self.shared.waiting().until = Some(Instant::now() + linger);
        self.shared.more.notify_all();
        let mut done = self.done.clone();
        let _ = done.wait_for(|done| *done).await;
        let unsaid = self.shared.waiting().items.len();
        if unsaid > 0 {
            warn(&format!("{unsaid} messages did not reach the server"));
        }
    }
}

/// The thread that speaks to the server.
struct Sender {
    link: Link,
    session: String,
    shared: Arc<Shared>,
}

impl Sender {
    fn register(&self, registration: &Value, told: &watch::Sender<Registered>) -> bool {
        let body = registration.to_string();
        let mut wait = BACKOFF.0;
        loop {
            match self.link.post("/agents", body.as_bytes(), DEADLINE) {
                Ok(answer) if answer.is_good() => {
                    let _ = told.send(Registered::Yes);
                    return true;
                }
                Ok(answer) if !answer.is_passing() => {
                    let _ = told.send(Registered::Refused(answer.problem()));
                    return false;
                }
                _ => {
                    if *told.borrow() == Registered::NotYet {
                        warn("the server cannot be reached; the command runs all the same, and what it says waits");
                        let _ = told.send(Registered::Away);
                    }
                    if self.given_up() {
                        return false;
                    }
                    std::thread::sleep(wait);
                    wait = BACKOFF.1.min(wait * 2);
                }
            }
        }
    }

    fn run(&self) {
        let mut wait = BACKOFF.0;
        let mut heard = Instant::now();
        loop {
            let batch = self.next(heard + HEARTBEAT);
            let Some(batch) = batch else { return };
            match self.send(&batch) {
                Sent::Done => {
                    self.forget(batch.len());
                    heard = Instant::now();
                    wait = BACKOFF.0;
                }
                // One of them is not taken; the others are.
                Sent::Never(_) if batch.len() > 1 => {
                    for item in &batch {
                        match self.send(std::slice::from_ref(item)) {
                            Sent::Done => self.forget(1),
                            Sent::Never(why) => self.leave_out(item, &why),
                            Sent::Later => break,
                        }
                    }
                }
                Sent::Never(why) => match batch.first() {
                    Some(item) => self.leave_out(item, &why),
                    // A sign of life that the server does not want.
                    None => heard = Instant::now(),
                },
                Sent::Later => {
                    if self.given_up() {
                        return;
                    }
                    std::thread::sleep(wait);
                    wait = BACKOFF.1.min(wait * 2);
                }
            }
        }
    }

    fn given_up(&self) -> bool {
        self.shared.waiting().until.is_some_and(|until| Instant::now() >= until)
    }

    /// What is to be said next, in one call; nothing for a sign of life. `None` when all is said and nothing more comes.
    fn next(&self, heartbeat: Instant) -> Option<Vec<Item>> {
        let mut waiting = self.shared.waiting();
        loop {
            if waiting.left_out > 0 {
                let text = format!("{} messages were left out while the server was away", waiting.left_out);
                waiting.left_out = 0;
                let id = SystemIds.message_id().to_string();
                let told = json!({"id": id, "role": "system", "content": text});
                waiting.items.push_front(Item::Message(told, 0));
            }
            if !waiting.items.is_empty() {
                return Some(batch(&waiting.items));
            }
            if waiting.until.is_some() {
                return None;
            }
            let left = heartbeat.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Vec::new());
            }
            waiting = self.shared.more.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Leaves out what the server does not take. In the place of a message another one says so.
    fn leave_out(&self, item: &Item, why: &str) {
        warn(&format!("the server does not take what was said: {why}"));
        self.forget(1);
        let Item::Message(message, _) = item else { return };
        if message.pointer("/metadata/type").and_then(Value::as_str) == Some(LEFT_OUT) {
            return;
        }
        let id = SystemIds.message_id().to_string();
        let said = format!("a message was left out, for the server does not take it: {}", one_line(why, MOST_REASON));
        let told = json!({"id": id, "role": "system", "content": said, "metadata": {"type": LEFT_OUT}});
        self.shared.waiting().items.push_front(Item::Message(told, 0));
    }

    fn forget(&self, count: usize) {
        let mut waiting = self.shared.waiting();
        for _ in 0..count {
            if let Some(item) = waiting.items.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(item.bytes());
            }
        }
    }

    fn send(&self, batch: &[Item]) -> Sent {
        let path = |rest: &str| format!("/agents/{}/{rest}", self.session);
        let answer = match batch {
            [] => self.link.post(&path("heartbeat"), b"{}", DEADLINE),
            [Item::Call(rest, body), ..] => self.link.post(&path(rest), body.to_string().as_bytes(), DEADLINE),
            messages => {
                let messages = messages.iter().filter_map(|item| match item {
                    Item::Message(message, _) => Some(message.clone()),
                    Item::Call(..) => None,
                });
                self.link.post(&path("messages"), Value::Array(messages.collect()).to_string().as_bytes(), DEADLINE)
            }
        };
        Sent::of(answer)
    }
}

/// What came of a call.
enum Sent {
    Done,
    Later,
    Never(String),
}

impl Sent {
    fn of(answer: Result<Answer, LinkError>) -> Self {
        match answer {
            Ok(answer) if answer.is_good() => Self::Done,
            Ok(answer) if answer.is_passing() => Self::Later,
            Ok(answer) => Self::Never(answer.problem()),
            Err(_) => Self::Later,
        }
    }
}

/// As many messages as go into one call, or one call of another kind.
fn batch(items: &VecDeque<Item>) -> Vec<Item> {
    if let Some(call @ Item::Call(..)) = items.front() {
        return vec![call.clone()];
    }
    let mut bytes = 0_usize;
    let fits = |item: &&Item| {
        bytes = bytes.saturating_add(item.bytes());
        matches!(item, Item::Message(..)) && bytes <= MOST_BYTES
    };
    let mut batch: Vec<Item> = items.iter().take(MOST_MESSAGES).take_while(fits).cloned().collect();
    if batch.is_empty() {
        batch.extend(items.front().cloned());
    }
    batch
}

/// Tells whoever runs the command, if anybody is there.
pub(super) fn warn(text: &str) {
    terminal::note(&format!("flightdeck: {}", terminal::text(text)));
}

#[cfg(test)]
impl Reporter {
    /// One without a server, and what it was told.
    pub(super) fn for_tests() -> (Self, impl Fn() -> Vec<String>) {
        let shared = Arc::new(Shared { waiting: Mutex::default(), more: Condvar::new() });
        let (_, registered) = watch::channel(Registered::Yes);
        let (_, done) = watch::channel(true);
        let told = Arc::clone(&shared);
        let said = move || {
            let word = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
            let told = told.waiting();
            let said = told.items.iter().map(|item| match item {
                Item::Message(message, _) => word(message, "content"),
                Item::Call(path, body) => {
                    format!("{path} {}{}", word(body, "state"), word(body, "status"))
                }
            });
            said.collect()
        };
        (Self { shared, status: Arc::new(Mutex::new(RUNNING)), registered, done }, said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: usize) -> Item {
        Item::Message(json!({}), bytes)
    }

    fn shared() -> Shared {
        Shared { waiting: Mutex::default(), more: Condvar::new() }
    }

    #[test]
    fn a_call_has_messages_or_one_other_thing() {
        let call = || Item::Call("status".to_owned(), json!({}));
        let items: VecDeque<Item> = [said(1), said(2), call(), said(3)].into();
        assert_eq!(batch(&items).len(), 2);
        assert_eq!(batch(&[call(), said(3)].into()).len(), 1);
        assert_eq!(batch(&[said(MOST_BYTES), said(1)].into()).len(), 1);
        assert_eq!(batch(&[said(MOST_BYTES + 1), said(1)].into()).len(), 1, "what is too large goes alone");
        assert_eq!(batch(&vec![said(1); 500].into()).len(), MOST_MESSAGES);
    }

    #[test]
    fn the_oldest_messages_make_room_and_what_is_no_message_stays() {
        let shared = shared();
        shared.put(Item::Call("status".to_owned(), json!({})));
        for _ in 0..3 {
            shared.put(said(MOST_WAITING / 2));
        }
        let waiting = shared.waiting();
        assert_eq!((waiting.items.len(), waiting.left_out), (3, 1));
        assert!(matches!(waiting.items.front(), Some(Item::Call(..))));
    }
}
