//! A subtree is killed, and the server goes down in the middle of it: what was asked for is followed to its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::{Server, lasting_address};
use crate::support::sse::Stream;

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many sessions are below the top.
const BELOW: usize = 60;

/// A tree of agents of both kinds, mixed on every level, and one agent that has nothing to do with it.
struct Fleet {
    _folder: tempfile::TempDir,
    data_dir: std::path::PathBuf,
    server: Server,
    client: Client,
    top: String,
    /// Agents that fetch their commands over HTTP, the top among them.
    internal: Vec<String>,
    /// Agents that live in the server.
    scripted: Vec<String>,
    bystander: String,
}

impl Fleet {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let server = Server::start_on(&data_dir, lasting_address());
        let client = server.admin();
        let (top, bystander) = (client.register(None), client.register(None));
        let (mut all, mut internal, mut scripted) = (vec![top.clone()], vec![top.clone()], Vec::new());
        for n in 0..BELOW {
            let parent = all[n / 3].clone();
            let id = if n % 2 == 0 { client.register(Some(&parent)) } else { spawn(&client, &parent) };
            if n % 2 == 0 { &mut internal } else { &mut scripted }.push(id.clone());
            all.push(id);
        }
        let fleet = Self { _folder: folder, data_dir, server, client, top, internal, scripted, bystander };
        Fleet::until("every scripted agent is at work", || fleet.count("spawning") == 0);
        fleet
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "still not: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many sessions of the tree are in one of these statuses.
    fn count(&self, statuses: &str) -> usize {
        let (status, found) = self.client.get(&format!("/agents?root={}&status={statuses}&limit=1000", self.top));
        assert_eq!(status, 200, "{found}");
        found.as_array().expect("sessions").len()
    }

    /// As the agent: fetches its commands, says that it has the kill, and dies of it.
    fn obey(&self, id: &str) {
        let kill = self.fetch(id);
        let ack = format!("/agents/{id}/commands/{kill}/ack");
        assert_eq!(self.client.post(&ack, &json!({"state": "delivered"})).0, 200);
        let (status, reply) = self.client.post(&format!("/agents/{id}/status"), &json!({"status": "killed"}));
        assert_eq!((status, &reply["control"]["pendingCommands"]), (200, &json!(0)), "{reply}");
    }

    /// The kill that waits for the agent, and nothing else does.
    fn fetch(&self, id: &str) -> u64 {
        let (status, reply) = self.client.get(&format!("/agents/{id}/commands"));
        assert_eq!((status, &reply["control"]["desiredStatus"]), (200, &json!("killed")), "{reply}");
        let commands = reply["commands"].as_array().expect("commands");
        assert!(commands.len() == 1 && commands[0]["kind"] == "kill", "{reply}");
        commands[0]["seq"].as_u64().expect("a seq")
    }

    fn operation(&self, id: &str) -> Value {
        let (status, operation) = self.client.get(&format!("/operations/{id}?limit=1000"));
        assert_eq!(status, 200, "{operation}");
        operation
    }

    /// What became of an agent by the operation.
    fn target(operation: &Value, id: &str) -> Value {
        let targets = operation["targets"].as_array().expect("targets");
        targets.iter().find(|target| target["agentId"] == id).expect("a target").clone()
    }

    fn crash(&mut self) {
        self.server.kill_and_restart();
    }

    /// SIGTERM, and another start.
    fn stop_and_start(self) -> Self {
        let Self { server, data_dir, .. } = self;
        let address = server.address;
        assert!(server.terminate().0.success());
        let server = Server::start_on(&data_dir, address);
        Self { data_dir, server, ..self }
    }

