//! What is said to the server: in order, each once, however often it is away.

mod queue;
mod sender;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flightdeck_agent_io::text::one_line;
use flightdeck_client::Client;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use flightdeck_terminal::warn;
use serde_json::{Value, json};
use tokio::sync::watch;

use queue::{Item, MOST_REASON, Queue};
use sender::{Registered, Sender};

/// What a session is that was registered.
const RUNNING: &str = "running";
/// Says things to the server. A clone is another handle to the same.
#[derive(Clone)]
pub(super) struct Reporter {
    queue: Arc<Queue>,
    /// What was last observed of the command.
    status: Arc<Mutex<&'static str>>,
    registered: watch::Receiver<Registered>,
    done: watch::Receiver<bool>,
}

impl Reporter {
    /// Registers the session, and says what is given to it from then on, on a thread of its own.
    pub(super) fn start(client: Client, session: String, registration: Value) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (told, registered) = watch::channel(Registered::NotYet);
        let (ended, done) = watch::channel(false);
        let sender = Sender { client, session, queue: Arc::clone(&queue) };
        std::thread::Builder::new().name("reporter".to_owned()).spawn(move || {
            if sender.register(&registration, &told) {
                sender.run();
            }
            let _ = ended.send(true);
        })?;
        Ok(Self { queue, status: Arc::new(Mutex::new(RUNNING)), registered, done })
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
        self.queue.put(Item::message(message));
    }

    /// Says something about the command, here and in the conversation.
    pub(super) fn notice(&self, text: &str) {
        warn(text);
        self.say(json!({"role": "system", "content": text, "metadata": {"type": "notice"}}));
    }

    /// Reports a status.
    pub(super) fn status(&self, status: &'static str, reason: Option<&str>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
        self.queue.put(Item::Call("status".to_owned(), json!({"status": status, "reason": reason})));
    }

    /// Reports the id under which the command's own runtime knows the session. It goes with the status, which stays.
    pub(super) fn introduce(&self, id: &str) {
        let status = *self.status.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue.put(Item::Call("status".to_owned(), json!({"status": status, "providerSessionId": id})));
    }

    /// Says what became of a command.
    pub(super) fn receipt(&self, seq: u64, body: Value) {
        self.queue.put(Item::Call(format!("commands/{seq}/ack"), body));
    }

    /// Ends the session.
    pub(super) fn end(&self, status: &'static str, reason: &str) {
        self.status(status, Some(&one_line(reason, MOST_REASON)));
    }

    /// Waits until all is said, for so long at most; nothing more comes.
    pub(super) async fn finish(&self, linger: Duration) {
        self.queue.end(Instant::now() + linger);
        let mut done = self.done.clone();
        let _ = done.wait_for(|done| *done).await;
        let unsaid = self.queue.len();
        if unsaid > 0 {
            warn(&format!("{unsaid} messages did not reach the server"));
        }
    }
}

#[cfg(test)]
impl Reporter {
    /// One without a server, and what it was told.
    pub(super) fn for_tests() -> (Self, impl Fn() -> Vec<String>) {
        let queue = Arc::new(Queue::default());
        let (_, registered) = watch::channel(Registered::Yes);
        let (_, done) = watch::channel(true);
        let told = Arc::clone(&queue);
        let said = move || {
            let word = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
            let told = told.all();
            let said = told.iter().map(|item| match item {
                Item::Message(message, _) => word(message, "content"),
                Item::Call(path, body) => format!("{path} {}{}", word(body, "state"), word(body, "status")),
            });
            said.collect()
        };
        (Self { queue, status: Arc::new(Mutex::new(RUNNING)), registered, done }, said)
    }
}
