//! An agent that reports, and does not give up.

use std::thread;

use serde_json::{Value, json};

use crate::support::random::Random;
use crate::{PATIENCE, Scene};

/// A message that the server said it has.
pub(crate) struct Acknowledged {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) content: String,
}

/// A session and what was acknowledged in it.
pub(crate) struct Log {
    pub(crate) session: String,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

/// What one writer did.
pub(crate) struct Written {
    /// Its own sessions, then the one that all share.
    pub(crate) logs: Vec<Log>,
    pub(crate) batches: u64,
    /// Calls sent again because no answer came.
    pub(crate) retries: u64,
    /// Those of them that turned out to have been written before the kill: only the answer was lost.
    pub(crate) already_there: u64,
    /// Calls sent again although they were answered.
    pub(crate) repeated: u64,
}

impl Written {
    pub(crate) fn messages(&self) -> u64 {
        self.logs.iter().map(|log| u64::try_from(log.acknowledged.len()).expect("a count")).sum()
    }
}

const OWN_SESSIONS: usize = 3;

pub(crate) fn write(scene: &Scene, number: u64, mut random: Random) -> Written {
    let mut written = Written { logs: Vec::new(), batches: 0, retries: 0, already_there: 0, repeated: 0 };
    for _ in 0..OWN_SESSIONS {
        let session = random.uuid().to_string();
        let body = json!({"sessionId": session, "taskId": format!("writer {number}"), "agentType": "tester"});
        send(scene, "/agents", &body, &mut written.retries);
        written.logs.push(Log { session, acknowledged: Vec::new() });
    }
    written.logs.push(Log { session: scene.shared.clone(), acknowledged: Vec::new() });
    while scene.goes_on() {
        let place = if random.one_in(4) { OWN_SESSIONS } else { pick_own(&mut random) };
        append(scene, number, place, &mut written, &mut random);
    }
    written
}

fn pick_own(random: &mut Random) -> usize {
    usize::try_from(random.within(0..3)).expect("a place")
}

fn append(scene: &Scene, number: u64, place: usize, written: &mut Written, random: &mut Random) {
    let batch = batch(number, written.batches, random);
    let path = format!("/agents/{}/messages", written.logs[place].session);
    let before = written.retries;
    let (status, reply) = send(scene, &path, &batch, &mut written.retries);
    let retried = written.retries > before;
    assert!(status == 201 || retried, "a new batch is answered with {status}: {reply}");
    written.already_there += u64::from(status == 200);
    if random.one_in(20) {
        let (status, again) = send(scene, &path, &batch, &mut written.retries);
        assert_eq!((status, &again["messages"]), (200, &reply["messages"]), "a repeated batch keeps its place");
        written.repeated += 1;
    }
    let sent = batch.as_array().expect("a batch");
    let places = reply["messages"].as_array().expect("places");
    assert_eq!(sent.len(), places.len(), "{reply}");
    for (message, place_of) in sent.iter().zip(places) {
        assert_eq!(message["id"], place_of["id"], "answered in the order of the batch");
        written.logs[place].acknowledged.push(Acknowledged {
            id: text(&message["id"]),
            seq: place_of["seq"].as_u64().expect("a seq"),
            content: text(&message["content"]),
        });
    }
    written.batches += 1;
}

fn batch(number: u64, batches: u64, random: &mut Random) -> Value {
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

/// Sends the same call until it is answered with success.
fn send(scene: &Scene, path: &str, body: &Value, retries: &mut u64) -> (u16, Value) {
    loop {
        match scene.client.try_post(path, body) {
            Ok((status @ (200 | 201), reply)) => return (status, reply),
            Ok((status, reply)) => panic!("{path}: {status} {reply}"),
            Err(_) => {
                *retries += 1;
                thread::sleep(PATIENCE);
            }
        }
    }
}
