//! Servers of one deployment, and the Valkey between them.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flightdeck_test_servers::trial_with;
use flightdeck_test_servers::valkey::{Private, Shared};
use libtest_mimic::{Arguments, Trial};
use serde_json::json;
use support::http::Client;
use support::process::{Server, flightdeck};
use support::sse::Stream;
use tempfile::TempDir;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let shared = Arc::new(Shared::default());
    let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
    let tests = vec![
        trial_with("what_moves_on_one_replica_is_seen_on_the_other", move || one.url(), |url| hints_arrive(&url)),
        trial_with(
            "control_is_throttled_on_all_replicas_together",
            move || other.url(),
            |url| control_is_counted_together(&url),
        ),
        trial_with("without_valkey_each_replica_goes_on_throttling", Private::start, control_is_counted_alone),
        Trial::test("a_server_starts_without_its_valkey_and_tells_it_once", || {
            starts_without_valkey();
            Ok(())
        }),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// A folder with the data of a deployment: an admin key and one session.
struct Deployment {
    folder: TempDir,
    session: String,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::start(&folder.path().join("data"));
        let session = server.admin().register(None);
        let (status, _) = server.terminate();
        assert!(status.success(), "{status}");
        Self { folder, session }
    }

    /// The embedded store has one server. Each replica gets a copy of it: the same keys and sessions, so that whatever one
    /// knows of the other came over Valkey.
    fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (self.folder.path().join("data"), self.folder.path().join(name));
        fs::create_dir(&to).expect("a new folder");
        for file in fs::read_dir(from).expect("the data") {
            let file = file.expect("a file");
            // What is in folders belongs to agents that the server has run.
            if !file.file_type().expect("told").is_file() {
                continue;
            }
            fs::copy(file.path(), to.join(file.file_name())).expect("copied");
        }
        to
    }

    fn replica(&self, name: &str, valkey: &str, prefix: &str, throttle: &str) -> Server {
        let data_dir = self.copy(name);
        let arguments = ["--listen", "127.0.0.1:0", "--throttle-control", throttle, "--log", "warn"];
        let mut command = flightdeck(&data_dir, &arguments);
        command.env("FLIGHTDECK_VALKEY_URL", valkey).env("FLIGHTDECK_VALKEY_PREFIX", prefix);
        Server::start_command(&data_dir, &mut command)
    }
}

fn prefix() -> String {
    format!("flightdeck-test:{}:", uuid::Uuid::from_u128(support::random::Random::fresh_seed().into()))
}

/// Control calls on a session until one is refused; how many were not.
fn granted(client: &Client, session: &str, at_most: usize) -> usize {
    let call = || client.post(&format!("/agents/{session}/inject"), &json!({"message": "hi"})).0;
    (0..at_most)
        .take_while(|_| match call() {
            200 => true,
            429 => false,
            other => panic!("{other}"),
        })
        .count()
}

/// Moves a session on one replica until the other tells that it did. Only a hint can tell it.
fn wait_for_a_hint(from: &Server, to: &Server, session: &str) {
    let mut feed = Stream::open(to.address, &to.admin_key(), "/agents/events?type=activity", None).expect("answers");
    assert_eq!(feed.status, 200);
    let (client, session) = (from.admin(), session.to_owned());
    let (seen, moving) = (AtomicBool::new(false), session.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !seen.load(Ordering::Relaxed) {
                client.append(&moving, &["a word".to_owned()]);
            }
        });
        let event = feed.next();
        // Before anything is asserted: else the other thread would go on for ever.
        seen.store(true, Ordering::Relaxed);
        let event = event.expect("the stream is whole").expect("the stream goes on");
        assert_eq!(event.name, "activity");
        assert!(event.data.contains(&session), "{}", event.data);
    });
}

fn hints_arrive(valkey: &str) {
    let (deployment, prefix) = (Deployment::new(), prefix());
    let (a, b) = (deployment.replica("a", valkey, &prefix, "off"), deployment.replica("b", valkey, &prefix, "off"));
    assert!(a.banner.contains("valkey"), "{}", a.banner);
    wait_for_a_hint(&a, &b, &deployment.session);
    wait_for_a_hint(&b, &a, &deployment.session);
}

fn control_is_counted_together(valkey: &str) {
    let (deployment, prefix) = (Deployment::new(), prefix());
    let (a, b) = (deployment.replica("a", valkey, &prefix, "4/h"), deployment.replica("b", valkey, &prefix, "4/h"));
    // Both are connected when both are heard.
    wait_for_a_hint(&a, &b, &deployment.session);
    wait_for_a_hint(&b, &a, &deployment.session);
    assert_eq!(granted(&a.admin(), &deployment.session, 5), 4);
    // On its own it would grant four. None at all on a machine that is quick; an answer of Valkey may come too late, though,
    // and then it counts for itself.
    let more = granted(&b.admin(), &deployment.session, 4);
    assert!(more < 4, "{more}");
}

fn control_is_counted_alone(mut valkey: Private) {
    let deployment = Deployment::new();
    let server = deployment.replica("a", &valkey.url(), "flightdeck:", "2/h");
    let admin = server.admin();
    assert_eq!(granted(&admin, &deployment.session, 1), 1);
    valkey.stop();
    assert_eq!(granted(&admin, &deployment.session, 5), 1, "what was granted before counts");
}

fn starts_without_valkey() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    // Whoever connects is turned away.
    let door = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://:hush@{}", door.local_addr().expect("its address"));
    let log = folder.path().join("log");
    let arguments = ["--listen", "127.0.0.1:0", "--log", "warn", "--valkey-url", &url, "--throttle-control", "3/h"];
    let mut command = flightdeck(&data_dir, &arguments);
    let server = Server::start_command(&data_dir, command.stderr(fs::File::create(&log).expect("a file")));
    // It comes again and again.
    for _ in 0..4 {
        drop(door.accept().expect("it comes"));
    }
    let session = server.admin().register(None);
    assert_eq!(granted(&server.admin(), &session, 5), 3, "counted here");
    server.terminate();
    let told = read(&log);
    assert_eq!(told.matches("Valkey is away").count(), 1, "{told}");
    assert!(!told.contains("hush"), "{told}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a text")
}
