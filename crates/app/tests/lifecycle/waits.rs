//! Requests that wait for something when the server is stopped: each is answered with how things stand.

use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::support::http::{Answer, Client};
use crate::support::patience::until;
use crate::support::process::Server;

/// A request on a thread of its own; the answer has to come.
fn waiting(client: &Client, path: String, body: Option<Value>) -> JoinHandle<Answer> {
    let client = client.clone();
    std::thread::spawn(move || match body {
        Some(body) => client.post(&path, &body),
        None => client.get(&path),
    })
}

fn hook(event: &str, more: &Value) -> Value {
    let mut body =
        json!({"session_id": "00893aaf-19fa-41d2-8238-13269b9b3ca0", "hook_event_name": event, "cwd": "/tmp"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[test]
fn whatever_waits_is_answered_when_the_server_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let client = server.admin();
    let [paused, above, polling, asking, reading] = std::array::from_fn(|_| client.register(None));
    let below = client.register(Some(&above));
    let state = |id: &str| client.get(&format!("/agents/{id}/status")).1;
    let seen = |id: &str| state(id)["lastSeenAt"].clone();
    let (opened, asked) = client.post(&format!("/agents/{reading}/approvals"), &json!({"title": "deploy"}));
    assert_eq!(opened, 201, "{asked}");
    client.post("/hooks/claude-code", &hook("SessionStart", &json!({"source": "startup"})));
    let (_, agents) = client.get("/agents?provider=claude-code");
    let claude = agents[0]["agentId"].as_str().or(agents[0]["sessionId"].as_str()).expect("its session").to_owned();
    assert_eq!(client.post(&format!("/agents/{claude}/pause?wait=0s"), &json!({"reason": "hold on"})).0, 202);
    let before = [&polling, &reading].map(|id| seen(id));

    let poll = waiting(&client, format!("/agents/{polling}/commands?wait=60s"), None);
    let approval = format!("/agents/{reading}/approvals/{}?wait=30s", asked["id"].as_str().expect("its id"));
    let read = waiting(&client, approval, None);
    let ask = waiting(&client, format!("/agents/{asking}/approvals?wait=30s"), Some(json!({"title": "rm -rf"})));
    let pause = waiting(&client, format!("/agents/{paused}/pause?wait=30s"), Some(json!({})));
    let subtree = waiting(&client, format!("/agents/{above}/kill?scope=subtree&wait=30s"), Some(json!({})));
    let tool = hook("PreToolUse", &json!({"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "t1"}));
    let held = waiting(&client, "/hooks/claude-code?hold=50s".to_owned(), Some(tool));
    until("the long polls are there", || {
        ({ [&polling, &reading].map(|id| seen(id)).iter().zip(&before).all(|(a, b)| a != b) }).then_some(())
    });
    until("the question is there", || (state(&asking)["status"] == "waiting").then_some(()));
    until("the pause is there", || (state(&paused)["desiredStatus"] == "paused").then_some(()));
    until("the kill is there", || (state(&below)["desiredStatus"] == "killed").then_some(()));
    until("the call is held", || (state(&claude)["status"] == "paused").then_some(()));

    let (ended, _) = server.terminate();
    assert!(ended.success(), "{ended}");
    let answered = |wait: JoinHandle<Answer>| wait.join().expect("it was answered");
    let (status, commands) = answered(poll);
    assert_eq!((status, &commands["commands"]), (200, &json!([])));
    for (wait, expected) in [(read, 200), (ask, 201)] {
        let (status, approval) = answered(wait);
        assert_eq!((status, &approval["status"]), (expected, &json!("open")), "{approval}");
    }
    let (status, reply) = answered(pause);
    assert_eq!((status, &reply["observed"]), (202, &json!(false)), "{reply}");
    let (status, reply) = answered(subtree);
    assert_eq!((status, &reply["total"]), (202, &json!(2)), "{reply}");
    let (status, reply) = answered(held);
    let decision = &reply["hookSpecificOutput"]["permissionDecision"];
    assert_eq!((status, decision), (200, &json!("deny")), "{reply}");
}