    /// Everything after the restart: whoever has not obeyed yet still learns of it, and the operation comes to its end.
    fn ends_well(&self, operation: &str, obeyed: &[String]) {
        let before = self.operation(operation);
        assert_eq!(
            (&before["state"], &before["scope"], &before["agentId"]),
            (&json!("open"), &json!("subtree"), &json!(self.top))
        );
        let late: Vec<_> = self.internal.iter().filter(|id| !obeyed.contains(id)).collect();
        assert_eq!((before["total"].as_u64(), before["open"].as_u64()), (len(1 + BELOW), len(late.len())), "{before}");
        let open = self.client.get("/operations?open=true").1;
        assert_eq!(open["operations"].as_array().map(Vec::len), Some(1), "{open}");
        let below = json!({"taskId": "task", "agentType": "tester", "parentSessionId": late[0]});
        assert_eq!(self.client.post("/agents", &below).1["type"], "urn:flightdeck:problem:spawn-fenced");

        for id in &late {
            assert_eq!(Self::target(&before, id)["outcome"], Value::Null);
            self.obey(id);
        }
        let after = self.operation(operation);
        assert_eq!((after["open"].as_u64(), after["completedAt"].is_string()), (Some(0), true), "{after}");
        assert_eq!(after["targets"].as_array().map(Vec::len), Some(1 + BELOW));
        for id in &self.internal {
            let target = Self::target(&after, id);
            assert_eq!(target["outcome"], "observed", "{target}");
            assert!(target["acknowledgedAt"].is_string() && target["observedAt"].is_string(), "{target}");
        }
        // One that lived in the server died of the kill, or with the server: nobody may say that it was the kill then.
        let mut died_with_it = 0;
        for id in &self.scripted {
            let target = Self::target(&after, id);
            let told = (target["outcome"].as_str(), target["detail"].as_str(), target["observedAt"].is_string());
            assert!(matches!(told, (Some("observed"), None, true) | (Some("ended"), Some("failed"), true)), "{target}");
            died_with_it += usize::from(told.0 == Some("ended"));
        }
        assert_eq!((&after["state"], after["ended"].as_u64()), (&json!("done"), len(died_with_it)), "{after}");

        assert_eq!(self.count("spawning,running,idle,waiting,paused,lost"), 0, "nobody lives below");
        assert_eq!(self.client.get(&format!("/agents/{}/status", self.bystander)).1["status"], "running");
        let kills = self.client.get("/audit?action=kill").1["entries"].clone();
        assert_eq!(kills.as_array().map(Vec::len), Some(1), "{kills}");
        assert_eq!(
            (&kills[0]["details"]["operationId"], &kills[0]["outcome"]),
            (&json!(operation), &json!("accepted"))
        );
        let proof = self.client.get("/audit/verify").1;
        assert_eq!(proof["valid"], true, "{proof}");
    }
}

fn len(count: usize) -> Option<u64> {
    u64::try_from(count).ok()
}

fn spawn(client: &Client, parent: &str) -> String {
    let context = json!({"script": [{"say": "working"}, {"wait": {"ms": 600_000}}]});
    let body = json!({
        "taskId": "task", "agentType": "robot", "provider": "scripted", "parentAgentId": parent, "context": context,
    });
    let (status, reply) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{reply}");
    reply["agentId"].as_str().expect("an id").to_owned()
}

/// Kills the tree, sees every third internal agent obey and all scripted ones die, and one more take the command without
/// acting on it. Gives the operation and who has obeyed.
fn kill_half(fleet: &Fleet) -> (String, Vec<String>) {
    let (status, reply) = fleet.client.post(&format!("/agents/{}/kill?scope=subtree&wait=0s", fleet.top), &json!({}));
    assert_eq!((status, reply["total"].as_u64()), (202, len(1 + BELOW)), "{reply}");
    let operation = reply["operationId"].as_str().expect("an id").to_owned();
    let obeyed: Vec<_> = fleet.internal.iter().step_by(3).cloned().collect();
    for id in &obeyed {
        fleet.obey(id);
    }
    let taken = &fleet.internal[1];
    let ack = format!("/agents/{taken}/commands/{}/ack", fleet.fetch(taken));
    assert_eq!(fleet.client.post(&ack, &json!({"state": "delivered"})).0, 200);
    let open = len(fleet.internal.len() - obeyed.len());
    Fleet::until("every scripted agent is dead", || fleet.operation(&operation)["open"].as_u64() == open);
    (operation, obeyed)
}

