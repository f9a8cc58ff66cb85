//! Sinks: over HTTP and the command line, and with a server that is killed again and again while events come.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures"
)]

#[path = "sinks/receiver.rs"]
mod receiver;
mod support;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use receiver::{Receiver, SECRET};
use serde_json::{Value, json};
use support::http::Client;
use support::process::{Server, flightdeck, lasting_address, run, told};
use support::random::Random;

/// What must be found nowhere.
const CANARY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

/// A server whose sinks may send to this machine.
fn start(data_dir: &Path, listen: SocketAddr) -> Server {
    let listen = listen.to_string();
    let words = [
        "--listen",
        &listen,
        "--throttle-control",
        "off",
        "--throttle-tree",
        "off",
        "--log",
        "error",
        "--sinks-allow-private",
        "on",
        "--public-url",
        "https://deck.example",
    ];
    Server::start_command(data_dir, flightdeck(data_dir, &words).stderr(Stdio::inherit()))
}

/// Waits until something is so.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_mins(5), "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

struct Deck {
    _folder: tempfile::TempDir,
    data_dir: PathBuf,
    server: Server,
}

impl Deck {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let server = start(&data_dir, "127.0.0.1:0".parse().expect("an address"));
        Self { _folder: folder, data_dir, server }
    }

    fn ask(&self, method: &str, path: &str, known: Option<&str>, body: &Value) -> (u16, Value, Option<String>) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let url = format!("http://{}{path}", self.server.address);
        let request =
            ureq::http::Request::builder().method(method).uri(url).header("X-API-Key", self.server.admin_key());
        let request = known.into_iter().fold(request, |request, tag| request.header("If-Match", tag));
        let mut response = if body.is_null() {
            agent.run(request.body(()).expect("a request")).expect("an answer")
        } else {
            let request = request.header("Content-Type", "application/json");
            agent.run(request.body(body.to_string()).expect("a request")).expect("an answer")
        };
        let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let text = response.body_mut().read_to_string().expect("a text");
        assert!(!text.contains(CANARY), "{text}");
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default(), tag)
    }

    fn command(&self, words: &[&str]) -> String {
        let mut command = flightdeck(&self.data_dir, words);
        let url = format!("http://{}", self.server.address);
        command.env("FLIGHTDECK_URL", url).env("FLIGHTDECK_API_KEY", self.server.admin_key());
        let (out, err) = told(&run(&mut command));
        assert!(!out.contains(CANARY) && !err.contains(CANARY), "{out} {err}");
        out + &err
    }
}

fn webhook(url: &str, more: &Value) -> Value {
    let mut body =
        json!({"name": "ops", "form": "webhook", "settings": {"url": url}, "credentials": {"secret": SECRET}});
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    body
}

#[test]
fn a_sink_is_made_changed_tried_and_removed_and_what_died_is_sent_again() {
    let (deck, receiver) = (Deck::new(), Receiver::start(0));
    let client = deck.server.admin();
    client.register(None);
    let (status, made, tag) = deck.ask("POST", "/sinks", None, &webhook(&receiver.url, &json!({"maxTries": 1})));
    assert_eq!((status, tag.as_deref(), &made["credentials"]), (201, Some("\"1\""), &json!(["secret"])), "{made}");
    let (status, problem, _) = deck.ask("POST", "/sinks", None, &webhook(&receiver.url, &json!({})));
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:flightdeck:problem:sink-exists")));
    let (status, problem, _) = deck.ask("POST", "/sinks", None, &webhook("http://169.254.169.254/latest", &json!({})));
    assert_eq!((status, problem["errors"][0]["field"].as_str()), (400, Some("/settings/url")), "{problem}");
    let (status, _, _) = deck.ask("PUT", "/sinks/ops", None, &webhook(&receiver.url, &json!({})));
    assert_eq!(status, 428);
    let (status, _, _) = deck.ask("PUT", "/sinks/ops", Some("\"7\""), &webhook(&receiver.url, &json!({})));
    assert_eq!(status, 412);

    // It begins with what comes after it.
    let session = client.register(None);
    let got = until("the spawn", || receiver.got().first().cloned());
    assert_eq!(
        (&got.body["type"], &got.body["data"]["event"]["sessionId"]),
        (&json!("session.spawned"), &json!(session))
    );
    assert_eq!(got.body["data"]["event"]["link"], format!("https://deck.example/#fleet?open={session}"));
    assert_eq!(deck.ask("POST", "/sinks/ops/test", None, &json!({})).0, 200);
    assert_eq!(receiver.got().last().expect("the test").body["type"], "sink.test");

    receiver.break_down(true);
    let (status, problem, _) = deck.ask("POST", "/sinks/ops/test", None, &json!({}));
    assert!(status == 502 && problem["detail"].as_str().is_some_and(|it| it.contains("500")), "{problem}");
    client.register(None);
    let letters = until("a dead letter", || {
        let (_, page, _) = deck.ask("GET", "/sinks/ops/dead-letters", None, &Value::Null);
        page["deadLetters"].as_array().filter(|letters| !letters.is_empty()).cloned()
    });
    let state = deck.ask("GET", "/sinks/ops", None, &Value::Null).1["state"].clone();
    assert_eq!((&state["deadLetters"], &state["lag"], &letters[0]["kind"]), (&json!(1), &json!(0), &json!("spawned")));
    assert!(state["lastError"]["what"].as_str().is_some_and(|what| what.contains("500")), "{state}");
    let listed = deck.command(&["sinks", "dead-letters", "ops"]);
    assert!(listed.contains("spawned") && listed.contains("500"), "{listed}");
    receiver.break_down(false);
    assert!(deck.command(&["sinks", "resend", "ops"]).contains("1 message is sent again"));
    let dead = letters[0]["place"].as_u64();
    until("the letter", || receiver.got().iter().any(|got| got.place() == dead).then_some(()));
    until("no letter", || deck.command(&["sinks"]).contains("good").then_some(()));

    assert!(deck.command(&["sinks", "set", "ops", "--needs-person", "--max-tries", "5"]).contains("needsPerson"));
    assert!(deck.command(&["sinks", "show", "ops"]).contains("revision      2"));
    assert!(deck.command(&["sinks", "remove", "ops", "--yes"]).contains("is removed"));
    assert_eq!(deck.ask("GET", "/sinks/ops", None, &Value::Null).0, 404);
    let actions: HashSet<String> =
        client.audit().iter().filter_map(|entry| entry["action"].as_str().map(str::to_owned)).collect();
    for action in ["sink_set", "sink_test", "sink_resend", "sink_remove"] {
        assert!(actions.contains(action), "{action} is not on record: {actions:?}");
    }
}

