//! Agents over HTTP, each with a tree of sessions, who do as they are told through whichever replica is there.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::support::load::Scene;
use crate::support::load::operator::Target;
use crate::support::load::writer::{self, Log, Written};
use crate::support::random::Random;

/// How many sessions are in a tree, if nothing fences its growth.
const MEMBERS: usize = 3;

/// The tops of the trees that live now.
pub(crate) struct Trees {
    tops: Mutex<Vec<String>>,
    closing: AtomicBool,
}

impl Trees {
    pub(crate) fn new(count: usize) -> Self {
        Self { tops: Mutex::new(vec![String::new(); count]), closing: AtomicBool::new(false) }
    }

    /// From now on nobody steps in any more: each agent does what it was asked, ends, and no other begins.
    pub(crate) fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    /// One to step in on, once there is one.
    pub(crate) fn pick(&self, random: &mut Random) -> Option<Target> {
        let tops = self.tops.lock().unwrap_or_else(PoisonError::into_inner);
        Some(random.pick(&tops)).filter(|top| !top.is_empty()).map(|top| Target::Tree(top.clone()))
    }

    fn put(&self, place: usize, top: &str) {
        top.clone_into(&mut self.tops.lock().unwrap_or_else(PoisonError::into_inner)[place]);
    }
}

/// What an agent is and was told to be.
struct Agent {
    /// Its place among the logs.
    log: usize,
    paused: bool,
    ended: bool,
}

/// Lives through one tree after the other until the trees are closed.
pub(crate) fn obey(scene: &Scene, trees: &Trees, place: usize, mut random: Random) -> Written {
    let _guard = scene.guard();
    let mut written = Written::default();
    loop {
        let mut tree = grow(scene, trees, place, &mut written, &mut random);
        while tree.iter().any(|agent| !agent.ended) {
            let closing = trees.closing.load(Relaxed) || scene.is_given_up();
            for agent in tree.iter_mut().filter(|agent| !agent.ended) {
                take_commands(scene, agent, &mut written, &mut random);
                if closing && !agent.ended {
                    scene.complete(&mut random, &written.logs[agent.log].session);
                    agent.ended = true;
                }
                if !agent.ended && !agent.paused {
                    // So that what it writes differs from what the writers write.
                    let number = 1_000 + u64::try_from(place).expect("a number");
                    let batch = writer::batch(number, written.batches, &mut random);
                    writer::append(scene, agent.log, &batch, &mut written, &mut random);
                }
            }
        }
        if trees.closing.load(Relaxed) || scene.is_given_up() {
            return written;
        }
    }
}

/// Registers the top, and then those below it, which may be fenced off by then.
fn grow(scene: &Scene, trees: &Trees, place: usize, written: &mut Written, random: &mut Random) -> Vec<Agent> {
    let mut tree: Vec<Agent> = Vec::new();
    for _ in 0..MEMBERS {
        let session = random.uuid().to_string();
        let mut body = json!({"sessionId": session, "taskId": "an agent", "agentType": "tester"});
        if let Some(top) = tree.first() {
            body["parentSessionId"] = written.logs[top.log].session.as_str().into();
        }
        let answered = scene.post(random, "/agents", &body);
        written.retries += answered.retries;
        match answered.status {
            200 | 201 => {}
            409 if !tree.is_empty() => continue,
            status => panic!("{status} {}", answered.reply),
        }
        if tree.is_empty() {
            trees.put(place, &session);
        }
        tree.push(Agent { log: written.logs.len(), paused: false, ended: false });
        written.logs.push(Log::new(session));
    }
    tree
}

fn take_commands(scene: &Scene, agent: &mut Agent, written: &mut Written, random: &mut Random) {
    let path = format!("/agents/{}", written.logs[agent.log].session);
    let fetched = scene.get(random, &format!("{path}/commands"));
    assert_eq!(fetched.status, 200, "{}", fetched.reply);
    for command in fetched.reply["commands"].as_array().expect("commands") {
        let ack = format!("{path}/commands/{}/ack", command["seq"]);
        let acked = scene.post(random, &ack, &json!({"state": "consumed"}));
        // A newer wish may have taken its place meanwhile.
        assert!(matches!(acked.status, 200 | 409), "{} {}", acked.status, acked.reply);
        written.retries += acked.retries;
        let status = match command["kind"].as_str().expect("a kind") {
            "inject" => continue,
            "pause" => "paused",
            "resume" => "running",
            "kill" => "killed",
            other => panic!("{other}"),
        };
        let reported = scene.post(random, &format!("{path}/status"), &json!({"status": status}));
        assert_eq!(reported.status, 200, "{}", reported.reply);
        written.retries += reported.retries;
        agent.paused = status == "paused";
        agent.ended = status == "killed";
        if agent.ended {
            return;
        }
    }
}
