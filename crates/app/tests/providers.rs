//! Configurations of providers: over HTTP and the command line, with credentials that nobody can read back.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::{Duration, Instant};

use flightdeck_test_servers::trial_with;
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use support::process::{Server, flightdeck, run, told};
use support::runner::missing_python;

/// What must be found nowhere.
const CANARY: &str = "canary-Zx81-0123456789";
const OTHER: &str = "canary-Yw92-9876543210";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests: [(&str, fn()); 5] = [
        ("a_credential_reaches_the_agent_and_nothing_else", a_credential_reaches_the_agent_and_nothing_else),
        ("keys_are_changed_while_agents_are_at_work", keys_are_changed_while_agents_are_at_work),
        (
            "a_change_needs_the_revision_and_counts_for_the_next_agent",
            a_change_needs_the_revision_and_counts_for_the_next_agent,
        ),
        (
            "tables_of_the_file_are_configurations_that_nobody_can_change",
            tables_of_the_file_are_configurations_that_nobody_can_change,
        ),
        (
            "a_key_that_others_can_read_is_refused_and_an_absent_one_is_told",
            a_key_that_others_can_read_is_refused_and_an_absent_one_is_told,
        ),
    ];
    // The agents of these tests are programs in Python.
    let tests = tests.into_iter().map(|(name, test)| trial_with(name, missing_python, move |()| test()));
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}

/// A server, and everything that it has ever answered.
struct Deck {
    folder: tempfile::TempDir,
    server: Server,
    answers: Vec<String>,
}

impl Deck {
    fn new() -> Self {
        Self::with("")
    }

    fn with(table: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("agent.py"), include_str!("providers/agent.py")).expect("written");
        fs::write(folder.path().join("flightdeck.toml"), table).expect("written");
        let data_dir = folder.path().join("data");
        let server = Self::start(folder.path(), &data_dir);
        Self { folder, server, answers: Vec::new() }
    }

    fn start(folder: &Path, data_dir: &Path) -> Server {
        let log = fs::File::options().create(true).append(true).open(folder.join("log.txt")).expect("a log");
        let words = ["--listen", "127.0.0.1:0", "--throttle-control", "off", "--log", "debug"];
        let mut command = flightdeck(data_dir, &words);
        Server::start_command(data_dir, with_path(&mut command).stderr(log))
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn settings(&self) -> Value {
        json!({"command": "python3", "args": ["agent.py"], "cwd": self.folder.path()})
    }

    /// A request; the answer is kept.
    fn ask(&mut self, method: &str, path: &str, known: Option<&str>, body: &Value) -> (u16, Value, Option<String>) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let url = format!("http://{}{path}", self.server.address);
        let request =
            ureq::http::Request::builder().method(method).uri(url).header("X-API-Key", self.server.admin_key());
        let request = known.into_iter().fold(request, |request, tag| request.header("If-Match", tag));
        let response = if body.is_null() {
            agent.run(request.body(()).expect("a request"))
        } else {
            let request = request.header("Content-Type", "application/json");
            agent.run(request.body(body.to_string()).expect("a request"))
        };
        let mut response = response.expect("an answer");
        let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let head = format!("{:?}", response.headers());
        let text = response.body_mut().read_to_string().expect("a text");
        let status = response.status().as_u16();
        let value = serde_json::from_str(&text).unwrap_or_default();
        self.answers.extend([head, text]);
        (status, value, tag)
    }

    fn command(&mut self, words: &[&str]) -> Output {
        let mut command = flightdeck(&self.data_dir(), words);
        let url = format!("http://{}", self.server.address);
        command.env("FLIGHTDECK_URL", url).env("FLIGHTDECK_API_KEY", self.server.admin_key());
        let output = run(with_path(&mut command));
        let (out, err) = told(&output);
        self.answers.extend([out, err]);
        output
    }

    /// Spawns an agent that notes its token in this file, and gives the session and what was noted.
    fn noted(&mut self, agent_type: &str, file: &str) -> (String, String) {
        let body = json!({"taskId": "T", "agentType": agent_type, "prompt": file});
        let (status, spawned, _) = self.ask("POST", "/agents/spawn", None, &body);
        assert_eq!(status, 201, "{spawned}");
        (spawned["agentId"].as_str().expect("an id").to_owned(), self.note(file))
    }

    fn note(&self, file: &str) -> String {
        let path = self.folder.path().join(file);
        let began = Instant::now();
        loop {
            match fs::read_to_string(&path) {
                Ok(text) if !text.is_empty() => return text,
                _ if began.elapsed() > Duration::from_mins(1) => panic!("{file} was not written"),
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Everything that the server and the commands have written or answered.
    fn assert_no_canary(&self) {
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let forms: Vec<String> = [CANARY, OTHER].into_iter().flat_map(|text| [text.to_owned(), hex(text)]).collect();
        let has =
            |bytes: &[u8]| forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()));
        for answer in &self.answers {
            assert!(!has(answer.as_bytes()), "a canary in an answer: {answer}");
        }
        let mut folders = vec![self.data_dir(), self.folder.path().join("log.txt")];
        let mut seen = 0;
        while let Some(path) = folders.pop() {
            if path.is_dir() {
                folders.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            } else if let Ok(bytes) = fs::read(&path) {
                seen += 1;
                assert!(!has(&bytes), "a canary in {}", path.display());
            }
        }
        assert!(seen > 5, "the files were looked at");
    }
}

