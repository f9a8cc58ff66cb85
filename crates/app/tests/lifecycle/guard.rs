//! Agents that run wild are paused by the guard, once.

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::patience::until;
use crate::support::process::Server;

/// An agent that makes 1,500 equal calls.
fn wild(admin: &Client, mission: Option<&str>) -> String {
    let call = json!([{"tool": {"name": "bash", "input": {"cmd": "cargo test"}, "output": "1 failed"}}]);
    let context = json!({"script": call, "repeat": 1_500, "pace": 25});
    let mut body = json!({"taskId": "G-1", "agentType": "worker", "provider": "scripted", "context": context});
    if let Some(mission) = mission {
        body["missionId"] = json!(mission);
    }
    let (status, spawned) = admin.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    spawned["agentId"].as_str().expect("an id").to_owned()
}

fn status(admin: &Client, agent: &str) -> String {
    admin.get(&format!("/agents/{agent}/status")).1["status"].as_str().expect("a status").to_owned()
}

fn results(admin: &Client, agent: &str) -> usize {
    let (messages, _) = admin.conversation(agent);
    messages.iter().filter(|message| message["content"] == "1 failed").count()
}

fn told_by_the_guard(admin: &Client, agent: &str) -> Vec<Value> {
    let (messages, _) = admin.conversation(agent);
    messages.into_iter().filter(|message| message["metadata"]["type"] == "guard").collect()
}

#[test]
fn a_loop_is_warned_of_and_paused_before_the_fiftieth_call_and_goes_on_when_an_operator_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let admin = server.admin();
    let agent = wild(&admin, None);
    until("it is paused", || (status(&admin, &agent) == "paused").then_some(()));
    let made = results(&admin, &agent);
    assert!((30..50).contains(&made), "{made} calls were made");
    let told = told_by_the_guard(&admin, &agent);
    let texts: Vec<&str> = told.iter().map(|message| message["content"].as_str().expect("text")).collect();
    let why = |times: u32| format!("it made the same call of bash with the same result {times} times");
    let expected =
        [format!("warning: {}; it is paused when this goes on", why(15)), format!("pause requested: {}", why(30))];
    assert_eq!(texts, expected);
    let entries = admin.audit();
    let pauses: Vec<&Value> = entries.iter().filter(|entry| entry["action"] == "pause").collect();
    assert_eq!((pauses.len(), &pauses[0]["actor"], &pauses[0]["reason"]), (1, &json!("guard"), &json!(why(30))));
    // An operator knows better, and is not overruled.
    assert_eq!(admin.post(&format!("/agents/{agent}/resume?wait=10s"), &json!({})).0, 200);
    until("it goes on", || (results(&admin, &agent) > 150).then_some(()));
    assert_eq!(told_by_the_guard(&admin, &agent).len(), 2, "no alarm twice for one cause");
    assert_eq!(admin.post(&format!("/agents/{agent}/kill?wait=10s"), &json!({})).0, 200);
}

#[test]
fn missions_that_are_spared_and_servers_without_a_guard_let_agents_repeat_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let spared = Server::start_with(&folder.path().join("a"), &["--guard-spared-missions", "polls"]);
    let without = Server::start_with(&folder.path().join("b"), &["--guard-repeats", "off"]);
    for (server, mission) in [(&spared, Some("polls")), (&without, None)] {
        let admin = server.admin();
        let agent = wild(&admin, mission);
        until("it goes on", || (results(&admin, &agent) > 100).then_some(()));
        assert_eq!((status(&admin, &agent).as_str(), told_by_the_guard(&admin, &agent).len()), ("running", 0));
    }
}
