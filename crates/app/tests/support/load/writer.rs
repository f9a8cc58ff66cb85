//! An agent that reports, and does not give up.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Scene;
use crate::support::random::Random;

/// A message that the server said it has.
pub(crate) struct Acknowledged {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) content: String,
    /// When it was sent for the first time.
    pub(crate) sent: Instant,
}

/// A session and what was acknowledged in it.
pub(crate) struct Log {
    pub(crate) session: String,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

impl Log {
    pub(crate) fn new(session: String) -> Self {
        Self { session, acknowledged: Vec::new() }
    }
}

/// What one writer has to do.
pub(crate) struct Writing<'a> {
    pub(crate) number: u64,
    /// How many sessions it has for itself.
    pub(crate) own: usize,
    /// Those that it shares with others.
    pub(crate) shared: &'a [String],
    /// How many batches it writes; without a number, as long as the load goes on.
    pub(crate) batches: Option<u64>,
    /// How many milliseconds it thinks before each batch.
    pub(crate) thinks: Option<Range<u64>>,
}

/// What one writer did.
#[derive(Default)]
pub(crate) struct Written {
    /// Its own sessions, then those that it shares.
    pub(crate) logs: Vec<Log>,
    pub(crate) batches: u64,
    /// Calls sent again because no answer came.
    pub(crate) retries: u64,
    /// Batches that turned out to have been written before: only the answer was lost, or the news of the commit.
    pub(crate) already_there: u64,
    /// Calls sent again although they were answered.
    pub(crate) repeated: u64,
}

impl Written {
    pub(crate) fn messages(&self) -> u64 {
        self.logs.iter().map(|log| u64::try_from(log.acknowledged.len()).expect("a count")).sum()
    }
}

pub(crate) fn write(scene: &Scene, writing: &Writing<'_>, mut random: Random) -> Written {
    let _guard = scene.guard();
    let mut written = Written::default();
    for _ in 0..writing.own {
        let session = random.uuid().to_string();
        let task = format!("writer {}", writing.number);
        let body = json!({"sessionId": session, "taskId": task, "agentType": "tester"});
        let answered = scene.post(&mut random, "/agents", &body);
        assert!(matches!(answered.status, 200 | 201), "{} {}", answered.status, answered.reply);
        written.retries += answered.retries;
        written.logs.push(Log::new(session));
    }
    written.logs.extend(writing.shared.iter().cloned().map(Log::new));
    while scene.goes_on() && writing.batches.is_none_or(|batches| written.batches < batches) {
        if let Some(thinks) = &writing.thinks {
            thread::sleep(Duration::from_millis(random.within(thinks.clone())));
        }
        let place = pick(writing, &mut random);
        let batch = batch(writing.number, written.batches, &mut random);
        append(scene, place, &batch, &mut written, &mut random);
    }
    written
}

/// One of its own sessions; a shared one every fourth time, or always when it has none of its own.
fn pick(writing: &Writing<'_>, random: &mut Random) -> usize {
    let shares = writing.own == 0 || (!writing.shared.is_empty() && random.one_in(4));
    let (first, count) = if shares { (writing.own, writing.shared.len()) } else { (0, writing.own) };
    let place = random.within(0..u64::try_from(count).expect("a count"));
    first + usize::try_from(place).expect("a place")
}

/// Appends a batch to one of the logs, and keeps what was acknowledged.
pub(crate) fn append(scene: &Scene, place: usize, batch: &Value, written: &mut Written, random: &mut Random) {
    let path = format!("/agents/{}/messages", written.logs[place].session);
    let sent = Instant::now();
    let answered = scene.post(random, &path, batch);
    let (status, reply) = (answered.status, answered.reply);
    let may_be_there = answered.retries > 0 || scene.loses_news_of_commits;
    assert!(status == 201 || (status == 200 && may_be_there), "a new batch is answered with {status}: {reply}");
    written.retries += answered.retries;
    written.already_there += u64::from(status == 200);
    if random.one_in(20) {
        let again = scene.post(random, &path, batch);
        assert_eq!(
            (again.status, &again.reply["messages"]),
            (200, &reply["messages"]),
            "a repeated batch keeps its place"
        );
        written.retries += again.retries;
        written.repeated += 1;
    }
    let given = batch.as_array().expect("a batch");
    let places = reply["messages"].as_array().expect("places");
    assert_eq!(given.len(), places.len(), "{reply}");
    for (message, place_of) in given.iter().zip(places) {
        assert_eq!(message["id"], place_of["id"], "answered in the order of the batch");
        written.logs[place].acknowledged.push(Acknowledged {
            id: text(&message["id"]),
            seq: place_of["seq"].as_u64().expect("a seq"),
            content: text(&message["content"]),
            sent,
        });
    }
    written.batches += 1;
}

pub(crate) fn batch(number: u64, batches: u64, random: &mut Random) -> Value {
    let length = random.within(1..6);
    let message = |place: u64, random: &mut Random| {
        let padding = usize::try_from(random.within(0..300)).expect("a length");
        let content = format!("writer {number}, batch {batches}, message {place} {}", "é".repeat(padding));
        json!({"id": random.uuid(), "role": "assistant", "content": content})
    };
    (0..length).map(|place| message(place, random)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