#[test]
fn a_request_that_a_policy_answers_calls_nobody_and_one_that_waits_calls_once() {
    let (deck, receiver) = (Deck::new(), Receiver::start(0));
    let client = deck.server.admin();
    let needs = webhook(&receiver.url, &json!({"filter": {"needsPerson": true}}));
    assert_eq!(deck.ask("POST", "/sinks", None, &needs).0, 201);
    let session = client.register(None);
    let ask = |title: &str| {
        let (status, opened) = client.post(&format!("/agents/{session}/approvals"), &json!({"title": title}));
        assert_eq!(status, 201, "{opened}");
        opened["id"].as_str().expect("an id").to_owned()
    };
    let quick = ask("read hush-1");
    let (status, decided) = client.post(&format!("/approvals/{quick}/decide"), &json!({"option": "allow_once"}));
    assert_eq!(status, 200, "{decided}");
    let waits = ask("read hush-2");
    let got = until("the call", || receiver.got().first().cloned());
    assert_eq!(
        (&got.body["type"], &got.body["data"]["event"]["approvalId"]),
        (&json!("approval.opened"), &json!(waits))
    );
    assert!(!got.body.to_string().contains("hush"), "{}", got.body);
    let state = until("its end", || {
        let (_, sink, _) = deck.ask("GET", "/sinks/ops", None, &Value::Null);
        (sink["state"]["lag"] == 0).then(|| sink["state"].clone())
    });
    assert_eq!((receiver.got().len(), &state["deadLetters"]), (1, &json!(0)), "{state}");
}

/// Statuses of sessions that go back and forth, until it is told to stop. Whatever was not acknowledged is sent again.
fn keep_busy(client: &Client, sessions: &[String], stop: &AtomicBool, mut random: Random) {
    while !stop.load(Ordering::SeqCst) {
        for session in sessions {
            for status in ["idle", "running"] {
                let body = json!({"status": status});
                while !client
                    .try_post(&format!("/agents/{session}/status"), &body)
                    .is_ok_and(|(status, _)| status < 300)
                {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
            thread::sleep(Duration::from_millis(random.within(10..60)));
        }
    }
}

/// Every event arrives at least once, and for the first time in order, however often the server is killed.
fn killed(kills: u64) {
    let seed = Random::fresh_seed();
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, address, receiver) = (folder.path().join("data"), lasting_address(), Receiver::start(150));
    let mut server = start(&data_dir, address);
    let client = server.admin();
    let sink = webhook(&receiver.url, &json!({"from": "start", "maxTries": 100}));
    assert_eq!(client.post("/sinks", &sink).0, 201);
    let sessions: Vec<String> = (0..4).map(|_| client.register(None)).collect();
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let _server = thread::scope(|scope| {
        let dice = Random::from_seed(random.next());
        let (client, sessions, stop) = (&client, &sessions, &stop);
        scope.spawn(move || keep_busy(client, sessions, stop, dice));
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(random.within(50..600)));
            server.kill();
            server = start(&data_dir, address);
        }
        stop.store(true, Ordering::SeqCst);
        server
    });
    let state = until("the end of the feed", || {
        let (status, sink) = client.get("/sinks/ops");
        (status == 200 && sink["state"]["lag"] == 0).then(|| sink["state"].clone())
    });
    let last = state["cursor"].as_u64().expect("a cursor");
    let (newest, repeated) = receiver.in_order(&format!("seed {seed}"));
    assert_eq!(newest, last, "seed {seed}: something is missing");
    assert_eq!(state["deadLetters"], 0, "{state}");
    println!(
        "sinks: {kills} kills, seed {seed}: {last} events arrived in order with good signatures, {repeated} of them more \
         than once, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn killed_a_few_times() {
    killed(5);
}

#[test]
#[ignore = "takes minutes; run with: cargo test -p flightdeck --test sinks -- --ignored --nocapture"]
fn killed_a_hundred_times() {
    killed(100);
}