/// Agents need a PATH, and so do the tests' commands.
fn with_path(command: &mut Command) -> &mut Command {
    command.env("PATH", std::env::var("PATH").unwrap_or_default())
}

fn a_credential_reaches_the_agent_and_nothing_else() {
    let mut deck = Deck::new();
    let settings = deck.settings();
    let body = json!({"name": "noter", "kind": "acp", "settings": settings, "credentials": {"TOKEN": CANARY}});
    let (status, made, tag) = deck.ask("POST", "/providers", None, &body);
    assert_eq!((status, tag.as_deref()), (201, Some("\"1\"")), "{made}");
    assert_eq!((&made["credentials"], &made["source"]), (&json!(["TOKEN"]), &json!("stored")));

    // What is wrong is not repeated, wherever the credential stands.
    let wrong = [
        json!({"name": "x", "kind": "acp", "settings": settings, "credentials": CANARY}),
        json!({"name": "x", "kind": "acp", "settings": settings, "credentials": [CANARY]}),
        json!({"name": "x", "kind": "acp", "settings": settings, "credentials": {"TOKEN": [CANARY]}}),
        json!({"name": "x", "kind": "acp", "settings": settings, "credentials": {"TOKEN": format!("{CANARY}\0")}}),
        json!({"name": "x", "kind": "acp", "settings": {}, "credentials": {"TOKEN": CANARY}}),
        json!({"name": "x", "kind": "nothing", "settings": {}, "credentials": {"TOKEN": CANARY}}),
        json!({"name": "x", "kind": "scripted", "credentials": {"TOKEN": CANARY}}),
        json!({"name": "x", "kind": "acp", "settings": settings, "credential": {"TOKEN": CANARY}}),
    ];
    for body in wrong {
        let (status, told, _) = deck.ask("POST", "/providers", None, &body);
        assert_eq!(status, 400, "{told}");
        assert!(!told["errors"].as_array().expect("faults").is_empty(), "{told}");
    }

    let (session, noted) = deck.noted("noter", "one");
    assert!(noted.ends_with(CANARY), "the agent has it");
    let (_, shown, _) = deck.ask("GET", &format!("/agents/{session}/status"), None, &Value::Null);
    assert_eq!(shown["providerConfiguration"], json!({"name": "noter", "revision": 1}), "{shown}");
    assert_eq!(shown["provider"], "acp");

    let (status, trial, _) = deck.ask("POST", "/providers/noter/test", None, &json!({}));
    assert_eq!(status, 200, "{trial}");
    assert_eq!(trial, json!({"started": true, "agent": "noter 7", "offers": ["loadSession"]}));

    // The command line: out of a file, never out of its arguments.
    fs::write(deck.folder.path().join("token"), format!("{OTHER}\n")).expect("written");
    let file = format!("TOKEN=@{}", deck.folder.path().join("token").display());
    let set = deck.command(&["providers", "set", "noter", "--credential", &file, "--at-once", "2", "--json"]);
    assert!(set.status.success(), "{:?}", told(&set));
    let (_, noted) = deck.noted("noter", "two");
    assert!(noted.ends_with(OTHER), "the next agent has the new one");

    for words in [
        &["providers", "show", "noter"][..],
        &["providers", "list"],
        &["providers", "test", "noter"],
        &["doctor", "--json"],
        &["audit", "list"],
        &["secrets", "show"],
    ] {
        let output = deck.command(words);
        assert!(output.status.success() || words[0] == "doctor", "{words:?} {:?}", told(&output));
    }
    for path in [
        "/providers",
        "/providers/noter",
        "/audit",
        "/audit/export",
        "/metrics",
        "/",
        "/openapi.json",
        "/agents",
        "/agents/tree",
        "/providers/none",
        "/health/ready",
        &format!("/agents/{session}/messages"),
        &format!("/agents/{session}/log"),
    ] {
        deck.ask("GET", path, None, &Value::Null);
    }
    deck.assert_no_canary();
}

