//! The server and its fleet in numbers.

use std::collections::BTreeMap;

use flightdeck_domain::operator::Role;
use serde_json::json;

use crate::server::TestServer;

/// Every number by its name and labels.
fn told(server: &TestServer) -> BTreeMap<String, String> {
    let reply = server.get("/metrics");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = reply.body.as_str().expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.to_owned())
    });
    lines.collect()
}

#[test]
fn what_is_in_the_store_and_what_waits_is_told() {
    let server = TestServer::start();
    let (agent, ended) = (server.session(None), server.session(None));
    server.post(&format!("/agents/{ended}/status"), &json!({"status": "completed"})).expect(200);
    let ask = json!({"title": "push", "options": ["allow_once", "reject_once"]});
    server.post(&format!("/agents/{agent}/approvals"), &ask).expect(201);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    let told = told(&server);
    let is = |name: &str| told.get(name).map_or_else(|| panic!("{name} is not in {told:#?}"), String::as_str);
    let number = |name: &str| is(name).parse::<f64>().expect("a number");
    assert_eq!(is("flightdeck_sessions{status=\"waiting\"}"), "1");
    assert_eq!(is("flightdeck_sessions{status=\"completed\"}"), "1");
    assert_eq!(is("flightdeck_sessions{status=\"lost\"}"), "0", "what there is none of is told, too");
    assert_eq!(is("flightdeck_approvals_open"), "1");
    assert!(number("flightdeck_approvals_oldest_age_seconds") >= 0.0);
    assert_eq!(is("flightdeck_operations_open"), "1");
    assert_eq!((is("flightdeck_ready"), is("flightdeck_store_up")), ("1", "1"));
    assert_eq!(is("flightdeck_runners{state=\"silent\"}"), "0");
    assert_eq!(is("flightdeck_feed_lag_events"), "0");
    assert!(number("flightdeck_feed_position") > 3.0);
    assert!(!told.contains_key("flightdeck_store_bytes"), "this store is not on a disk");
}

#[test]
fn what_the_server_does_is_counted() {
    let server = TestServer::start();
    let agent = server.session(None);
    let is = |name: &str| told(&server).get(name).map_or(0, |count| count.parse::<u64>().expect("a count"));
    let (messages, appends) = ("flightdeck_messages_total", "flightdeck_append_duration_seconds_count");
    let before = (is(messages), is(appends));
    let batch = json!([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]);
    server.post(&format!("/agents/{agent}/messages"), &batch).expect(201);
    // Other tests of this process append, too.
    assert!(is(messages) >= before.0 + 2 && is(appends) > before.1);
    let _stream = server.stream("/agents/events", None).expect("open");
    assert_eq!(is("flightdeck_open_streams"), 1);
    let malformed = server.post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant"})).status;
    assert_eq!((malformed, is("flightdeck_refused_requests_total{reason=\"too_large\"}")), (400, 0));
    let large = "x".repeat(5 << 20);
    server.post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant", "content": large})).expect(413);
    assert_eq!(is("flightdeck_refused_requests_total{reason=\"too_large\"}"), 1);
}

#[test]
fn no_label_is_what_an_agent_says() {
    let server = TestServer::start();
    let new = json!({"taskId": "canary-task", "agentType": "canary-type", "missionId": "canary-mission"});
    let agent = server.post("/agents", &new).expect(201)["agentId"].as_str().expect("an id").to_owned();
    server
        .post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant", "content": "canary-text"}))
        .expect(201);
    let reply = server.get("/metrics");
    let text = reply.body.as_str().expect("text");
    assert!(!text.contains("canary") && !text.contains(&agent), "{text}");
    assert!(text.lines().count() < 250, "{}", text.lines().count());
}

#[test]
fn whoever_may_see_the_fleet_reads_it_in_the_form_that_he_accepts() {
    let server = TestServer::start();
    let viewer = server.key(Role::Viewer);
    let headers = [("x-api-key", viewer.as_str()), ("accept", "application/openmetrics-text; version=1.0.0")];
    let reply = server.send(&headers, "GET", "/metrics", &json!(null));
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(reply.body.as_str().is_some_and(|text| text.ends_with("# EOF\n")));
    server.get("/metrics?all=yes").expect(400);
}
