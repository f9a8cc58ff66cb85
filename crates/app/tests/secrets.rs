//! Credentials where there is most to leak: two replicas on PostgreSQL and a runner, with agents that tell their
//! credentials in every way that they have. Nothing that is stored, logged or answered has one.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "secrets/canaries.rs"]
mod canaries;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::{NoServer, trial_with};
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use support::cable::Cable;
use support::patience::until;
use support::process::{Server, flightdeck, run, told};
use support::runner::{self, Runner, missing_python};
use tokio::runtime::Runtime;

use crate::canaries::{Answers, OTHER, TOKEN, assert_none_in};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let find = || -> Result<(PostgresServer, Place), NoServer> {
        missing_python()?;
        let server = PostgresServer::find()?;
        let place = runtime().block_on(server.database())?;
        Ok((server, place))
    };
    let test = trial_with("nothing_of_a_credential_is_kept_or_told", find, |(server, place)| {
        let outcome = std::panic::catch_unwind(|| nothing_is_kept_or_told(&place));
        server.stop();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
    libtest_mimic::run(&arguments, vec![test]).exit_code()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Two replicas, a runner behind a cable, and everything that was ever answered.
struct Deck {
    folder: tempfile::TempDir,
    database: String,
    replicas: Vec<Server>,
    cable: Cable,
    runner: Runner,
    answers: Answers,
}

impl Deck {
    fn new(place: &Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let work = folder.path().join("work");
        fs::create_dir(&work).expect("made");
        fs::write(work.join("talker.py"), include_str!("secrets/talker.py")).expect("written");
        // What agents change in it is kept.
        assert!(run(Command::new("git").args(["init", "-q"]).arg(&work)).status.success());
        let database = place.url().to_owned();
        let replicas: Vec<Server> = ["one", "two"].map(|name| start(folder.path(), name, &database)).into();
        let key = runner::key(&folder.path().join("one"), &variables(folder.path(), &database));
        let cable = Cable::to(replicas[0].address);
        let mut runner =
            Runner::new("far", cable.address, &key, folder.path(), &["--label", "far", "--capacity", "30"]);
        runner.is_loud();
        runner.start();
        Self { folder, database, replicas, cable, runner, answers: Answers::default() }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn ask(&mut self, replica: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (address, key) = (self.replicas[replica].address, self.replicas[0].admin_key());
        self.answers.ask(address, &key, method, path, body)
    }

    fn good(&mut self, replica: usize, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(replica, method, path, body);
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    fn command(&mut self, words: &[&str]) -> Output {
        let mut command = flightdeck(&self.folder.path().join("one"), words);
        let url = format!("http://{}", self.replicas[0].address);
        command.envs(variables(self.folder.path(), &self.database));
        command.env("FLIGHTDECK_URL", url).env("FLIGHTDECK_API_KEY", self.replicas[0].admin_key());
        let output = run(&mut command);
        self.answers.keep(&output);
        output
    }

    /// Spawns a talker by one replica, and gives its session and what it has noted.
    fn spawn(&mut self, replica: usize, provider: &str, prompt: &str) -> String {
        let body = json!({"taskId": "T", "agentType": "talker", "provider": provider, "prompt": prompt});
        let spawned = self.good(replica, "POST", "/agents/spawn", &body);
        spawned["agentId"].as_str().expect("an id").to_owned()
    }

    fn note(&self, file: &str) -> String {
        let path = self.work().join(file);
        until(&format!("{file} is noted: {}", self.runner.log()), || {
            fs::read_to_string(&path).ok().filter(|text| text.ends_with(OTHER))
        })
    }

    /// Waits for the permission request of a session, decides it, and waits until the agent's turn has ended.
    fn decide(&mut self, replica: usize, id: &str) {
        let client = self.replicas[replica].client(&self.replicas[0].admin_key());
        let asked = until("it asks", || {
            let open = client.get(&format!("/approvals?status=open&agentId={id}")).1;
            open["approvals"].as_array()?.iter().find(|it| it["agentId"] == id)?["id"].as_str().map(str::to_owned)
        });
        self.good(replica, "GET", &format!("/agents/{id}/approvals/{asked}"), &Value::Null);
        self.good(replica, "POST", &format!("/approvals/{asked}/decide"), &json!({"option": "allow_once"}));
        self.is(id, "idle");
    }

    fn is(&self, id: &str, status: &str) {
        let client = self.replicas[0].admin();
        until(&format!("{id} is {status}"), || {
            let session = client.get(&format!("/agents/{id}/status")).1;
            (session["status"] == status).then_some(())
        });
    }
}

fn variables(folder: &Path, database: &str) -> Vec<(&'static str, String)> {
    vec![
        ("FLIGHTDECK_DATABASE_URL", database.to_owned()),
        ("FLIGHTDECK_DATABASE_CONNECTIONS", "8".to_owned()),
        ("FLIGHTDECK_SECRETS_KEY_FILE", folder.join("shared.key").display().to_string()),
        ("PATH", std::env::var("PATH").unwrap_or_default()),
    ]
}

fn start(folder: &Path, name: &str, database: &str) -> Server {
    let data_dir = folder.join(name);
    if name != "one" {
        fs::create_dir(&data_dir).expect("made");
        for file in ["audit-signing.key", "audit-signing.pub"] {
            fs::copy(folder.join("one").join(file), data_dir.join(file)).expect("copied");
        }
    }
    let log = fs::File::create(folder.join(format!("{name}.log"))).expect("a log");
    let words = ["--listen", "127.0.0.1:0", "--throttle-control", "off", "--throttle-tree", "off", "--log", "debug"];
    let mut command: Command = flightdeck(&data_dir, &words);
    Server::start_command(&data_dir, command.envs(variables(folder, database)).stderr(log))
}

fn nothing_is_kept_or_told(place: &Place) {
    let mut deck = Deck::new(place);
    let settings = json!({"command": "python3", "args": ["talker.py"], "cwd": deck.work(),
        "env": {"PATH": std::env::var("PATH").unwrap_or_default()}});
    let credentials = json!({"TOKEN": TOKEN, "OTHER": OTHER});
    let inner = json!({"offer": "acp", "settings": settings});
    for (name, kind, settings, labels) in [
        ("near", "acp", &settings, json!([])),
        ("labelled", "acp", &settings, json!(["far"])),
        ("given", "runner", &inner, json!([])),
    ] {
        let body =
            json!({"name": name, "kind": kind, "settings": settings, "credentials": credentials, "labels": labels});
        deck.good(0, "POST", "/providers", &body);
        // What is wrong is not repeated.
        for wrong in [
            json!({"name": name, "kind": kind, "settings": settings, "credentials": credentials}),
            json!({"name": "x", "kind": kind, "settings": settings, "credentials": {"TOKEN": [TOKEN]}}),
            json!({"name": "x", "kind": "none", "settings": settings, "credentials": credentials}),
            json!({"name": "x", "kind": kind, "settings": 7, "credentials": credentials}),
            json!({"name": "x", "kind": kind, "settings": settings, "credentials": format!("{TOKEN}{OTHER}")}),
        ] {
            let (status, told) = deck.ask(1, "POST", "/providers", &wrong);
            assert!(status == 400 || status == 409, "{status} {told}");
        }
    }
    let (status, trial) = deck.ask(1, "POST", "/providers/near/test", &json!({}));
    assert_eq!((status, &trial["agent"]), (200, &json!("talker [credential TOKEN] 1")), "{trial}");

    let mut sessions = deck.agents_tell_their_credentials();
    deck.keys_are_changed(&mut sessions);
    sessions.push(deck.server_goes_away());

    let ids: Vec<&str> = sessions.iter().map(String::as_str).collect();
    for words in [
        &["providers", "show", "labelled"][..],
        &["providers", "list"],
        &["providers", "test", "near"],
        &["doctor", "--json"],
        &["doctor"],
        &["audit", "list"],
        &["audit", "export"],
        &["secrets", "show"],
        &["runners"],
        &["transcript", ids[0]],
        &["changes", ids[0]],
        &["changes", ids[0], "near"],
        &["tree"],
    ] {
        deck.command(words);
    }
    let doctor = deck.command(&["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    let check = report["checks"].as_array().expect("checks").iter().find(|it| it["name"] == "credentials");
    assert_eq!(check.expect("looked at")["found"], "all 6 can be opened");
    deck.look_at_everything(&ids);

    deck.answers.assert_none();
    assert_none_in(deck.folder.path(), &[&deck.work()]);
    runtime().block_on(canaries::assert_none_in_database(place));

    // Without the key, or with another one, the doctor says which of both it is.
    let key = deck.folder.path().join("shared.key");
    fs::rename(&key, deck.folder.path().join("kept.key")).expect("moved");
    let lost = told(&deck.command(&["doctor"])).0;
    assert!(lost.contains("6 of ") && lost.contains("are sealed, and the secrets key is not there"), "{lost}");
    fs::write(&key, "1".repeat(64)).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&key, mode).expect("set");
    let other = told(&deck.command(&["doctor"])).0;
    assert!(other.contains("need key ") && other.contains("another one"), "{other}");
}

impl Deck {
    /// Every agent has its credentials and tells them, wherever it runs.
    fn agents_tell_their_credentials(&mut self) -> Vec<String> {
        let mut sessions = Vec::new();
        for (replica, provider) in [(0, "near"), (1, "labelled"), (0, "given")] {
            let id = self.spawn(replica, provider, provider);
            assert!(self.note(provider).contains(TOKEN));
            self.decide(1 - replica, &id);
            let conversation = self.replicas[1].client(&self.replicas[0].admin_key()).conversation(&id).0;
            let line = "My key is [credential TOKEN], the other [credential OTHER].";
            assert!(conversation.iter().any(|message| message["content"] == line), "{provider}: {conversation:#?}");
            sessions.push(id);
        }
        let changed = self.good(0, "GET", &format!("/agents/{}/changes?path=near", sessions[0]), &Value::Null);
        let line = changed["hunks"][0]["lines"][0]["text"].as_str().unwrap_or_default();
        assert!(line.ends_with(" [credential TOKEN] [credential OTHER]"), "{changed}");
        for (provider, prompt) in [("near", "fail"), ("labelled", "fail"), ("labelled", "refuse"), ("near", "refuse")] {
            let id = self.spawn(0, provider, prompt);
            self.is(&id, if prompt == "fail" { "failed" } else { "idle" });
            let session = self.good(1, "GET", &format!("/agents/{id}/status"), &Value::Null);
            let reason = session["statusReason"].as_str().unwrap_or_default();
            assert!(prompt == "refuse" || reason.contains("[credential TOKEN]"), "{provider} {prompt}: {session}");
            sessions.push(id);
        }
        sessions
    }

    /// The keys are changed while agents are at work.
    fn keys_are_changed(&mut self, sessions: &mut Vec<String>) {
        let before: Vec<String> = ["near", "labelled", "given"].map(|note| self.note(note)).into();
        let rotated = self.command(&["secrets", "rotate", "--json"]);
        assert!(rotated.status.success(), "{:?}", told(&rotated));
        for (id, file, before) in [(0, "again-near", &before[0]), (1, "again-labelled", &before[1])] {
            let path = format!("/agents/{}/inject", sessions[id]);
            self.good(1 - id, "POST", &path, &json!({"message": file}));
            assert_eq!(&self.note(file), before, "the same process, with the same credentials");
            self.decide(id, &sessions[id].clone());
        }
        let retired = self.command(&["secrets", "retire", "--json"]);
        assert!(retired.status.success(), "{:?}", told(&retired));
        for (replica, provider) in [(1, "near"), (0, "labelled"), (1, "given")] {
            let file = format!("rotated-{provider}");
            let id = self.spawn(replica, provider, &file);
            assert!(self.note(&file).contains(TOKEN), "both replicas open what was sealed anew");
            self.decide(replica, &id);
            sessions.push(id);
        }
    }

    /// What an agent says while the server is away is in the outbox when the runner is killed.
    fn server_goes_away(&mut self) -> String {
        let id = self.spawn(0, "labelled", "away");
        self.note("away");
        self.decide(1, &id);
        self.cable.cut();
        self.good(0, "POST", &format!("/agents/{id}/kill?wait=0s"), &json!({}));
        self.cable.mend();
        self.is(&id, "killed");
        let id = self.spawn(0, "labelled", "cut");
        self.decide(1, &id);
        self.good(0, "POST", &format!("/agents/{id}/inject"), &json!({"message": "cut-again"}));
        self.note("cut-again");
        self.cable.cut();
        std::thread::sleep(Duration::from_millis(300));
        self.runner.kill();
        id
    }

    /// Asks every question that the API knows of.
    fn look_at_everything(&mut self, sessions: &[&str]) {
        let openapi = self.good(0, "GET", "/openapi.json", &Value::Null);
        let paths = openapi["paths"].as_object().expect("paths").clone();
        let mut asked = 0;
        for (path, verbs) in &paths {
            if verbs.get("get").is_none() || path.contains("stream") || path.ends_with("/events") {
                continue;
            }
            let ids = if path.contains("{agentId}") || path.contains("{id}") { sessions } else { &sessions[..1] };
            for id in ids {
                let filled = path.replace("{name}", "labelled").replace("{agentId}", id).replace("{id}", id);
                if !filled.contains('{') {
                    self.ask(asked % 2, "GET", &filled, &Value::Null);
                    asked += 1;
                }
            }
        }
        assert!(asked > 40, "{asked}");
        for path in ["/", "/audit?limit=1000", "/usage", "/runners/far", "/metrics"] {
            self.ask(1, "GET", path, &Value::Null);
        }
        for id in sessions {
            self.ask(1, "GET", &format!("/agents/{id}/messages?limit=1000"), &Value::Null);
        }
    }
}