fn keys_are_changed_while_agents_are_at_work() {
    let mut deck = Deck::new();
    let settings = deck.settings();
    let body = json!({"kind": "acp", "settings": settings, "credentials": {"TOKEN": CANARY}});
    let (status, made, _) = deck.ask("PUT", "/providers/noter", None, &body);
    assert_eq!(status, 201, "{made}");
    let (session, before) = deck.noted("noter", "before");

    let rotated = deck.command(&["secrets", "rotate", "--json"]);
    assert!(rotated.status.success(), "{:?}", told(&rotated));
    let told_of: Value = serde_json::from_slice(&rotated.stdout).expect("JSON");
    assert_eq!((&told_of["sealed"], &told_of["left"]), (&json!(["noter"]), &json!([])));

    let (status, reply, _) =
        deck.ask("POST", &format!("/agents/{session}/inject"), None, &json!({"message": "during"}));
    assert_eq!(status, 200, "{reply}");
    assert_eq!(deck.note("during"), before, "the same process, with the same credential");
    let retired = deck.command(&["secrets", "retire", "--json"]);
    assert!(retired.status.success(), "{:?}", told(&retired));
    let (_, noted) = deck.noted("noter", "after");
    assert!(noted.ends_with(CANARY), "the running server opens it with the new key");
    let (_, shown, tag) = deck.ask("GET", "/providers/noter", None, &Value::Null);
    assert_eq!((tag.as_deref(), &shown["revision"]), (Some("\"1\""), &json!(1)), "a rotation is no change");

    // A copy takes the credentials along, sealed; with the key they open.
    let copied = deck.folder.path().join("copied");
    fs::create_dir(&copied).expect("made");
    let from = format!("sqlite://{}", deck.data_dir().join("flightdeck.db").display());
    let to = format!("sqlite://{}", copied.join("flightdeck.db").display());
    drop(std::mem::replace(&mut deck.server, Deck::start(deck.folder.path(), &deck.folder.path().join("other"))));
    let mut copy = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    let copy = run(copy.env_clear().args(["copy", "--from", &from, "--to", &to]));
    assert!(copy.status.success(), "{:?}", told(&copy));
    for file in ["secrets.key", "admin.key"] {
        fs::copy(deck.data_dir().join(file), copied.join(file)).expect("copied");
    }
    deck.server = Deck::start(deck.folder.path(), &copied);
    let (_, noted) = deck.noted("noter", "copied-note");
    assert!(noted.ends_with(CANARY));
    deck.assert_no_canary();
}

fn a_change_needs_the_revision_and_counts_for_the_next_agent() {
    let mut deck = Deck::new();
    let body = json!({"kind": "scripted", "settings": {"script": [{"idle": true}]}, "limits": {"atOnce": 1}});
    let (status, _, first) = deck.ask("PUT", "/providers/robot", None, &body);
    assert_eq!((status, first.as_deref()), (201, Some("\"1\"")));
    let (status, told, _) = deck.ask("PUT", "/providers/robot", None, &body);
    assert_eq!((status, told["type"].as_str()), (428, Some("urn:flightdeck:problem:if-match-required")), "{told}");
    let (status, told, _) = deck.ask("POST", "/providers", None, &json!({"name": "robot", "kind": "scripted"}));
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:flightdeck:problem:provider-exists")), "{told}");

    let spawn = json!({"taskId": "T", "agentType": "any", "provider": "robot"});
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 201, "{told}");
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 400, "{told}");
    assert!(told["detail"].as_str().expect("a text").contains("atOnce"), "{told}");

    let two =
        json!({"kind": "scripted", "settings": {"script": [{"idle": true}]}, "limits": {"atOnce": 2, "maxTokens": 99}});
    let (status, _, second) = deck.ask("PUT", "/providers/robot", Some("\"1\""), &two);
    assert_eq!((status, second.as_deref()), (200, Some("\"2\"")));
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 201, "{told}");
    let id = told["agentId"].as_str().expect("an id").to_owned();
    let (_, usage, _) = deck.ask("GET", &format!("/agents/{id}/usage"), None, &Value::Null);
    assert_eq!(usage["budget"]["maxTokens"], 99, "{usage}");

    for method in ["PUT", "DELETE"] {
        let (status, told, _) =
            deck.ask(method, "/providers/robot", Some("\"1\""), &if method == "PUT" { two.clone() } else { json!({}) });
        assert_eq!((status, told["type"].as_str()), (412, Some("urn:flightdeck:problem:stale-revision")), "{told}");
    }
    let off = json!({"kind": "scripted", "enabled": false});
    assert_eq!(deck.ask("PUT", "/providers/robot", Some("\"2\""), &off).0, 200);
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:flightdeck:problem:provider-disabled")), "{told}");
    let elsewhere = json!({"kind": "scripted", "labels": ["gpu"]});
    assert_eq!(deck.ask("PUT", "/providers/robot", Some("\"3\""), &elsewhere).0, 200);
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 201, "{told}");
    let waits = format!("/agents/{}/status", told["agentId"].as_str().expect("an id"));
    let (_, waits, _) = deck.ask("GET", &waits, None, &Value::Null);
    assert_eq!(waits["placement"]["state"], "waiting", "for a runner with the label: {waits}");
    let (status, told, _) = deck.ask("DELETE", "/providers/robot", None, &json!({}));
    assert_eq!(status, 428, "{told}");
    assert_eq!(deck.ask("DELETE", "/providers/robot", Some("\"4\""), &json!({"reason": "done"})).0, 200);
    assert_eq!(deck.ask("GET", "/providers/robot", None, &Value::Null).0, 404);
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 400, "{told}");
    let (_, audit, _) = deck.ask("GET", "/audit?limit=100", None, &Value::Null);
    let actions: Vec<&str> =
        audit["entries"].as_array().expect("entries").iter().filter_map(|e| e["action"].as_str()).collect();
    let of = |word: &str| actions.iter().filter(|action| **action == word).count();
    assert_eq!((of("provider_set"), of("provider_remove")), (7, 2), "refusals too: {actions:?}");
}

