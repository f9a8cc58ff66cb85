//! Every worker of the server panics once: the server tells, and recovers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use flightdeck_test_servers::postgres::PostgresServer;
use flightdeck_test_servers::valkey::Private;
use flightdeck_test_servers::{NoServer, trial_with};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::sse::Stream;
use crate::world::{PATIENCE, Unheard, busy, serve, status_of, until};

pub(crate) fn trials(postgres: &Result<Arc<PostgresServer>, NoServer>) -> Vec<Trial> {
    // A release build has no such panics.
    let built =
        || if cfg!(debug_assertions) { Ok(()) } else { Err(NoServer("a release build injects no panics".into())) };
    let server = postgres.clone();
    let both = move || built().and(server).and_then(|server| Ok((server, Private::start()?)));
    vec![
        trial_with("each_worker_that_panics_is_told_of_and_comes_back", built, |()| each_once(None)),
        trial_with(
            "each_worker_on_postgresql_and_valkey_that_panics_is_told_of_and_comes_back",
            both,
            |(server, valkey)| {
                let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                let place = runtime.block_on(server.database()).expect("a database");
                each_once(Some((place.url(), &valkey.url())));
            },
        ),
        trial_with("a_worker_that_panics_too_often_ends_the_server", built, |()| too_often()),
    ]
}

/// A server that panics where a test wants it.
struct Brittle {
    server: Unheard,
    wanted: PathBuf,
    log: PathBuf,
    session: String,
    /// Open, so that what streams live by is at work.
    _streams: [Stream; 2],
    _folder: TempDir,
}

impl Brittle {
    /// On the embedded store, or on PostgreSQL and Valkey at these URLs.
    fn start(servers: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data_dir, wanted, log) =
            (folder.path().join("data"), folder.path().join("wanted"), folder.path().join("log"));
        fs::create_dir(&wanted).expect("made");
        fs::write(folder.path().join("flightdeck.toml"), "[agents.parrot]\ncommand = \"/bin/cat\"\n").expect("written");
        let mut command = serve(&data_dir, &["--checkpoint-interval", "1s"]);
        if let Some((database, valkey)) = servers {
            command.env("FLIGHTDECK_DATABASE_URL", database).env("FLIGHTDECK_VALKEY_URL", valkey);
        }
        command.env("FLIGHTDECK_TEST_PANIC", &wanted).stdout(Stdio::null()).stderr(File::create(&log).expect("made"));
        let server = Unheard::start(&data_dir, &mut command);
        let session = server.client.register(None);
        let open = |path: &str| server.client.stream(path, None).expect("a stream");
        let streams = [open(&format!("/agents/{session}/messages/stream")), open("/agents/events")];
        let brittle = Self { server, wanted, log, session, _streams: streams, _folder: folder };
        brittle.traffic();
        brittle
    }

    /// Something for every worker to do. What a panic breaks off is refused, and never hangs.
    fn traffic(&self) {
        let client = &self.server.client;
        let message = json!({"role": "assistant", "content": "hello"});
        client.post(&format!("/agents/{}/messages", self.session), &message);
        client.get(&format!("/agents/{}/messages", self.session));
        client.post("/agents/spawn", &json!({"taskId": "FD-2", "agentType": "parrot", "provider": "acp"}));
    }

    fn workers(&self) -> Option<BTreeMap<String, u64>> {
        let (status, answer) = self.server.client.get("/health/ready");
        assert!(matches!(status, 200 | 503), "{status} {answer}");
        let workers: Option<&serde_json::Map<String, Value>> = answer["workers"].as_object();
        let count = |(name, count): (&String, &Value)| (name.clone(), count.as_u64().expect("a count"));
        (status == 200).then(|| workers.expect("workers").iter().map(count).collect())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }
}

/// Has the worker of this name panic once. The file is there whole or not at all.
fn want(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name.replace(' ', "-"));
    fs::write(&path, "").expect("written");
    path
}

fn each_once(servers: Option<(&str, &str)>) {
    let brittle = Brittle::start(servers);
    let client = &brittle.server.client;
    let names: Vec<String> = until("it is ready", || brittle.workers()).into_keys().collect();
    let store: &[&str] = match servers {
        Some(_) => &["store appends", "command offers", "valkey link"],
        None => &["store writer", "store reader"],
    };
    for expected in ["housekeeping", "lease sweep", "tail", "patrol of tails", "launcher"].iter().chain(store) {
        assert!(names.iter().any(|name| name == expected), "{expected} is no worker: {names:?}");
    }
    for name in names {
        let agent = busy(client);
        let before = until("it is ready", || brittle.workers())[&name];
        let path = want(&brittle.wanted, &name);
        until(&format!("{name} panics"), || {
            if path.exists() {
                brittle.traffic();
            }
            (!path.exists()).then_some(())
        });
        until(&format!("the panic of {name} is counted, and all is well"), || {
            brittle.workers().filter(|workers| workers[&name] > before)
        });
        let told = format!("a test wants {name} to panic");
        let log = brittle.log();
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(&told)), "{name} is not in the log");
        // Whatever comes afterwards is done.
        client.append(&brittle.session, &[format!("after {name}")]);
        if name == "scripted agent" {
            let seen = until("the agent's session ends", || {
                let (_, session) = client.get(&format!("/agents/{agent}/status"));
                (session["status"] == "failed").then_some(session)
            });
            assert!(seen["statusReason"].as_str().is_some_and(|why| why.contains("panicked")), "{seen}");
            continue;
        }
        let (status, killed) = client.post(&format!("/agents/{agent}/kill?wait=20s"), &json!({}));
        assert_eq!((status, &killed["observed"]), (200, &json!(true)), "after {name}: {killed}");
        assert_eq!(status_of(client, &agent), "killed");
    }
    let status = brittle.server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}

fn too_often() {
    let mut brittle = Brittle::start(None);
    let began = std::time::Instant::now();
    let status = loop {
        if let Some(status) = brittle.server.ended() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on: {}", brittle.log());
        want(&brittle.wanted, "housekeeping");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let log = brittle.log();
    assert_eq!(status.code(), Some(70), "{log}");
    assert!(log.contains("panicked too often, so the server ends: housekeeping"), "{log}");
}
