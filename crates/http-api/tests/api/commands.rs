//! The agent's side of control.

use std::time::{Duration, Instant};

use flightdeck_http_api::ApiOptions;
use flightdeck_live::TailOptions;
use serde_json::json;

use crate::server::{TestServer, options};

#[test]
fn the_simplest_agent_can_obey() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/inject"), &json!({"message": "look again", "delivery": "steer"})).expect(200);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({"reason": "lunch"})).expect(202);
    let told = server.post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant", "content": "hm"}));
    assert_eq!(told.expect(201)["control"], json!({"desiredStatus": "paused", "pendingCommands": 2}));
    let beat = server.post(&format!("/agents/{agent}/heartbeat"), &json!({})).expect(200);
    assert_eq!(beat["control"]["pendingCommands"], 2);

    let path = format!("/agents/{agent}/commands");
    let commands = server.get(&path).expect(200)["commands"].clone();
    assert_eq!((&commands[0]["kind"], &commands[0]["delivery"]), (&json!("inject"), &json!("steer")));
    assert_eq!((&commands[1]["kind"], &commands[1]["reason"]), (&json!("pause"), &json!("lunch")));

    let ack = |seq: u64, state: &str| server.post(&format!("{path}/{seq}/ack"), &json!({"state": state}));
    assert_eq!(ack(1, "delivered").expect(200)["receipt"], "delivered");
    assert_eq!(
        server.get(&path).expect(200)["commands"].as_array().map(Vec::len),
        Some(2),
        "comes again until consumed"
    );
    ack(1, "consumed").expect(200);
    assert_eq!(ack(1, "consumed").expect(200)["receipt"], "consumed", "twice is harmless");
    assert_eq!(server.get(&path).expect(200)["commands"].as_array().map(Vec::len), Some(1));

    let refused = json!({"state": "refused", "reason": "in a transaction"});
    assert_eq!(server.post(&format!("{path}/2/ack"), &refused).expect(200)["receiptReason"], "in a transaction");
    let late = server.post(&format!("{path}/2/ack"), &json!({"state": "consumed"})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:receipt-is-final");
    server.post(&format!("{path}/9/ack"), &json!({"state": "consumed"})).expect(404);
}

#[test]
fn a_command_ends_the_wait_for_it() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/commands");
    let none = server.get(&format!("{path}?wait=10ms")).expect(200);
    assert_eq!(none["commands"], json!([]));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.get(&format!("{path}?wait=15s")).expect(200));
        server.post(&format!("/agents/{agent}/inject"), &json!({"message": "now"})).expect(200);
        assert_eq!(waiting.join().expect("answered")["commands"][0]["kind"], "inject");
    });
}

/// Also while the next look of its own is far away.
#[test]
fn a_wait_for_commands_ends_at_once_on_shutdown() {
    let tail = TailOptions { poll: Duration::from_hours(1), ..TailOptions::default() };
    let server = TestServer::with(ApiOptions { tail, ..options() });
    let agent = server.session(None);
    let seen = || server.get(&format!("/agents/{agent}/status")).expect(200)["lastSeenAt"].clone();
    let before = seen();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.get(&format!("/agents/{agent}/commands?wait=15s")).expect(200));
        while seen() == before {
            std::thread::sleep(Duration::from_millis(10));
        }
        // It is seen shortly before it waits.
        std::thread::sleep(Duration::from_millis(100));
        let began = Instant::now();
        server.shutdown.cancel();
        assert_eq!(waiting.join().expect("answered")["commands"], json!([]));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    });
}

#[test]
fn a_stream_of_commands_is_resumed_and_ends_with_the_session() {
    let server = TestServer::start();
    let agent = server.session(None);
    let inject = |text: &str| server.post(&format!("/agents/{agent}/inject"), &json!({"message": text})).expect(200);
    inject("one");
    let path = format!("/agents/{agent}/commands");
    let mut stream = server.stream(&path, None).expect("open");
    assert_eq!(stream.ids(1), [1]);
    inject("two");
    assert_eq!(stream.ids(1), [2]);
    drop(stream);
    inject("three");
    let mut resumed = server.stream(&path, Some("2")).expect("open");
    assert_eq!(resumed.ids(1), [3]);
    server.post(&format!("{path}/1/ack"), &json!({"state": "consumed"})).expect(200);
    assert_eq!(server.stream(&path, None).expect("open").ids(2), [2, 3], "comes again until it is acknowledged");
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    assert_eq!(resumed.next().map(|event| event.kind).as_deref(), Some("end"));
    assert_eq!(resumed.next(), None);
}

#[test]
fn a_message_is_taken_back_and_the_agent_never_sees_it() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/commands");
    for text in ["one", "two"] {
        server.post(&format!("/agents/{agent}/inject"), &json!({"message": text})).expect(200);
    }
    server.post(&format!("{path}/2/ack"), &json!({"state": "delivered"})).expect(200);
    let back = server.post(&format!("{path}/1/cancel"), &json!({"reason": "wrong agent"})).expect(200);
    assert_eq!(back["receipt"], "cancelled");
    let left = server.get(&path).expect(200);
    assert_eq!((left["commands"].as_array().map(Vec::len), &left["commands"][0]["seq"]), (Some(1), &json!(2)));
    let late = server.post(&format!("{path}/2/cancel"), &json!({})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:not-cancellable");
    server.post(&format!("{path}/7/cancel"), &json!({})).expect(404);
    let outcomes = server.get("/audit?action=command_cancel").expect(200)["entries"].clone();
    let outcomes: Vec<_> = outcomes.as_array().expect("entries").iter().map(|e| e["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused", "refused", "accepted"]);
}

#[test]
fn an_interrupt_reaches_the_agent_and_is_seen_or_not() {
    let server = TestServer::start();
    let agent = server.session(None);
    let asked = server.post(&format!("/agents/{agent}/interrupt?wait=0s"), &json!({"drop": true})).expect(202);
    assert_eq!(asked["message"], format!("Agent {agent} interrupt requested"));
    assert_eq!(server.get(&format!("/agents/{agent}/commands")).expect(200)["commands"][0]["kind"], "interrupt");
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "idle"})).expect(200);
    let seen = server.post(&format!("/agents/{agent}/interrupt"), &json!({})).expect(200);
    assert_eq!(seen["message"], format!("Agent {agent} interrupted"));
}