fn tables_of_the_file_are_configurations_that_nobody_can_change() {
    let table =
        format!("[agents.filed]\ncommand = \"python3\"\nargs = [\"agent.py\"]\nenv = {{ TOKEN = \"{CANARY}\" }}\n");
    let mut deck = Deck::with(&table);
    let (status, shown, tag) = deck.ask("GET", "/providers/filed", None, &Value::Null);
    assert_eq!((status, tag.as_deref(), &shown["source"]), (200, Some("\"0\""), &json!("file")), "{shown}");
    assert!(shown["settings"]["env"].as_object().expect("variables").contains_key("TOKEN"), "{shown}");
    let body = json!({"kind": "acp", "settings": {"command": "x"}});
    let (status, told, _) = deck.ask("PUT", "/providers/filed", Some("\"0\""), &body);
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:flightdeck:problem:provider-of-file")), "{told}");
    let (status, told, _) = deck.ask("DELETE", "/providers/filed", Some("\"0\""), &json!({}));
    assert_eq!(status, 409, "{told}");
    let (status, trial, _) = deck.ask("POST", "/providers/filed/test", None, &json!({}));
    assert_eq!((status, &trial["agent"]), (200, &json!("noter 7")), "{trial}");
    let (status, spawned, _) =
        deck.ask("POST", "/agents/spawn", None, &json!({"taskId": "T", "agentType": "filed", "prompt": "filed-note"}));
    assert_eq!(status, 201, "{spawned}");
    assert!(deck.note("filed-note").ends_with(CANARY));
    let id = spawned["agentId"].as_str().expect("an id").to_owned();
    let (_, shown, _) = deck.ask("GET", &format!("/agents/{id}/status"), None, &Value::Null);
    assert_eq!(shown["providerConfiguration"], json!({"name": "filed", "revision": 0}), "{shown}");
    deck.ask("GET", "/providers", None, &Value::Null);
    deck.command(&["providers", "list"]);
    deck.assert_no_canary();
}

fn a_key_that_others_can_read_is_refused_and_an_absent_one_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let mut deck = Deck::new();
    let settings = deck.settings();
    let body = json!({"kind": "acp", "settings": settings, "credentials": {"TOKEN": CANARY}});
    assert_eq!(deck.ask("PUT", "/providers/noter", None, &body).0, 201);
    let key = deck.data_dir().join("secrets.key");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    let spawn = json!({"taskId": "T", "agentType": "noter"});
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:flightdeck:problem:credential-sealed")), "{told}");
    assert!(told["detail"].as_str().expect("a text").contains("chmod 600"), "{told}");
    fs::remove_file(&key).expect("removed");
    let (status, told, _) = deck.ask("POST", "/agents/spawn", None, &spawn);
    assert_eq!(status, 409, "{told}");
    assert!(told["detail"].as_str().expect("a text").contains("there is no secrets key"), "{told}");
    deck.assert_no_canary();
}
