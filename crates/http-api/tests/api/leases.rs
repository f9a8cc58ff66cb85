//! Sessions are lost, and come back.

use std::time::{Duration, Instant};

use flightdeck_http_api::ApiOptions;
use serde_json::{Value, json};

use crate::server::{TestServer, options};

const LEASE: Duration = Duration::from_millis(300);

fn server() -> TestServer {
    TestServer::with(ApiOptions { lease: Some(LEASE), ..options() })
}

/// Waits until the session is seen in a status.
#[track_caller]
fn until(server: &TestServer, agent: &str, status: &str) -> Value {
    let started = Instant::now();
    loop {
        let session = server.get(&format!("/agents/{agent}/status")).expect(200);
        if session["status"] == status {
            return session;
        }
        assert!(started.elapsed() < Duration::from_secs(15), "still {}", session["status"]);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_silent_are_lost_and_a_message_brings_them_back() {
    let server = server();
    let mut feed = server.stream("/agents/events?after=0&type=status", None).expect("open");
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "idle"})).expect(200);
    let lost = until(&server, &agent, "lost");
    assert_eq!(lost["statusReason"], "no sign of life for 300ms");
    let told = server.get("/metrics").body;
    let told = told.as_str().expect("a text");
    let ran_out = told.lines().find_map(|line| line.strip_prefix("flightdeck_leases_expired_total "));
    assert!(ran_out.is_some_and(|number| number != "0"), "{told}");
    server.say(&agent, 1);
    let told = server.get(&format!("/agents/{agent}/messages")).expect(200);
    let said: Vec<_> = (0..4).map(|n| told["messages"][n]["content"].as_str().expect("a text").to_owned()).collect();
    let expected = [
        "status: running → idle",
        "status: idle → lost (no sign of life for 300ms)",
        "status: lost → idle (it gave a sign of life)",
        "line 0",
    ];
    assert_eq!(said, expected);
    let events: Vec<_> = (0..3).map(|_| feed.next().expect("an event").data["status"].clone()).collect();
    assert_eq!(events, ["idle", "lost", "idle"]);
}

#[test]
fn a_lost_agent_that_beats_again_hears_that_it_is_to_die() {
    let server = server();
    let agent = server.session(None);
    until(&server, &agent, "lost");
    server.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({"reason": "gone too long"})).expect(202);
    let heard = server.post(&format!("/agents/{agent}/heartbeat"), &json!({})).expect(200);
    assert_eq!(heard["control"], json!({"desiredStatus": "killed", "pendingCommands": 1}));
    let told = server.get(&format!("/agents/{agent}/messages")).expect(200);
    assert_eq!(told["messages"][1]["content"], "status: lost → running (it gave a sign of life)");
}

#[test]
fn agents_of_the_server_itself_have_no_lease() {
    let server = server();
    let body = json!({"taskId": "FD-1", "agentType": "robot", "provider": "scripted",
        "context": {"script": [{"say": "working"}, {"wait": {"ms": 600_000}}]}});
    let robot = server.post("/agents/spawn", &body).expect(201)["agentId"].as_str().expect("an id").to_owned();
    until(&server, &robot, "running");
    // By the time that this one is lost, the lease of the other would have run out too.
    let agent = server.session(None);
    until(&server, &agent, "lost");
    let session = server.get(&format!("/agents/{robot}/status")).expect(200);
    assert_eq!(session["status"], "running");
}

#[test]
fn without_leases_nobody_is_lost_but_who_is_reported_so() {
    let server = TestServer::with(ApiOptions { lease: None, ..options() });
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    let reply = server.post(&format!("/agents/{agent}/status"), &json!({"status": "lost"})).expect(200);
    assert_eq!((&reply["status"], &reply["control"]["pendingCommands"]), (&json!("lost"), &json!(1)));
    until(&server, &agent, "lost");
    server.post(&format!("/agents/{agent}/heartbeat"), &json!({})).expect(200);
    until(&server, &agent, "running");
}