#[test]
fn a_kill_that_a_crash_cut_in_half_is_followed_to_its_end() {
    let mut fleet = Fleet::new();
    let (operation, obeyed) = kill_half(&fleet);
    let before = fleet.operation(&operation);
    fleet.crash();
    assert_eq!(fleet.operation(&operation), before, "nothing of it is forgotten");
    fleet.ends_well(&operation, &obeyed);
    assert_eq!(fleet.operation(&operation)["ended"], 0, "each was seen to die of it, none with the server");
}

#[test]
fn a_kill_that_a_stop_cut_in_half_is_followed_to_its_end() {
    let fleet = Fleet::new();
    let (operation, obeyed) = kill_half(&fleet);
    let before = fleet.operation(&operation);
    let fleet = fleet.stop_and_start();
    assert_eq!(fleet.operation(&operation), before, "nothing of it is forgotten");
    fleet.ends_well(&operation, &obeyed);
    assert_eq!(fleet.operation(&operation)["ended"], 0, "each was seen to die of it, none with the server");
}

/// The crash comes with the commit: some commands may not have been handed over, and the caller may never get an answer.
#[test]
fn a_kill_is_kept_by_a_server_that_crashes_as_soon_as_it_is_committed() {
    let mut fleet = Fleet::new();
    let (address, key) = (fleet.server.address, fleet.server.admin_key());
    let mut feed = Stream::open(address, &key, "/agents/events?type=operation&activity=off", None).expect("an answer");
    let (client, path) = (fleet.client.clone(), format!("/agents/{}/kill?scope=subtree", fleet.top));
    let caller = std::thread::spawn(move || client.try_post(&path, &json!({})).ok());
    let created = feed.expect().json();
    fleet.crash();
    assert_eq!(created["event"], "created");
    let operation = created["operationId"].as_str().expect("an id");
    // An answer that came all the same promised no more than is so.
    if let Some((status, reply)) = caller.join().expect("no panic") {
        assert_eq!((status, &reply["operationId"]), (202, &json!(operation)), "{reply}");
    }
    fleet.ends_well(operation, &[]);
}

/// What is true of a kill of many is true of one of the wishes that can be taken back, too: it is offered until it is
/// settled, however often the server goes down.
#[test]
fn a_command_is_offered_after_every_crash_until_it_is_settled() {
    let mut fleet = Fleet::new();
    let id = fleet.internal[2].clone();
    let path = format!("/agents/{id}");
    let (status, reply) = fleet.client.post(&format!("{path}/pause?wait=0s"), &json!({"reason": "a look"}));
    assert_eq!(status, 202, "{reply}");
    let operation = reply["operationId"].as_str().expect("an id").to_owned();
    for receipt in ["delivered", "consumed"] {
        fleet.crash();
        let (_, waiting) = fleet.client.get(&format!("{path}/commands"));
        assert_eq!(
            (&waiting["commands"][0]["kind"], &waiting["commands"][0]["reason"]),
            (&json!("pause"), &json!("a look"))
        );
        let ack = format!("{path}/commands/{}/ack", waiting["commands"][0]["seq"]);
        assert_eq!(fleet.client.post(&ack, &json!({"state": receipt})).0, 200);
    }
    fleet.crash();
    assert_eq!(fleet.client.get(&format!("{path}/commands")).1["commands"], json!([]));
    assert_eq!(fleet.operation(&operation)["state"], "open", "saying so is no proof");
    assert_eq!(fleet.client.post(&format!("{path}/status"), &json!({"status": "paused"})).0, 200);
    assert_eq!(fleet.operation(&operation)["state"], "done");
}
