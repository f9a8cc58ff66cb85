//! A disk that is full: nothing is lost or left half done, what stops agents goes on, and all goes on when there is room.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use flightdeck_test_servers::{NoServer, trial_with};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::Client;
use crate::world::{Unheard, busy, serve, status_of, until};

/// More calls than one second's worth; how many there can be is held by a test of the spool.
const STOPS: usize = 40;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("on_a_full_disk_stops_go_on_and_all_goes_on_when_there_is_room", SmallDisk::mount, |disk| {
            room_comes_back(&disk);
        }),
        trial_with("on_a_full_disk_as_many_stops_are_kept_as_promised", SmallDisk::mount, |disk| {
            as_many_as_promised(&disk);
        }),
        trial_with("a_server_on_a_full_disk_ends_in_order_and_the_next_one_catches_up", SmallDisk::mount, |disk| {
            ends_in_order(&disk);
        }),
    ]
}

/// A file system of its own with little room.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self, NoServer> {
        let folder = tempfile::tempdir().expect("a folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,mode=0700", "flightdeck-test"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self { folder }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(NoServer(format!("no small disk can be mounted, which takes root: {why}")))
            }
            Err(error) => Err(NoServer(format!("there is no mount: {error}"))),
        }
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file = File::create(self.filler()).expect("made");
        while file.write_all(&[b'x'; 4_096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that was killed may still be on its way out.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// Appends until the disk is full for the database too, and gives what was acknowledged.
fn until_full(client: &Client, session: &str) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0..10_000 {
        let text = format!("message {n} {}", "x".repeat(2_000));
        let (status, answer) =
            client.post(&format!("/agents/{session}/messages"), &json!({"role": "assistant", "content": text}));
        match status {
            201 => acknowledged.push(text),
            503 => return acknowledged,
            other => panic!("{other} {answer}"),
        }
    }
    panic!("the disk is never full");
}

/// An agent whose program never says a word, ignores a request to end, and has a new child ten times a second.
const SILENT: &str = r#"
[agents.silent]
command = "/bin/sh"
args = ["-c", "trap '' TERM; while :; do sleep 0.1; done"]
start_seconds = 3600
"#;

/// The pids of the programs that an agent consists of, its supervisor left out.
fn programs(agent: &str) -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").expect("listed").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mark = format!("#{agent}");
    let belongs = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let marked =
            |variable: &[u8]| variable.starts_with(b"FLIGHTDECK_PROCESS=") && variable.ends_with(mark.as_bytes());
        environment.split(|byte| *byte == 0).any(marked)
            && arguments.split(|byte| *byte == 0).nth(1) != Some(b"__supervise")
    };
    pids.filter(belongs).collect()
}

/// Whether nothing moves: in this time, one that goes on has had several new children.
fn stands_still(agent: &str) -> bool {
    let before = programs(agent);
    std::thread::sleep(Duration::from_millis(600));
    before.len() == 2 && before == programs(agent)
}

/// A program of its own on this machine, seen by the kernel, not by what the server says of it.
fn program(client: &Client) -> String {
    let (status, spawned) = client.post("/agents/spawn", &json!({"taskId": "FD-1", "agentType": "silent"}));
    assert_eq!(status, 201, "{spawned}");
    let agent = spawned["agentId"].as_str().expect("an id").to_owned();
    // The shell, and what it waits for.
    until("the program runs", || (programs(&agent).len() == 2).then_some(()));
    agent
}

/// A server on a full disk, the agents that are to be stopped, and what was acknowledged before.
struct Full {
    server: Unheard,
    agents: Vec<String>,
    /// Those with a program: to be killed, to be paused, and one that goes on until all are killed.
    killed: String,
    paused: String,
    third: String,
    session: String,
    acknowledged: Vec<String>,
}

impl Full {
    fn new(disk: &SmallDisk, log: &Path) -> Self {
        let data_dir = disk.data_dir();
        fs::write(disk.folder.path().join("flightdeck.toml"), SILENT).expect("written");
        let mut command = serve(&data_dir, &["--checkpoint-interval", "1s", "--throttle-stop", "off"]);
        let log = File::create(log).expect("a log");
        let server = Unheard::start(&data_dir, command.stdout(Stdio::null()).stderr(log));
        let client = &server.client;
        let agents: Vec<String> = (0..3).map(|_| busy(client)).collect();
        let (killed, paused, third) = (program(client), program(client), program(client));
        let session = client.register(None);
        assert_eq!(client.get("/health/ready").0, 200);
        disk.fill();
        let acknowledged = until_full(client, &session);
        let why = until("it is not ready", || {
            let (status, answer) = client.get("/health/ready");
            (status == 503).then_some(answer)
        });
        assert_eq!(why["detail"], "the database cannot be written: the disk is full", "{why}");
        assert_eq!(client.get("/health/live").0, 200);
        Self { server, agents, killed, paused, third, session, acknowledged }
    }

    fn stop(&self, agent: &str, what: &str) -> Value {
        let (status, kept) =
            self.server.client.post(&format!("/agents/{agent}/{what}?wait=0s"), &json!({"reason": "full"}));
        assert_eq!((status, &kept["auditSpooled"]), (202, &json!(true)), "{what}: {kept}");
        kept
    }

