//! Runners: the real binary beside a server, and the program in another language; killed, cut off, drained.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "runners/conversations.rs"]
mod conversations;
mod support;

use std::process::ExitCode;
use std::time::Duration;

use flightdeck_test_servers::trial_with;
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use support::cable::Cable;
use support::http::Client;
use support::patience::until;
use support::process::Server;
use support::runner::{self, Runner, missing_python};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests: [(&str, fn()); 11] = [
        (
            "what_an_agent_says_while_the_server_is_away_arrives_whole_and_in_order",
            what_an_agent_says_while_the_server_is_away_arrives_whole_and_in_order,
        ),
        (
            "a_runner_that_is_killed_sends_what_it_had_and_says_that_its_agents_are_gone",
            a_runner_that_is_killed_sends_what_it_had_and_says_that_its_agents_are_gone,
        ),
        (
            "a_server_that_is_restarted_loses_no_session_that_a_runner_still_has",
            a_server_that_is_restarted_loses_no_session_that_a_runner_still_has,
        ),
        (
            "a_kill_that_is_asked_for_while_the_runner_is_away_is_the_first_thing_when_it_is_back",
            a_kill_that_is_asked_for_while_the_runner_is_away_is_the_first_thing_when_it_is_back,
        ),
        ("an_agent_obeys_through_its_runner", an_agent_obeys_through_its_runner),
        (
            "what_fits_nowhere_waits_with_the_reason_and_starts_when_a_runner_fits",
            what_fits_nowhere_waits_with_the_reason_and_starts_when_a_runner_fits,
        ),
        (
            "what_no_agent_of_a_configuration_takes_is_refused_at_its_field",
            what_no_agent_of_a_configuration_takes_is_refused_at_its_field,
        ),
        (
            "an_agent_that_is_killed_before_a_runner_has_it_never_starts",
            an_agent_that_is_killed_before_a_runner_has_it_never_starts,
        ),
        (
            "a_runner_that_is_told_to_stop_lets_its_agents_end_and_leaves",
            a_runner_that_is_told_to_stop_lets_its_agents_end_and_leaves,
        ),
        (
            "a_runner_that_is_drained_takes_nothing_more_until_it_is_undrained",
            a_runner_that_is_drained_takes_nothing_more_until_it_is_undrained,
        ),
        ("a_token_of_another_runner_reports_nothing", a_token_of_another_runner_reports_nothing),
    ];
    let tests = tests.into_iter().map(|(name, test)| trial_with(name, || Ok(()), move |()| test()));
    // The agents of these are programs in Python.
    let in_python: [(&str, fn()); 2] = [
        (
            "a_conversation_that_is_taken_up_counts_only_what_it_adds",
            conversations::a_conversation_that_is_taken_up_counts_only_what_it_adds,
        ),
        (
            "a_conversation_is_taken_up_by_those_alone_who_may_see_it",
            conversations::a_conversation_is_taken_up_by_those_alone_who_may_see_it,
        ),
    ];
    let in_python = in_python.into_iter().map(|(name, test)| trial_with(name, missing_python, move |()| test()));
    libtest_mimic::run(&arguments, tests.chain(in_python).collect()).exit_code()
}

/// A server, a way to it that can be cut, and a runner.
struct Deck {
    folder: tempfile::TempDir,
    server: Server,
    cable: Cable,
    key: String,
}

