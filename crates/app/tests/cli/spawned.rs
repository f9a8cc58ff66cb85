//! What `spawn` has run, what it refuses, and what `providers` tells of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Output;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::given::Desk;
use crate::support::process::{flightdeck, run, told};

/// An agent that never says a word.
const AGENTS: &str = "[agents.mute]\ncommand = \"/bin/sleep\"\nargs = [\"1000\"]\nstart_seconds = 3600\n";
const SPAWN: [&str; 5] = ["spawn", "--task", "R-1", "--type", "robot"];

fn sessions(desk: &Desk) -> usize {
    let (out, _) = told(&desk.run(&["ps", "--json", "--all"]));
    serde_json::from_str::<Value>(&out).expect("JSON").as_array().expect("a list").len()
}

#[test]
fn a_type_that_nothing_runs_is_refused_and_leaves_no_trace() {
    let desk = Desk::with_agents(AGENTS);
    let refused = desk.run(&SPAWN);
    let (out, err) = told(&refused);
    assert_eq!((refused.status.code(), out.as_str()), (Some(2), ""), "{err}");
    assert_eq!(
        err,
        "flightdeck: --type: no provider has agents of the type \"robot\"; acp starts mute; scripted starts any type, \
         with --provider scripted; --provider internal registers an agent that reports in by itself\n"
    );
    for provider in ["nobody", "acp", "claude-code"] {
        let refused = desk.run(&[&SPAWN[..], &["--provider", provider]].concat());
        assert_eq!(refused.status.code(), Some(2), "{provider} {refused:?}");
    }
    assert_eq!(sessions(&desk), 0);
}

#[test]
fn a_type_that_one_provider_has_chooses_it() {
    let desk = Desk::with_agents(AGENTS);
    let spawn = ["spawn", "--task", "R-1", "--type", "mute"];
    let (id, err) = told(&desk.run(&spawn));
    assert!(err.starts_with("run by the provider acp (agent mute)\n"), "{err}");
    let (shown, _) = told(&desk.run(&["show", id.trim(), "--json"]));
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["session"]["provider"], "acp", "{shown}");
    let (out, err) = told(&desk.run(&[&spawn[..], &["--json"]].concat()));
    let reply: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&reply["provider"], err.as_str()), (&"acp".into(), ""), "{reply}");
}

#[test]
fn an_agent_that_reports_by_itself_is_registered_when_that_is_asked_for() {
    let desk = Desk::empty();
    let spawn = [&SPAWN[..], &["--provider", "internal"]].concat();
    let output = desk.run(&spawn);
    let (id, err) = told(&output);
    assert!(output.status.success(), "{err}");
    assert!(err.starts_with("nothing runs it yet: the provider internal starts no process"), "{err}");
    assert!(err.contains(&format!("FLIGHTDECK_AGENT_ID={}", id.trim())), "{err}");
    let (out, err) = told(&desk.run(&[&spawn[..], &["--json"]].concat()));
    let reply: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&reply["provider"], err.as_str()), (&"internal".into(), ""), "{reply}");
}

#[test]
fn providers_are_told_with_the_agents_of_the_configuration() {
    let desk = Desk::with_agents(AGENTS);
    let (out, _) = told(&desk.run(&["providers"]));
    let (kinds, configurations) = out.split_once("\n\n").expect("two tables");
    let starts: Vec<&str> = kinds.lines().map(|line| line.get(13..22).expect("a column").trim()).collect();
    assert_eq!(starts, ["STARTS", "mute", "nothing", "nothing", "nothing", "any type"], "{out}");
    let words: Vec<&str> = configurations.lines().nth(1).expect("a configuration").split_whitespace().collect();
    assert_eq!(words, ["mute", "acp", "file", "0", "enabled"], "{out}");
    let (out, _) = told(&desk.run(&["providers", "--json"]));
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let acp = &answer["providers"][0];
    assert_eq!((&acp["name"], &acp["spawns"], &acp["agentTypes"]), (&json!("acp"), &json!(true), &json!(["mute"])));
}

#[test]
fn a_key_that_may_not_see_the_providers_is_told_to_name_one() {
    let desk = Desk::with_fleet();
    let made = ["keys", "create", "--role", "agent", "--session", crate::given::LEAD, "--json"];
    let (made, err) = told(&desk.run(&made));
    let made: Value = serde_json::from_str(&made).unwrap_or_else(|error| panic!("{error} {err}"));
    let key = made["key"].as_str().expect("a key");
    let below = [&SPAWN[..], &["--parent", crate::given::LEAD]].concat();
    let as_agent =
        |more: &[&str]| run(flightdeck(&desk.data_dir, &[&below[..], more].concat()).env("FLIGHTDECK_API_KEY", key));
    let refused = as_agent(&[]);
    let (_, err) = told(&refused);
    assert_eq!(refused.status.code(), Some(4), "{err}");
    assert!(err.contains("name one with --provider"), "{err}");
    assert!(as_agent(&["--provider", "internal"]).status.success());
}

/// Answers like a server that has no such route, to one call.
fn older_server() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let answers = std::thread::spawn(move || {
        let (mut call, _) = listener.accept().expect("a call");
        let mut asked = [0; 1024];
        let length = call.read(&mut asked).expect("a request");
        let problem =
            json!({"type": "urn:flightdeck:problem:no-route", "status": 404, "detail": "there is no /providers"});
        let problem = problem.to_string();
        let head = format!(
            "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\r\n",
            problem.len()
        );
        call.write_all(format!("{head}{problem}").as_bytes()).expect("an answer");
        String::from_utf8_lossy(asked.get(..length).expect("that much")).lines().next().unwrap_or_default().to_owned()
    });
    (address, answers)
}

#[test]
fn an_older_server_is_said_to_be_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |arguments: &[&str]| -> (Output, String) {
        let (address, answers) = older_server();
        let mut command = flightdeck(&folder.path().join("data"), arguments);
        command.env("FLIGHTDECK_URL", format!("http://{address}")).env("FLIGHTDECK_API_KEY", "fd_x");
        (run(&mut command), answers.join().expect("it answered"))
    };
    let (listed, asked) = ask(&["providers"]);
    let (_, err) = told(&listed);
    assert_eq!((listed.status.code(), asked.as_str()), (Some(1), "GET /providers HTTP/1.1"), "{err}");
    assert!(err.contains("this server is older than this command and cannot list its providers"), "{err}");
    let (spawned, asked) = ask(&SPAWN);
    let (_, err) = told(&spawned);
    assert_eq!((spawned.status.code(), asked.as_str()), (Some(2), "GET /providers HTTP/1.1"), "{err}");
    assert!(err.contains("--provider: name what is to run the agent; this server is older"), "{err}");
}
