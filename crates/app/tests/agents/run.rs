//! Commands that are wrapped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::{Server, lasting_address};

/// `flightdeck run … -- sh -c script`.
pub(super) fn wrapped(folder: &Path, server: &Server, flags: &[&str], script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command
        .args(["run", "--name", "robot", "--url", &format!("http://{}", server.address)])
        .args(flags)
        .args(["--", "sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("FLIGHTDECK_API_KEY", server.admin_key())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(super) fn ran(folder: &Path, server: &Server, flags: &[&str], script: &str) -> Output {
    wrapped(folder, server, flags, script).output().expect("it runs")
}

/// A wrapped command that has said its first line, and that line.
pub(super) fn begun(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = command.spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    (child, output, line.trim().to_owned())
}

pub(super) fn only(admin: &Client) -> Value {
    let agents = admin.get("/agents").1;
    assert_eq!(agents.as_array().map(Vec::len), Some(1), "{agents}");
    agents[0].clone()
}

pub(super) fn id(agent: &Value) -> String {
    agent["agentId"].as_str().expect("an id").to_owned()
}

/// What was said, as `role: content`, without what tells of a status.
pub(super) fn said(admin: &Client, agent: &str) -> Vec<String> {
    let messages = admin.get(&format!("/agents/{agent}/messages?limit=1000")).1;
    let messages = messages["messages"].as_array().expect("messages").iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = messages.filter(|it| it["metadata"]["type"] != "status");
    told.map(|it| format!("{}: {}", word(&it["role"]), word(&it["content"]))).collect()
}

/// Asks until it is so. The server says when something moved: each question waits for the next event.
pub(super) fn until(admin: &Client, agent: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let now = admin.get(&format!("/agents/{agent}/status")).1;
        if wanted(&now) {
            return now;
        }
        std::thread::yield_now();
    }
}

#[test]
fn lines_are_messages_and_the_exit_ends_the_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let script = r#"echo one; echo '{"role":"tool","content":"two","usage":{"inputTokens":7}}'; echo; sleep 0.2; echo bad >&2; exit 3"#;
    let output = ran(folder.path(), &server, &["--task", "FD-9", "--mission", "apollo"], script);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("one\n{"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "bad\n");
    let agent = only(&admin);
    assert_eq!((&agent["status"], &agent["statusReason"]), (&json!("failed"), &json!("exit code 3")), "{agent}");
    let told = (&agent["agentType"], &agent["taskId"], &agent["missionId"]);
    assert_eq!(told, (&json!("robot"), &json!("FD-9"), &json!("apollo")));
    let mut said = said(&admin, &id(&agent));
    said.sort();
    assert_eq!(said, ["assistant: one", "system: bad", "tool: two"]);
    assert_eq!(admin.get("/missions/apollo").1["usage"]["inputTokens"], 7);
    assert_eq!(ran(folder.path(), &server, &[], "true").status.code(), Some(0));
    let agents = admin.get("/agents?status=completed").1;
    assert_eq!(agents.as_array().map(Vec::len), Some(1));
}

#[test]
fn a_message_is_written_to_its_input_and_consumed_when_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let (child, output, first) =
        begun(wrapped(folder.path(), &server, &[], "echo ready; read line; echo \"got $line\""));
    assert_eq!(first, "ready");
    let agent = id(&only(&admin));
    admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "hello there"}));
    assert_eq!(output.lines().next().expect("a line").expect("text"), "got hello there");
    assert!(child.wait_with_output().expect("it ends").status.success());
    let messages = admin.get(&format!("/agents/{agent}/messages?limit=100")).1;
    let operator = messages["messages"].as_array().expect("messages").iter().find(|it| it["role"] == "operator");
    assert_eq!(operator.expect("the message")["receipt"]["state"], "consumed");
}