impl Deck {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("server");
        let server = Server::start(&data_dir);
        let cable = Cable::to(server.address);
        let key = runner::key(&data_dir, &[]);
        let deck = Self { folder, server, cable, key };
        deck.configure("remote", &json!({"kind": "runner", "settings": {"offer": "scripted"}}));
        deck
    }

    fn admin(&self) -> Client {
        self.server.admin()
    }

    fn configure(&self, name: &str, config: &Value) {
        let mut body = config.clone();
        body["name"] = name.into();
        let made = self.admin().post("/providers", &body);
        assert_eq!(made.0, 201, "{}", made.1);
    }

    /// A runner of this name behind the cable.
    fn runner(&self, name: &str, words: &[&str]) -> Runner {
        Runner::new(name, self.cable.address, &self.key, self.folder.path(), words)
    }

    fn spawn(&self, provider: &str, context: &Value) -> String {
        let body = json!({"taskId": "T", "agentType": "worker", "provider": provider, "context": context});
        let spawned = self.admin().post("/agents/spawn", &body);
        assert_eq!(spawned.0, 201, "{}", spawned.1);
        spawned.1["agentId"].as_str().expect("an id").to_owned()
    }

    fn session(&self, id: &str) -> Value {
        self.admin().get(&format!("/agents/{id}/status")).1
    }

    fn is(&self, id: &str, status: &str) {
        let seen = || self.session(id)["status"].as_str().unwrap_or_default().to_owned();
        until(&format!("{id} is {status}, but {}", seen()), || (seen() == status).then_some(()));
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.admin().post(path, body);
        assert!(answer.0 < 300, "{path}: {} {}", answer.0, answer.1);
        answer.1
    }

    /// What the agent has said, in order.
    fn said(&self, id: &str) -> Vec<String> {
        let (messages, _) = self.admin().conversation(id);
        let said = messages.iter().filter(|message| message["role"] == "assistant");
        said.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Numbered lines, one every so many milliseconds.
fn counting(lines: usize, pace: u64) -> Value {
    let script: Vec<Value> = (0..lines).map(|n| json!({"say": format!("line {n}")})).collect();
    json!({"script": script, "pace": pace})
}

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("line {n}")).collect()
}

fn what_an_agent_says_while_the_server_is_away_arrives_whole_and_in_order() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let id = deck.spawn("remote", &counting(300, 5));
    until("it speaks", || (!deck.said(&id).is_empty()).then_some(()));
    for _ in 0..3 {
        deck.cable.cut();
        std::thread::sleep(Duration::from_millis(300));
        deck.cable.mend();
        std::thread::sleep(Duration::from_millis(200));
    }
    deck.is(&id, "completed");
    assert_eq!(deck.said(&id), lines(300), "{}", runner.log());
}

fn a_runner_that_is_killed_sends_what_it_had_and_says_that_its_agents_are_gone() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let id = deck.spawn("remote", &counting(900, 10));
    until("it speaks", || (deck.said(&id).len() > 20).then_some(()));
    deck.cable.cut();
    let before = deck.said(&id).len();
    std::thread::sleep(Duration::from_millis(500));
    runner.kill();
    deck.cable.mend();
    runner.start();
    deck.is(&id, "failed");
    let said = deck.said(&id);
    assert!(said.len() > before + 20, "what it had was sent: {} after {before}", said.len());
    assert_eq!(said, lines(said.len()));
    assert!(deck.session(&id)["statusReason"].as_str().expect("a reason").contains("runner stopped"));
}

fn a_server_that_is_restarted_loses_no_session_that_a_runner_still_has() {
    let mut deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let id = deck.spawn("remote", &counting(400, 5));
    until("it speaks", || (!deck.said(&id).is_empty()).then_some(()));
    deck.server.kill_and_restart();
    deck.is(&id, "completed");
    assert_eq!(deck.said(&id), lines(400), "{}", runner.log());
}

fn a_kill_that_is_asked_for_while_the_runner_is_away_is_the_first_thing_when_it_is_back() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let id = deck.spawn("remote", &counting(900, 50));
    until("it speaks", || (!deck.said(&id).is_empty()).then_some(()));
    deck.cable.cut();
    let asked = deck.post(&format!("/agents/{id}/kill?wait=0s"), &json!({"reason": "enough"}));
    assert_eq!(asked["observed"], false, "{asked}");
    assert_ne!(deck.session(&id)["status"], "killed", "nobody has seen it");
    deck.cable.mend();
    deck.is(&id, "killed");
    let said = deck.said(&id);
    assert_eq!(said, lines(said.len()));
    let operation = asked["operationId"].as_str().expect("an operation").to_owned();
    until("the operation is finished", || {
        let operation = deck.admin().get(&format!("/operations/{operation}")).1;
        (!operation["completedAt"].is_null()).then_some(())
    });
}

