//! The server is killed while agents run: nothing of them is left, and nobody takes their sessions for alive.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::Client;
use crate::support::process::Server;

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

/// Never says a word, ignores TERM, and has children in sessions of their own.
const AGENT: &str = r#"
[agents.silent]
command = "/bin/sh"
args = ["-c", "trap '' TERM; n=0; while [ $n -lt 5 ]; do (setsid sleep 1000 &); n=$((n+1)); done; while :; do sleep 1000; done"]
start_seconds = 3600
"#;

/// The pids of what bears the mark of a data folder.
fn marked(data_dir: &Path) -> Vec<u32> {
    let mark = format!("FLIGHTDECK_PROCESS={}#", data_dir.canonicalize().expect("there").display());
    let entries = std::fs::read_dir("/proc").expect("listed").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let bears = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
    };
    pids.filter(bears).collect()
}

fn is_supervisor(pid: u32) -> bool {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).nth(1) == Some(b"__supervise")
}

/// Ends several before any of them can do anything about another's end: a stopped one does nothing.
fn kill(pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let pids = pids.join(" ");
    let told = Command::new("sh").args(["-c", &format!("kill -STOP {pids} && kill -9 {pids}")]).status();
    assert!(told.expect("it runs").success());
}

/// Starts an agent, and waits until it has its supervisor and its children.
fn spawn(client: &Client, data_dir: &Path) -> String {
    let (status, spawned) = client.post("/agents/spawn", &json!({"taskId": "FD-1", "agentType": "silent"}));
    assert_eq!(status, 201, "{spawned}");
    let began = Instant::now();
    while marked(data_dir).len() < 8 {
        let agent = spawned["agentId"].as_str().expect("an id");
        let now = || client.get(&format!("/agents/{agent}/status")).1;
        assert!(began.elapsed() < PATIENCE, "it does not come up: {} {:?}", now(), marked(data_dir));
        std::thread::sleep(Duration::from_millis(5));
    }
    spawned["agentId"].as_str().expect("an id").to_owned()
}

fn session_of_a_dead_server_is_failed(server: &Server, agent: &str) {
    let (_, session) = server.admin().get(&format!("/agents/{agent}/status"));
    assert_eq!(session["status"], "failed", "{session}");
    assert_eq!(session["statusReason"], "the server that ran this agent was restarted");
}

/// More rounds on demand.
fn rounds() -> u32 {
    std::env::var("FLIGHTDECK_TEST_SERVER_KILLS").map_or(2, |rounds| rounds.parse().expect("a number"))
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_killed_leaves_no_orphan() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flightdeck.toml"), AGENT).expect("written");
    let data_dir = folder.path().join("data");
    let mut server = Server::start(&data_dir);
    for round in 0..rounds() {
        let agent = spawn(&server.admin(), &data_dir);
        server.kill();
        // By themselves: no server runs.
        let began = Instant::now();
        while !marked(&data_dir).is_empty() {
            assert!(began.elapsed() < PATIENCE, "left behind: {:?}", marked(&data_dir));
            std::thread::sleep(Duration::from_millis(5));
        }
        server = Server::start(&data_dir);
        session_of_a_dead_server_is_failed(&server, &agent);
        assert_eq!(marked(&data_dir), Vec::<u32>::new(), "round {round}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_outlives_server_and_supervisor_is_found_and_ended_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flightdeck.toml"), AGENT).expect("written");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let agent = spawn(&server.admin(), &data_dir);
    let supervisors: Vec<u32> = marked(&data_dir).into_iter().filter(|pid| is_supervisor(*pid)).collect();
    assert_eq!(supervisors.len(), 1);
    kill(&[vec![server.pid()], supervisors].concat());
    drop(server);
    assert!(!marked(&data_dir).is_empty(), "the children that nobody waits for live on");
    let server = Server::start(&data_dir);
    assert_eq!(marked(&data_dir), Vec::<u32>::new());
    session_of_a_dead_server_is_failed(&server, &agent);
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_stopped_ends_its_agents_first() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flightdeck.toml"), AGENT).expect("written");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let agent = spawn(&server.admin(), &data_dir);
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");
    assert_eq!(marked(&data_dir), Vec::<u32>::new());
    session_of_a_dead_server_is_failed(&Server::start(&data_dir), &agent);
}
