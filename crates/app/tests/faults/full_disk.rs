//! A disk that is full: nothing is lost or left half done, what stops agents goes on, and all goes on when there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flightdeck_test_servers::{NoServer, trial_with};
use libtest_mimic::Trial;
use serde_json::json;
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
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "flightdeck-test"])
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

/// A server on a full disk, the agents that are to be stopped, and what was acknowledged before.
struct Full {
    server: Unheard,
    agents: Vec<String>,
    session: String,
    acknowledged: Vec<String>,
}

impl Full {
    fn new(disk: &SmallDisk, log: &Path) -> Self {
        let data_dir = disk.data_dir();
        let mut command = serve(&data_dir, &["--checkpoint-interval", "1s"]);
        let log = File::create(log).expect("a log");
        let server = Unheard::start(&data_dir, command.stdout(Stdio::null()).stderr(log));
        let client = &server.client;
        let agents: Vec<String> = (0..3).map(|_| busy(client)).collect();
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
        Self { server, agents, session, acknowledged }
    }

    /// Kills are kept, as many as come; a pause is refused, for it would not be made up for.
    fn stop_all(&self) {
        let client = &self.server.client;
        for n in 0..STOPS {
            let agent = &self.agents[n % self.agents.len()];
            let (status, kept) = client.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({"reason": "full"}));
            let kind = json!("urn:flightdeck:problem:store-unavailable-kill-kept");
            assert_eq!((status, &kept["type"]), (503, &kind), "kill {n}: {kept}");
        }
        let (status, refused) = client.post(&format!("/agents/{}/pause?wait=0s", self.session), &json!({}));
        assert_eq!((status, &refused["type"]), (503, &json!("urn:flightdeck:problem:store-unavailable")), "{refused}");
    }
}

/// Everything that was acknowledged is there, the agents are dead, each kill is on the log, and the log is good.
fn caught_up(client: &Client, agents: &[String], session: &str, acknowledged: &[String]) {
    for agent in agents {
        until("the agent is killed", || (status_of(client, agent) == "killed").then_some(()));
    }
    until("every kill is on the log", || {
        let kills = client.audit().iter().filter(|entry| entry["action"] == "kill").count();
        (kills == STOPS).then_some(())
    });
    until("it is ready", || (client.get("/health/ready").0 == 200).then_some(()));
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
    caught_up(&full.server.client, &full.agents, &full.session, &full.acknowledged);
    let status = full.server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}

fn ends_in_order(disk: &SmallDisk) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let full = Full::new(disk, &elsewhere.path().join("log"));
    full.stop_all();
    let Full { server, agents, session, acknowledged } = full;
    let status = server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    disk.make_room();
    let data_dir = disk.data_dir();
    let log = File::create(elsewhere.path().join("log")).expect("a log");
    let server = Unheard::start(&data_dir, serve(&data_dir, &[]).stdout(Stdio::null()).stderr(log));
    let client = &server.client;
    until("every kill is on the log", || {
        let kills = client.audit().iter().filter(|entry| entry["action"] == "kill").count();
        (kills == STOPS).then_some(())
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
