//! Replicas on one PostgreSQL: agents that live in one of them are nobody else's to bury, and one key signs for all.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::trial;
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use support::http::Client;
use support::process::{Server, flightdeck};
use tempfile::TempDir;

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server: &'static _ = Box::leak(Box::new(PostgresServer::find()));
    let run = move |test: fn(&Deployment)| {
        move || {
            let server = server.as_ref().expect("asked before");
            test(&Deployment::on(server));
        }
    };
    let tests = vec![
        trial("a_restart_ends_the_agents_of_that_replica_alone", server, run(a_restart_ends_its_own_agents)),
        trial("a_replica_with_another_key_signs_nothing", server, run(a_replica_with_another_key_signs_nothing)),
        trial("replicas_that_start_together_agree_on_keys", server, run(replicas_that_start_together_agree)),
    ];
    let conclusion = libtest_mimic::run(&arguments, tests);
    if let Ok(server) = server {
        server.stop();
    }
    conclusion.exit_code()
}

/// Two data folders and a database.
struct Deployment {
    folder: TempDir,
    database: Place,
}

impl Deployment {
    fn on(server: &PostgresServer) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let database = runtime.block_on(server.database()).expect("a database");
        Self { folder: tempfile::tempdir().expect("a folder"), database }
    }

    /// Starts a replica, or starts it again.
    fn replica(&self, name: &str) -> Server {
        let data_dir = self.folder.path().join(name);
        let arguments =
            ["--listen", "127.0.0.1:0", "--throttle-control", "off", "--throttle-tree", "off", "--log", "error"];
        let mut command = flightdeck(&data_dir, &arguments);
        command.env("FLIGHTDECK_DATABASE_URL", self.database.url());
        Server::start_command(&data_dir, &mut command)
    }

    /// Two replicas; the key that the first one made is good for both.
    fn pair(&self) -> (Server, Server, Client, Client) {
        let a = self.replica("a");
        // Both sign with one key.
        let (from, to) = (self.folder.path().join("a"), self.folder.path().join("b"));
        std::fs::create_dir_all(&to).expect("a folder");
        for file in ["audit-signing.key", "audit-signing.pub"] {
            std::fs::copy(from.join(file), to.join(file)).expect("copied");
        }
        let b = self.replica("b");
        let (at_a, at_b) = (a.admin(), Client::new(b.address, &a.admin_key()));
        (a, b, at_a, at_b)
    }
}

/// An agent inside a replica that works until it is stopped.
fn busy(client: &Client) -> String {
    let script = json!([{"say": "working"}, {"wait": {"ms": 600_000}}]);
    let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": script}});
    let (status, spawned) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    let agent = spawned["agentId"].as_str().expect("an id").to_owned();
    until(client, &agent, "running");
    agent
}

fn read(client: &Client, agent: &str) -> Value {
    client.get(&format!("/agents/{agent}/status")).1
}

fn until(client: &Client, agent: &str, status: &str) {
    let began = Instant::now();
    while read(client, agent)["status"] != status {
        assert!(began.elapsed() < PATIENCE, "still not {status}: {}", read(client, agent));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn a_restart_ends_its_own_agents(deployment: &Deployment) {
    let (a, b, at_a, at_b) = deployment.pair();
    let (mine, theirs) = (busy(&at_a), busy(&at_b));
    b.kill();
    assert_eq!(read(&at_a, &theirs)["status"], "running", "nobody has told otherwise yet");
    let b = deployment.replica("b");
    let at_b = Client::new(b.address, &a.admin_key());
    until(&at_b, &theirs, "failed");
    assert_eq!(read(&at_b, &mine)["status"], "running");
    let (status, reply) = at_b.post(&format!("/agents/{mine}/kill?wait=25s"), &json!({}));
    assert_eq!(status, 200, "it is still at work, and obeys: {reply}");
}

fn a_replica_with_another_key_signs_nothing(deployment: &Deployment) {
    let a = deployment.replica("a");
    let at_a = a.admin();
    let (status, made) = at_a.post("/audit/checkpoint", &json!({}));
    assert!(matches!(status, 200 | 201), "{status} {made}");
    let b = deployment.replica("b");
    let at_b = Client::new(b.address, &a.admin_key());
    let (status, refused) = at_b.post("/audit/checkpoint", &json!({}));
    assert_eq!(status, 409, "{refused}");
    for client in [&at_a, &at_b] {
        let (_, found) = client.get("/audit/verify");
        assert_eq!(found["valid"], true, "no false alarm: {found}");
    }
}

/// On an empty database, each with a data folder that is empty too.
fn replicas_that_start_together_agree(deployment: &Deployment) {
    let names = ["a", "b", "c", "d"];
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starting = names.map(|name| scope.spawn(move || deployment.replica(name)));
        starting.into_iter().map(|it| it.join().expect("started")).collect()
    });
    let keys: Vec<_> = names.iter().map(|name| deployment.folder.path().join(name).join("admin.key")).collect();
    let keys: Vec<String> = keys.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    assert_eq!(keys.len(), 1, "one made the key");
    let signed: Vec<u16> = servers
        .iter()
        .map(|server| {
            let client = Client::new(server.address, keys[0].trim());
            let (_, found) = client.get("/audit/verify");
            assert_eq!(found["valid"], true, "{found}");
            client.post("/audit/checkpoint", &json!({})).0
        })
        .collect();
    assert_eq!(signed.iter().filter(|status| **status < 300).count(), 1, "one signs: {signed:?}");
    let (_, listed) = Client::new(servers[0].address, keys[0].trim()).get("/audit?limit=100");
    let made = listed["entries"].as_array().expect("a list").iter().filter(|it| it["action"] == "key_create").count();
    assert_eq!(made, 1, "{listed}");
}