    /// Kills and pauses are taken, as many as come, and have their effect while the disk is full. What would undo them is
    /// not: it would come before them.
    fn stop_all(&self) {
        let client = &self.server.client;
        for n in 0..STOPS {
            self.stop(&self.agents[n % self.agents.len()], "kill");
        }
        let answer = self.stop(&self.killed, "kill");
        assert_eq!((&answer["desiredStatus"], &answer["observed"]), (&json!("killed"), &json!(false)), "{answer}");
        until("the program is dead", || programs(&self.killed).is_empty().then_some(()));
        let answer = self.stop(&self.paused, "pause");
        assert_eq!(answer["desiredStatus"], "paused", "{answer}");
        until("the program stands still", || stands_still(&self.paused).then_some(()));
        assert!(!stands_still(&self.third), "nobody asked this one to stop");
        self.stop(&self.session, "pause");
        // An agent elsewhere that asks finds out, though nothing can be written.
        let (status, commands) = client.get(&format!("/agents/{}/commands", self.session));
        assert_eq!((status, &commands["control"]["desiredStatus"]), (200, &json!("paused")), "{commands}");
        let (status, refused) = client.post(&format!("/agents/{}/resume?wait=0s", self.paused), &json!({}));
        assert_eq!((status, &refused["type"]), (503, &json!("urn:flightdeck:problem:store-unavailable")), "{refused}");
    }

    fn kill_all(&self) {
        let (status, answer) = self.server.client.post("/agents/kill-all", &json!({}));
        assert_eq!((status, &answer["auditSpooled"]), (202, &json!(true)), "{answer}");
        assert!(answer["total"].as_u64() >= Some(5), "{answer}");
        for agent in [&self.paused, &self.third] {
            until("the program is dead", || programs(agent).is_empty().then_some(()));
        }
    }
}

/// How often an action stands on the log. A second kill of an agent that is dead by then is recorded as refused.
fn recorded(client: &Client, action: &str) -> usize {
    client.audit().iter().filter(|entry| entry["action"] == action).count()
}

/// Everything that was acknowledged is there, the agents are dead, each stop is on the log, and the log is good.
fn caught_up(client: &Client, full: &Full) {
    let Full { agents, killed, paused, session, acknowledged, .. } = full;
    for agent in agents.iter().chain([killed]) {
        until("the agent is killed", || (status_of(client, agent) == "killed").then_some(()));
    }
    until("every stop is on the log", || {
        ((recorded(client, "kill"), recorded(client, "pause")) == (STOPS + 1, 2)).then_some(())
    });
    let wished = client.get(&format!("/agents/{paused}/status")).1;
    assert_eq!(wished["desiredStatus"], "paused", "{wished}");
    until("it is ready", || (client.get("/health/ready").0 == 200).then_some(()));
    let (status, resumed) = client.post(&format!("/agents/{session}/resume?wait=0s"), &json!({}));
    assert_eq!(status, 200, "{resumed}");
    let (messages, _) = client.conversation(session);
    let texts: Vec<&str> = messages.iter().filter_map(|message| message["content"].as_str()).collect();
    for text in acknowledged {
        assert!(texts.contains(&text.as_str()), "lost: {}", &text[..20]);
    }
    client.append(session, &["there is room again".to_owned()]);
    assert_eq!(client.get("/audit/verify").1["valid"], true);
}

fn room_comes_back(disk: &SmallDisk) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let full = Full::new(disk, &elsewhere.path().join("log"));
    full.stop_all();
    disk.make_room();
    caught_up(&full.server.client, &full);
    let status = full.server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}

/// The promise for the longest reasons, and what comes after the last one.
fn as_many_as_promised(disk: &SmallDisk) {
    const PROMISED: usize = 700;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let log = elsewhere.path().join("log");
    let full = Full::new(disk, &log);
    let client = &full.server.client;
    // Each of the line ends takes two characters in the spool.
    let longest = format!("r{}r", "\n".repeat(1_998));
    let mut kept = 0;
    let refused = loop {
        let url = format!("/agents/{}/kill?wait=0s", full.session);
        let (status, answer) = client.post(&url, &json!({"reason": longest}));
        match status {
            202 => kept += 1,
            503 => break answer,
            other => panic!("{other} {answer}"),
        }
        assert!(kept < 10 * PROMISED, "the space has no end");
    };
    assert!(kept >= PROMISED, "{kept}");
    assert_eq!(refused["type"], "urn:flightdeck:problem:store-unavailable", "{refused}");
    let told = fs::read_to_string(&log).expect("the log");
    assert!(told.contains("the space reserved for stops is used up"), "the log says why");
    disk.make_room();
    until("every stop that was kept is on the log", || (recorded(client, "kill") == kept).then_some(()));
    assert_eq!(client.get("/audit/verify").1["valid"], true);
}

fn ends_in_order(disk: &SmallDisk) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let full = Full::new(disk, &elsewhere.path().join("log"));
    full.stop_all();
    full.kill_all();
    let Full { server, agents, session, acknowledged, .. } = full;
    let status = server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    disk.make_room();
    let data_dir = disk.data_dir();
    let log = File::create(elsewhere.path().join("log")).expect("a log");
    let server = Unheard::start(&data_dir, serve(&data_dir, &[]).stdout(Stdio::null()).stderr(log));
    let client = &server.client;
    until("every kill is on the log", || {
        ((recorded(client, "kill"), recorded(client, "kill_all")) == (STOPS + 1, 1)).then_some(())
    });
    for agent in &agents {
        let status = status_of(client, agent);
        assert!(matches!(status.as_str(), "failed" | "killed"), "{agent} is {status}");
    }
    let (messages, _) = client.conversation(&session);
    let texts: Vec<&str> = messages.iter().filter_map(|message| message["content"].as_str()).collect();
    assert!(acknowledged.iter().all(|text| texts.contains(&text.as_str())), "something acknowledged is lost");
    assert_eq!(client.get("/audit/verify").1["valid"], true);
}