fn an_agent_obeys_through_its_runner() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let script = json!([{"ask": {"title": "Push"}}, {"say": "pushed"}, {"turn": "end"}, {"idle": true}]);
    let id = deck.spawn("remote", &json!({"script": script}));
    let approval = until("it asks", || {
        let open = deck.admin().get("/approvals?status=open").1;
        let list = open.as_array().or_else(|| open["approvals"].as_array()).cloned().unwrap_or_default();
        list.first().and_then(|it| it["id"].as_str().map(str::to_owned))
    });
    deck.is(&id, "waiting");
    deck.post(&format!("/approvals/{approval}/decide"), &json!({"option": "allow_once"}));
    deck.is(&id, "idle");
    deck.post(&format!("/agents/{id}/inject"), &json!({"message": "and now?"}));
    until("it answers", || deck.said(&id).iter().any(|line| line.contains("and now?")).then_some(()));
    assert_eq!(deck.post(&format!("/agents/{id}/pause"), &json!({}))["status"], "paused");
    deck.post(&format!("/agents/{id}/resume"), &json!({}));
    deck.is(&id, "idle");
    assert_eq!(deck.post(&format!("/agents/{id}/kill"), &json!({}))["status"], "killed");
    assert_eq!(deck.session(&id)["placement"]["runner"], "one");
}

fn what_fits_nowhere_waits_with_the_reason_and_starts_when_a_runner_fits() {
    let deck = Deck::new();
    let settings = json!({"kind": "scripted", "labels": ["gpu", "zone=a"]});
    deck.configure("labelled", &settings);
    let id = deck.spawn("labelled", &counting(3, 0));
    let reason = |id: &str| deck.session(id)["placement"]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason(&id).contains("no runner is connected"), "{}", reason(&id));
    let mut plain = deck.runner("plain", &["--label", "gpu"]);
    plain.start();
    until("it is said what is missing", || reason(&id).contains("plain lacks zone=a").then_some(()));
    assert_eq!(deck.session(&id)["status"], "spawning");
    let waiting = deck.admin().get("/waiting-agents").1;
    assert_eq!(waiting["waiting"][0]["agentId"].as_str(), Some(id.as_str()));
    let mut fitting = deck.runner("fitting", &["--label", "gpu", "--label", "zone=a"]);
    fitting.start();
    deck.is(&id, "completed");
    assert_eq!(deck.said(&id), lines(3));
    assert_eq!(deck.session(&id)["placement"]["runner"], "fitting");
}

fn what_no_agent_of_a_configuration_takes_is_refused_at_its_field() {
    let deck = Deck::new();
    let acp = json!({"command": "no-such-agent", "roots": ["/nowhere"]});
    deck.configure("labelled", &json!({"kind": "acp", "settings": acp, "labels": ["far"]}));
    deck.configure("robot", &json!({"kind": "scripted", "labels": ["far"]}));
    deck.configure("words", &json!({"kind": "runner", "settings": {"offer": "acp", "settings": acp}}));
    let spawn = |provider: &str, more: &Value| {
        let mut body = json!({"taskId": "T", "agentType": "w", "provider": provider});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        deck.admin().post("/agents/spawn", &body)
    };
    for (provider, more, field) in [
        ("labelled", json!({"options": {"env": ["TOKEN"]}}), "/options/env"),
        ("labelled", json!({"options": {"worktree": 7}}), "/options/worktree"),
        ("labelled", json!({"context": {"modle": "large"}}), "/context/modle"),
        ("robot", json!({"context": {"script": 7}}), "/context/script"),
    ] {
        let (status, told) = spawn(provider, &more);
        assert_eq!((status, told["errors"][0]["field"].as_str()), (400, Some(field)), "{more}: {told}");
    }
    // A folder of another machine is not looked for on this one.
    assert_eq!(spawn("labelled", &json!({"options": {"cwd": "/nowhere/sub", "model": "large"}})).0, 201);
    // What only the runner understands fails with the reason.
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let (status, told) = spawn("words", &json!({"options": {"env": ["TOKEN"]}}));
    assert_eq!(status, 201, "{told}");
    let id = told["agentId"].as_str().expect("an id");
    deck.is(id, "failed");
    let why = deck.session(id)["statusReason"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("env") && why.contains("TOKEN"), "{why}");
    let (status, told) = deck.admin().get(&format!("/agents/{id}/log"));
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:flightdeck:problem:log-at-runner")), "{told}");
    assert!(told["detail"].as_str().expect("a text").contains("runner one"), "{told}");
}

fn an_agent_that_is_killed_before_a_runner_has_it_never_starts() {
    let deck = Deck::new();
    let id = deck.spawn("remote", &counting(3, 0));
    assert_eq!(deck.post(&format!("/agents/{id}/kill"), &json!({}))["status"], "killed");
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let other = deck.spawn("remote", &counting(3, 0));
    deck.is(&other, "completed");
    assert_eq!((deck.said(&id), deck.session(&id)["status"].as_str()), (Vec::new(), Some("killed")));
}

