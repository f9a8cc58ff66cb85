//! What the tests of faults share: servers of which nothing is read, agents to be stopped.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::Client;
pub(crate) use crate::support::patience::{PATIENCE, until};
use crate::support::process::flightdeck;

/// `flightdeck serve` on a port that the system chooses, without throttles.
pub(crate) fn serve(data_dir: &Path, settings: &[&str]) -> Command {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--throttle-control", "off", "--throttle-tree", "off"];
    flightdeck(data_dir, &[&arguments, settings].concat())
}

/// A server that is found by what it leaves in its folder, not by what it prints; killed when dropped.
pub(crate) struct Unheard {
    child: Child,
    pub(crate) client: Client,
}

impl Unheard {
    /// Starts one and waits until it answers.
    pub(crate) fn start(data_dir: &Path, command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).spawn().expect("it starts");
        let began = Instant::now();
        let address = loop {
            assert!(began.elapsed() < PATIENCE, "it never listened");
            assert_eq!(child.try_wait().expect("its state"), None, "it ended");
            let text = std::fs::read_to_string(data_dir.join("server.url")).unwrap_or_default();
            if let Some(address) = text.trim().strip_prefix("http://").filter(|_| text.ends_with('\n')) {
                break address.parse().expect("an address");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let key = std::fs::read_to_string(data_dir.join("admin.key")).expect("the first key");
        let client = Client::new(address, key.trim());
        Self { child, client }
    }

    /// Asks it to stop, and tells how it ended.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.expect("a shell").success(), "SIGTERM could not be sent");
        self.child.wait().expect("it ends")
    }

    /// How it ended by itself; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("its state")
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An agent inside the server that works until it is stopped.
pub(crate) fn busy(client: &Client) -> String {
    let script = json!([{"say": "working"}, {"wait": {"ms": 600_000}}]);
    let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": script}});
    let (status, spawned) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    let agent = spawned["agentId"].as_str().expect("an id").to_owned();
    until("the agent works", || (status_of(client, &agent) == "running").then_some(()));
    agent
}

pub(crate) fn status_of(client: &Client, agent: &str) -> String {
    client.get(&format!("/agents/{agent}/status")).1["status"].as_str().expect("a status").to_owned()
}
