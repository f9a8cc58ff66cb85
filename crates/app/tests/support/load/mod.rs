//! Load with a memory: writers, followers and operators who keep what they were answered, and what must be true of it at the
//! end. They go in and out by several doors, which are equal, and may find any of them shut.

pub(crate) mod follower;
pub(crate) mod operator;
pub(crate) mod verify;
pub(crate) mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{Answer, Client};
use super::random::Random;

/// How long a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it goes on trying; far longer than any outage of a test.
const PATIENCE: Duration = Duration::from_mins(3);

/// What all who make the load share.
pub(crate) struct Scene {
    /// Ways to the same deployment, each with a key that may do everything.
    pub(crate) doors: Vec<Client>,
    /// Whether the store can go away between a commit and the news of it. The server then looks for what it was about to
    /// write, and answers a new batch as one that was there already.
    pub(crate) loses_news_of_commits: bool,
    over: Arc<AtomicBool>,
    given_up: Arc<AtomicBool>,
}

/// The answer to a call that was made until there was one.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) reply: Value,
    /// How often it was made again because no answer came.
    pub(crate) retries: u64,
}

impl Scene {
    pub(crate) fn new(doors: Vec<Client>) -> Self {
        Self { doors, loses_news_of_commits: false, over: Arc::default(), given_up: Arc::default() }
    }

    /// The same, where the store goes away under the load.
    pub(crate) fn with_store_that_goes_away(self) -> Self {
        Self { loses_news_of_commits: true, ..self }
    }

    /// The same for those who come by other doors.
    pub(crate) fn by(&self, doors: Vec<Client>) -> Self {
        Self {
            doors,
            loses_news_of_commits: self.loses_news_of_commits,
            over: Arc::clone(&self.over),
            given_up: Arc::clone(&self.given_up),
        }
    }

    /// Whether there is to be more load.
    pub(crate) fn goes_on(&self) -> bool {
        !self.over.load(Relaxed) && !self.is_given_up()
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Relaxed);
    }

    /// Whether somebody has panicked, so that what the others wait for may never come.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    /// Lets all others go when the thread that holds it panics.
    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard(self)
    }

    pub(crate) fn door(&self, random: &mut Random) -> &Client {
        random.pick(&self.doors)
    }

    /// Posts the same, each time by another door, until it is answered.
    pub(crate) fn post(&self, random: &mut Random, path: &str, body: &Value) -> Answered {
        self.insist(path, || self.door(random).try_post(path, body))
    }

    /// The same with an idempotency key.
    pub(crate) fn post_once(&self, random: &mut Random, path: &str, body: &Value, key: &str) -> Answered {
        self.insist(path, || self.door(random).try_post_once(path, body, key))
    }

    /// Gets it, each time by another door, until there is an answer.
    pub(crate) fn get(&self, random: &mut Random, path: &str) -> Answered {
        self.insist(path, || self.door(random).try_get(path))
    }

    /// Ends a session, and with it the streams of those who follow it.
    pub(crate) fn complete(&self, random: &mut Random, session: &str) {
        let path = format!("/agents/{session}/status");
        let answered = self.post(random, &path, &serde_json::json!({"status": "completed"}));
        assert_eq!(answered.status, 200, "{}", answered.reply);
    }

    fn insist(&self, path: &str, mut call: impl FnMut() -> Result<Answer, ureq::Error>) -> Answered {
        let began = Instant::now();
        let mut retries = 0;
        loop {
            match call() {
                Ok((status, reply)) if !is_away(status) => return Answered { status, reply, retries },
                no_answer => {
                    assert!(began.elapsed() < PATIENCE && !self.is_given_up(), "{path}: still {no_answer:?}");
                    retries += 1;
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

/// Whether a status says that whoever could answer is not there: what was asked may be done or not.
pub(crate) const fn is_away(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// See [`Scene::guard`].
pub(crate) struct Guard<'a>(&'a Scene);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.given_up.store(true, Relaxed);
        }
    }
}