fn a_runner_that_is_told_to_stop_lets_its_agents_end_and_leaves() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &["--drain-secs", "50"]);
    runner.start();
    let id = deck.spawn("remote", &counting(200, 10));
    until("it speaks", || (!deck.said(&id).is_empty()).then_some(()));
    assert!(runner.terminate(), "{}", runner.log());
    assert_eq!((deck.said(&id), deck.session(&id)["status"].as_str()), (lines(200), Some("completed")));
    let seen = deck.admin().get("/runners/one").1;
    assert_eq!(seen["state"], "left", "{seen}");
    let later = deck.spawn("remote", &counting(1, 0));
    assert_eq!(deck.session(&later)["placement"]["state"], "waiting");
}

fn a_runner_that_is_drained_takes_nothing_more_until_it_is_undrained() {
    let deck = Deck::new();
    let mut runner = deck.runner("one", &[]);
    runner.start();
    let first = deck.spawn("remote", &counting(1, 0));
    deck.is(&first, "completed");
    assert_eq!(deck.post("/runners/one/drain", &json!({"reason": "upgrade"}))["state"], "draining");
    let id = deck.spawn("remote", &counting(1, 0));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(deck.session(&id)["placement"]["state"], "waiting");
    assert_eq!(deck.post("/runners/one/undrain", &json!({}))["state"], "active");
    deck.is(&id, "completed");
    let actions: Vec<Value> = deck.admin().audit().into_iter().map(|entry| entry["action"].clone()).collect();
    assert!(actions.contains(&json!("runner_drain")) && actions.contains(&json!("runner_undrain")), "{actions:?}");
}

/// By hand, as a runner in any language would: its messages, and what it must not do.
fn a_token_of_another_runner_reports_nothing() {
    let deck = Deck::new();
    let (one, two) = ("0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11", "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b12");
    let client = deck.server.client(&deck.key);
    let now = "2026-01-31T12:00:00Z";
    let join = |name: &str, instance: &str, protocol: u32| {
        let body = json!({"instance": instance, "protocol": protocol, "version": "by hand", "offers": ["scripted"],
            "capacity": 1, "now": now});
        client.put(&format!("/runners/{name}"), &body)
    };
    let wrong = join("a", one, 2);
    assert_eq!((wrong.0, wrong.1["errors"][0]["field"].as_str()), (400, Some("/protocol")), "{}", wrong.1);
    assert_eq!(join("a", one, 1).0, 200);
    let other = join("a", two, 1);
    assert_eq!((other.0, other.1["type"].as_str()), (409, Some("urn:flightdeck:problem:runner-connected")));
    assert_eq!(join("b", two, 1).0, 200);
    let id = deck.spawn("remote", &json!({}));
    let lease = json!({"instance": one, "free": 1, "waitSecs": 5, "now": now});
    let leased = client.post("/runners/a/lease", &lease);
    assert_eq!((leased.0, leased.1["assignments"][0]["agentId"].as_str()), (200, Some(id.as_str())));
    let token = leased.1["assignments"][0]["token"].as_u64().expect("a token");
    let report = |header: Option<String>| {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request = ureq::http::Request::post(format!("http://{}/agents/{id}/messages", deck.server.address))
            .header("X-API-Key", &deck.key)
            .header("Content-Type", "application/json");
        let request = header.into_iter().fold(request, |request, it| request.header("Flightdeck-Assignment", it));
        let body = json!({"role": "assistant", "content": "x"}).to_string();
        agent.run(request.body(body).expect("a request")).expect("an answer").status().as_u16()
    };
    assert_eq!(report(None), 403, "a runner's key alone reports nothing");
    assert_eq!(report(Some(format!("{id}/{token}"))), 409, "the start was not confirmed");
    let start = |runner: &str, token: u64| {
        client.post(&format!("/runners/{runner}/assignments/{id}/start"), &json!({"token": token}))
    };
    assert_eq!(start("b", token).0, 409, "it is the other's");
    let started = start("a", token);
    assert_eq!((started.0, started.1["offer"].as_str()), (200, Some("scripted")));
    assert_eq!(start("a", token).0, 200, "again is harmless");
    assert_eq!(report(Some(format!("{id}/{}", token + 1))), 409);
    assert_eq!(report(Some(format!("{id}/{token}"))), 201);
    assert_eq!(report(Some("nonsense".to_owned())), 400);
}
