//! How much of a body is taken in, from whom, and when.

use std::time::{Duration, Instant};

use flightdeck_domain::operator::Role;
use flightdeck_http_api::{ApiOptions, BodyLimits};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::server::{TestServer, options};

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// Every route that takes JSON, with the largest body that it takes.
fn caps(agent: &str) -> Vec<(&'static str, String, usize)> {
    let of = |verb: &str| format!("/agents/{agent}/{verb}");
    vec![
        ("POST", "/login".to_owned(), 4 * KIB),
        ("POST", of("kill"), 64 * KIB),
        ("POST", "/agents/kill-all".to_owned(), 64 * KIB),
        ("POST", "/killswitch/release".to_owned(), 64 * KIB),
        ("POST", of("pause"), 64 * KIB),
        ("POST", of("resume"), 64 * KIB),
        ("POST", of("interrupt"), 64 * KIB),
        ("POST", of("close"), 64 * KIB),
        ("POST", of("commands/1/cancel"), 64 * KIB),
        ("POST", of("commands/1/ack"), 64 * KIB),
        ("POST", of("status"), 64 * KIB),
        ("PUT", of("budget"), 64 * KIB),
        ("DELETE", of("budget"), 64 * KIB),
        ("PUT", "/missions/m/budget".to_owned(), 64 * KIB),
        ("DELETE", "/missions/m/budget".to_owned(), 64 * KIB),
        ("PUT", "/missions/m/guard".to_owned(), 64 * KIB),
        ("POST", "/approvals/0198c1f0-7d3e-7c2a-9a51-3f6f0e0e8b44/decide".to_owned(), 256 * KIB),
        ("POST", of("inject"), 4 * MIB),
        ("POST", of("approvals"), 4 * MIB),
        ("POST", of("messages"), 4 * MIB),
        ("POST", of("changes"), 4 * MIB),
        ("POST", "/agents".to_owned(), 4 * MIB),
        ("POST", "/agents/spawn".to_owned(), 4 * MIB),
    ]
}

fn head(method: &str, path: &str, key: &str, rest: &str) -> String {
    let key = format!("X-API-Key: {key}\r\nContent-Type: application/json");
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n{rest}\r\n\r\n")
}

#[test]
fn what_is_announced_too_long_is_refused_before_a_byte_is_read() {
    let server = TestServer::start();
    for (method, path, cap) in caps(&server.session(None)) {
        let mut raw = Raw::open(&server);
        raw.send(&head(method, &path, &server.admin, &format!("Content-Length: {}", cap + 1)));
        let (status, problem) = raw.answer();
        assert_eq!((status, &problem["type"]), (413, &json!("urn:flightdeck:problem:body-too-large")), "{path}");
        assert!(problem["detail"].as_str().expect("a text").contains(&format!("larger than {cap} bytes")), "{problem}");
    }
}

#[test]
fn what_announces_nothing_is_cut_at_the_cap() {
    let server = TestServer::start();
    for (method, path, cap) in caps(&server.session(None)) {
        let mut raw = Raw::open(&server);
        raw.send(&head(method, &path, &server.admin, "Transfer-Encoding: chunked"));
        let chunk = " ".repeat(1 + cap / 4);
        let _all_taken = (0..4).all(|_| raw.chunk(&chunk));
        assert_eq!(raw.status(), 413, "{path}");
    }
}

/// A body is read for nobody who may not send it: the answer comes though none of it does.
#[test]
fn who_may_not_is_told_so_before_the_body() {
    let server = TestServer::start();
    let agent = server.session(None);
    let viewer = server.key(Role::Viewer);
    let hook = ("POST", "/hooks/claude-code".to_owned(), MIB);
    for (method, path, _) in caps(&agent).into_iter().chain([hook]).filter(|(_, path, _)| path != "/login") {
        for (key, expected) in [("fd_nonsense", 401), (viewer.as_str(), 403)] {
            let mut raw = Raw::open(&server);
            raw.send(&head(method, &path, key, "Content-Length: 1000"));
            assert_eq!(raw.status(), expected, "{method} {path}");
        }
    }
}

