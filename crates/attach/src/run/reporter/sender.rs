//! The thread that speaks to the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flightdeck_client::{Answer, Client, ClientError};
use flightdeck_terminal::warn;
use serde_json::Value;
use tokio::sync::watch;

use super::queue::{Item, Queue};

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// A quiet command gives a sign of life this often; a session is lost after two minutes.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long to wait before the server is asked again: it grows from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// What the server says to a session.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Registered {
    NotYet,
    /// The server is away; it is tried again.
    Away,
    Yes,
    Refused(String),
}

pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) session: String,
    pub(super) queue: Arc<Queue>,
}

impl Sender {
    pub(super) fn register(&self, registration: &Value, told: &watch::Sender<Registered>) -> bool {
        let body = registration.to_string();
        let mut wait = BACKOFF.0;
        loop {
            match self.client.say_once("/agents", body.as_bytes(), DEADLINE) {
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
                    if self.queue.is_given_up() {
                        return false;
                    }
                    std::thread::sleep(wait);
                    wait = BACKOFF.1.min(wait * 2);
                }
            }
        }
    }

    pub(super) fn run(&self) {
        let mut wait = BACKOFF.0;
        let mut heard = Instant::now();
        while let Some(batch) = self.queue.next(heard + HEARTBEAT) {
            match self.send(&batch) {
                Sent::Done => {
                    self.queue.is_said();
                    heard = Instant::now();
                    wait = BACKOFF.0;
                }
                Sent::Never(why) => {
                    heard = Instant::now();
                    if self.queue.is_refused(&why) {
                        warn(&format!("the server does not take what was said: {why}"));
                    }
                }
                Sent::Later => {
                    if self.queue.is_given_up() {
                        return;
                    }
                    std::thread::sleep(wait);
                    wait = BACKOFF.1.min(wait * 2);
                }
            }
        }
    }

    fn send(&self, batch: &[Item]) -> Sent {
        let path = |rest: &str| format!("/agents/{}/{rest}", self.session);
        let answer = match batch {
            [] => self.client.say_once(&path("heartbeat"), b"{}", DEADLINE),
            [Item::Call(rest, body), ..] => self.client.say_once(&path(rest), body.to_string().as_bytes(), DEADLINE),
            messages => {
                let messages = messages.iter().filter_map(|item| match item {
                    Item::Message(message, _) => Some(message.clone()),
                    Item::Call(..) => None,
                });
                self.client.say_once(
                    &path("messages"),
                    Value::Array(messages.collect()).to_string().as_bytes(),
                    DEADLINE,
                )
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
    fn of(answer: Result<Answer, ClientError>) -> Self {
        match answer {
            Ok(answer) if answer.is_good() => Self::Done,
            Ok(answer) if answer.is_passing() => Self::Later,
            Ok(answer) => Self::Never(answer.problem()),
            Err(_) => Self::Later,
        }
    }
}