#[test]
fn what_reads_nothing_refuses_a_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let (mut child, _output, _) = begun(wrapped(folder.path(), &server, &["--input", "none"], "echo ready; sleep 600"));
    let agent = id(&only(&admin));
    admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "hello"}));
    loop {
        let messages = admin.get(&format!("/agents/{agent}/messages?limit=100")).1;
        let operator =
            messages["messages"].as_array().expect("messages").iter().find(|it| it["role"] == "operator").cloned();
        let receipt = operator.expect("the message")["receipt"].clone();
        if receipt["state"] == "refused" {
            assert!(receipt["reason"].as_str().is_some_and(|why| why.contains("reads no messages")), "{receipt}");
            break;
        }
        std::thread::yield_now();
    }
    admin.post(&format!("/agents/{agent}/kill?wait=10s"), &json!({}));
    child.wait().expect("it ends");
}

#[test]
fn a_pause_stops_it_a_resume_lets_it_go_on_and_a_kill_ends_it_with_its_children() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let script = "(sleep 601 & echo $! > child; wait) & echo ready; while :; do echo x >> beats; sleep 0.02; done";
    let (child, _output, _) = begun(wrapped(folder.path(), &server, &[], script));
    let agent = id(&only(&admin));
    let (status, paused) = admin.post(&format!("/agents/{agent}/pause?wait=20s"), &json!({"reason": "a look"}));
    assert_eq!((status, &paused["status"]), (200, &json!("paused")), "{paused}");
    let beats = || std::fs::metadata(folder.path().join("beats")).map(|file| file.len()).unwrap_or_default();
    let stood = beats();
    let (_, resumed) = admin.post(&format!("/agents/{agent}/resume?wait=20s"), &json!({}));
    assert_eq!(resumed["status"], "running", "{resumed}");
    while beats() <= stood {
        std::thread::yield_now();
    }
    let (status, killed) = admin.post(&format!("/agents/{agent}/kill?wait=20s"), &json!({"reason": "enough"}));
    assert_eq!((status, &killed["status"]), (200, &json!("killed")), "{killed}");
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(128 + 15));
    let pid = std::fs::read_to_string(folder.path().join("child")).expect("a pid");
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists(), "its child is gone too");
}

#[test]
fn an_outage_does_not_end_it_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_on(&folder.path().join("data"), lasting_address());
    let script = "echo 0; i=1; while [ $i -le 300 ]; do echo $i; i=$((i+1)); [ $((i % 60)) -eq 0 ] && { echo >> at; while [ ! -e go$i ]; do sleep 0.02; done; }; done; exit 0";
    let (child, output, _) = begun(wrapped(folder.path(), &server, &[], script));
    let draining = std::thread::spawn(move || output.lines().count());
    for stop in [60, 120, 180, 240, 300] {
        let reached = || std::fs::metadata(folder.path().join("at")).map(|file| file.len()).unwrap_or_default();
        while reached() < stop / 60 {
            std::thread::yield_now();
        }
        server.kill_and_restart();
        std::fs::write(folder.path().join(format!("go{stop}")), "").expect("written");
    }
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert_eq!(draining.join().expect("read"), 300);
    let admin = server.admin();
    let agent = until(&admin, &id(&only(&admin)), |now| now["status"] == "completed");
    let wanted: Vec<String> = (0..=300).map(|n| format!("assistant: {n}")).collect();
    assert_eq!(said(&admin, &id(&agent)), wanted);
}

#[test]
fn a_command_runs_without_a_server_and_is_not_begun_behind_a_fence() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    admin.post("/agents/kill-all?wait=0s", &json!({}));
    let refused = ran(folder.path(), &server, &[], "echo ran > ran");
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("kill switch"),
        "{refused:?}"
    );
    assert!(!folder.path().join("ran").exists());
    let away = wrapped(folder.path(), &server, &["--linger", "0"], "echo here; exit 5");
    server.kill();
    let mut away = away;
    let output = away.output().expect("it runs");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), b"here\n".as_slice()), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("did not reach the server"), "{output:?}");
}