fn tight() -> BodyLimits {
    BodyLimits { strangers: 2 * KIB, stops: 2 * KIB, operators: 2 * KIB, agents: 2 * KIB }
}

#[test]
fn where_no_more_can_be_held_the_answer_says_when_to_come_back() {
    let server = TestServer::with(ApiOptions { bodies: tight(), ..options() });
    let agent = server.session(None);
    let long = json!([{"role": "user", "content": "x".repeat(3 * KIB)}]);
    let path = format!("/agents/{agent}/messages");
    let refused = server.post(&path, &long);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.expect(503)["type"], "urn:flightdeck:problem:busy");
    let line = long[0].to_string();
    let stream = server.call("POST", &format!("{path}?stream=true"), "application/x-ndjson", line.as_bytes());
    assert_eq!(stream.header("flightdeck-appended"), Some("0"));
    assert_eq!(stream.expect(503)["type"], "urn:flightdeck:problem:busy");
    server.say(&agent, 3);
}

/// Bodies that one kind of caller leaves unfinished leave room for the others, and above all for a stop.
#[test]
fn nobody_is_crowded_out_by_another() {
    let server = TestServer::with(ApiOptions { bodies: tight(), ..options() });
    let (agent, other) = (server.session(None), server.session(None));
    let routes = [
        ("/login".to_owned(), json!({"key": "x".repeat(1_000)})),
        (format!("/agents/{agent}/inject"), json!({"message": "x".repeat(1_000)})),
        (format!("/agents/{agent}/messages"), json!({"role": "user", "content": "x".repeat(1_000)})),
    ];
    let unfinished: Vec<Raw> = routes
        .iter()
        .map(|(path, _)| {
            let mut raw = Raw::open(&server);
            raw.send(&head("POST", path, &server.admin, "Transfer-Encoding: chunked"));
            assert!(raw.chunk(&" ".repeat(1_500)));
            raw
        })
        .collect();
    // Each is refused as soon as the unfinished one has arrived.
    let until = |path: &str, body: &Value, full: bool| {
        let began = Instant::now();
        while (server.post(path, body).status == 503) != full {
            assert!(began.elapsed() < Duration::from_secs(20), "{path}: full is {full} no more");
        }
    };
    for (path, body) in &routes {
        until(path, body, true);
    }
    let why = json!({"reason": "r".repeat(100)});
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &why).expect(202);
    server.post(&format!("/agents/{agent}/interrupt?wait=0s"), &why).expect(202);
    server.post(&format!("/agents/{other}/kill?wait=0s"), &why).expect(202);
    server.post("/agents/kill-all?wait=0s", &why).expect(200);
    server.post("/killswitch/release", &why).expect(200);
    drop(unfinished);
    for (path, body) in &routes {
        until(path, body, false);
    }
}

/// Many clients send `{}` all the same, in a packet of its own.
#[test]
fn a_body_that_a_route_does_not_take_is_off_the_connection_before_the_answer() {
    let server = TestServer::start();
    let agent = server.session(None);
    let approval = "01890a5d-ac96-774b-bcce-b302099a8057";
    let head = |path: &str| {
        let key = &server.admin;
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        )
    };
    let heartbeat = format!("/agents/{agent}/heartbeat");
    let mut raw = Raw::open(&server);
    for (path, status) in
        [(&*heartbeat, 200), ("/login-links", 201), ("/audit/checkpoint", 200), ("/logout", 204), (&heartbeat, 200)]
    {
        raw.send(&head(path));
        assert!(raw.is_silent(), "{path} is answered before its body is there");
        raw.send("{}");
        assert_eq!(raw.status(), status, "{path}");
    }
    // Where the call is refused, its body is not waited for.
    raw.send(&head(&format!("/approvals/{approval}/withdraw")));
    assert_eq!(raw.status(), 404);
}
