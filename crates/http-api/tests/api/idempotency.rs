//! A control call with an `Idempotency-Key` is done once.

use serde_json::json;

use crate::server::{Reply, TestServer};

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

#[test]
fn every_control_call_takes_a_key_and_is_done_once() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.session(Some(&agent));
    let approval = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";
    server.post(&format!("/agents/{agent}/approvals"), &json!({"id": approval, "title": "May I?"})).expect(201);
    let at = |rest: &str| format!("/agents/{agent}/{rest}");
    let calls = [
        (at("inject"), json!({"message": "Look again"}), 200),
        (at("pause?wait=0s"), json!({}), 202),
        (at("resume?wait=0s"), json!({}), 200),
        (at("interrupt?wait=0s"), json!({"drop": false}), 202),
        (at("commands/1/cancel"), json!({}), 200),
        (format!("/approvals/{approval}/decide"), json!({"option": "allow_once"}), 200),
        (at("pause?scope=subtree&wait=0s"), json!({"reason": "a look"}), 202),
        (at("kill?wait=0s"), json!({}), 202),
        ("/agents/kill-all?wait=0s".to_owned(), json!({}), 200),
        ("/killswitch/release".to_owned(), json!({}), 200),
    ];
    for (n, (path, body, status)) in calls.iter().enumerate() {
        let key = format!("call {n}");
        let first = server.post_once(&key, path, body);
        assert_eq!((first.status, replayed(&first)), (*status, false), "{path}: {}", first.body);
        let entries = server.get("/audit").expect(200)["entries"].as_array().expect("entries").len();
        let again = server.post_once(&key, path, body);
        assert_eq!((again.status, replayed(&again)), (*status, true), "{path}: {}", again.body);
        assert_eq!(first.body, again.body, "{path}");
        // Looking at the log is on it; the call is not on it again.
        let after = server.get("/audit").expect(200)["entries"].as_array().expect("entries").len();
        assert_eq!(after, entries + 1, "{path}");
        let other = server.post_once(&key, "/agents/kill-all?wait=0s", &json!({"reason": "another call"}));
        assert_eq!(other.status, 422, "{path}: {}", other.body);
        assert_eq!(other.body["type"], "urn:flightdeck:problem:idempotency-key-reused");
        assert_eq!(other.body["errors"][0]["field"], "Idempotency-Key");
    }
    let said = server.get(&at("messages")).expect(200);
    let operators = said["messages"].as_array().expect("messages").iter().filter(|said| said["role"] == "operator");
    assert_eq!(operators.count(), 1);
}

#[test]
fn a_key_may_stand_in_quotes_and_must_be_a_key() {
    let server = TestServer::start();
    let agent = server.session(None);
    let inject = |key: &str| server.post_once(key, &format!("/agents/{agent}/inject"), &json!({"message": "once"}));
    let bare = inject("8e03978e-40d5-43dd-bc93-6894a57f9324");
    let quoted = inject("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
    assert_eq!((bare.body, replayed(&quoted)), (quoted.body, true));
    for (key, fault) in [("", "must not be empty"), ("\"\"", "must not be empty"), (&"k".repeat(201), "is too long")] {
        let refused = inject(key).expect(400);
        let field = &refused["errors"][0];
        assert_eq!(field["field"], "Idempotency-Key");
        assert!(field["detail"].as_str().is_some_and(|detail| detail.contains(fault)), "{refused}");
    }
}
