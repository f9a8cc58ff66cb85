//! Agents are stopped while the audit log, or the whole database, cannot be written; the record catches up, even after
//! a crash.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::patience::until;
use crate::support::process::Server;
use crate::support::spool::spool_is_empty;

/// The database, opened behind the server's back.
fn database(data_dir: &Path) -> SqliteConnection {
    let path = data_dir.join("flightdeck.db");
    let mut connection = SqliteConnection::establish(path.to_str().expect("a text")).expect("opened");
    connection.batch_execute("PRAGMA busy_timeout = 10000").expect("set");
    connection
}

/// An agent inside the server that works until it is stopped.
fn busy(client: &Client) -> String {
    let script = json!([{"say": "working"}, {"wait": {"ms": 600_000}}]);
    let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": script}});
    let (status, spawned) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    let agent = spawned["agentId"].as_str().expect("an id").to_owned();
    until("the agent works", || (status_of(client, &agent) == "running").then_some(()));
    agent
}

fn status_of(client: &Client, agent: &str) -> String {
    client.get(&format!("/agents/{agent}/status")).1["status"].as_str().expect("a status").to_owned()
}

/// The one kill of an agent on the audit log, once it is there.
fn recorded(client: &Client, agent: &str) -> Value {
    until("the kill is on the log", || {
        let (status, page) = client.get(&format!("/audit?agentId={agent}&action=kill"));
        assert_eq!(status, 200, "{page}");
        let entries = page["entries"].as_array().expect("entries").clone();
        assert!(entries.len() <= 1, "recorded more than once: {entries:?}");
        entries.into_iter().next()
    })
}

fn spooled(data_dir: &Path) -> String {
    std::fs::read_to_string(data_dir.join("audit-spool.jsonl")).expect("the spool")
}

#[test]
fn a_kill_without_a_log_is_done_and_recorded_once_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let (client, agent) = (server.admin(), busy(&server.admin()));
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'no'); END";
    database(&data_dir).batch_execute(broken).expect("broken");
    let (status, refused) = client.post(&format!("/agents/{agent}/inject"), &json!({"message": "hello"}));
    assert_eq!(status, 503, "nothing is said unrecorded: {refused}");
    let (status, killed) = client.post(&format!("/agents/{agent}/kill?wait=20s"), &json!({"reason": "it is wild"}));
    assert_eq!((status, &killed["observed"], &killed["auditSpooled"]), (200, &json!(true), &json!(true)), "{killed}");
    assert!(spooled(&data_dir).contains("it is wild"));
    assert!(!spooled(&data_dir).contains("\"remove\""));
    server.kill();

    let server = Server::start(&data_dir);
    let client = server.admin();
    assert_eq!(status_of(&client, &agent), "killed");
    database(&data_dir).batch_execute("DROP TRIGGER broken").expect("mended");
    let entry = recorded(&client, &agent);
    assert_eq!((&entry["reason"], &entry["outcome"]), (&json!("it is wild"), &json!("accepted")));
    assert!(entry["details"]["spooled"].is_string() && entry["details"]["foldedAt"].is_string(), "{entry}");
    until("the spool is empty", || spool_is_empty(&data_dir).then_some(()));
    assert_eq!(client.get("/audit/verify").1["valid"], true);
}

#[test]
fn a_stop_without_a_database_reaches_the_agent_and_is_made_up_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let client = server.admin();
    let (agent, elsewhere, third) = (busy(&client), client.register(None), client.register(None));
    let mut other = database(&data_dir);
    other.batch_execute("BEGIN IMMEDIATE").expect("nobody else can write");
    let kill = |agent: &str| client.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({}));
    let (status, pause) = client.post(&format!("/agents/{third}/pause?wait=0s"), &json!({}));
    assert_eq!((status, &pause["auditSpooled"]), (202, &json!(true)), "{pause}");
    for agent in [&agent, &elsewhere] {
        let (status, kept) = kill(agent);
        assert_eq!((status, &kept["desiredStatus"]), (202, &json!("killed")), "{kept}");
        assert!(kept["message"].as_str().expect("words").contains("cannot be written"), "{kept}");
    }
    other.batch_execute("ROLLBACK").expect("let go");
    until("the agent inside the server is dead", || (status_of(&client, &agent) == "killed").then_some(()));
    // The one elsewhere gets its command, though nobody asks for it again.
    until("the agent elsewhere is told", || {
        let (_, commands) = client.get(&format!("/agents/{elsewhere}/commands"));
        commands["commands"].as_array().expect("commands").iter().any(|command| command["kind"] == "kill").then_some(())
    });
    let entry = recorded(&client, &elsewhere);
    assert!(entry["details"]["doneAt"].is_string(), "{entry}");
    recorded(&client, &agent);
    let paused = until("the pause is on the log", || {
        let (_, page) = client.get(&format!("/audit?agentId={third}&action=pause"));
        page["entries"].as_array().expect("entries").first().cloned()
    });
    assert_eq!(paused["outcome"], "accepted", "{paused}");
    // As the answer said, it can be followed from now on.
    let (status, operation) = client.get(&format!("/operations/{}", pause["operationId"].as_str().expect("an id")));
    assert_eq!((status, &operation["action"]), (200, &json!("pause")), "{operation}");
    assert_eq!(client.get("/audit/verify").1["valid"], true);
}
