//! What holds for everybody: which host, what may be kept, and what is counted.

use std::sync::Arc;

use flightdeck_http_api::{ApiOptions, Counters, Counts};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::server::{TestServer, options};

#[test]
fn a_name_that_an_attacker_points_here_reaches_nothing() {
    let server = TestServer::with(ApiOptions { allowed_hosts: vec!["deck.example".to_owned()], ..options() });
    for path in ["/", "/console/main.js", "/health/live", "/login/x", "/agents", "/openapi.json"] {
        let asked = |host: &str| {
            let headers = [("Host", host), ("X-API-Key", server.admin.as_str()), ("X-Forwarded-Host", "localhost")];
            server.send(&headers, "GET", path, &Value::Null)
        };
        for foreign in ["evil.example", "evil.example:7600", "localhost.evil.example", "10.0.0.1"] {
            let refused = asked(foreign).expect(421);
            let detail = refused["detail"].as_str().expect("a text");
            let name = foreign.split(':').next().expect("a name");
            assert!(detail.contains(name) && detail.contains("FLIGHTDECK_ALLOWED_HOSTS"), "{detail}");
            assert_eq!(refused["type"], "urn:flightdeck:problem:misdirected");
        }
        for own in ["localhost", "127.0.0.1:80", "[::1]:7600", "DECK.example:443"] {
            assert_ne!(asked(own).status, 421, "{path} {own}");
        }
    }
    let mut raw = Raw::open(&server);
    raw.send("GET http://evil.example/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(raw.status(), 421, "the target says it too");
    let mut raw = Raw::open(&server);
    raw.send("GET /health/live HTTP/1.0\r\n\r\n");
    assert_eq!(raw.status(), 200, "HTTP/1.0 needs no host");
}

#[test]
fn private_answers_are_kept_nowhere() {
    let server = TestServer::start();
    let agent = server.session(None);
    let private = [
        server.get("/agents"),
        server.get(&format!("/agents/{agent}/messages")),
        server.get("/audit/export"),
        server.get("/nowhere"),
        server.get_as("", "/agents"),
        server.post("/agents", &json!({"x": 1})),
        server.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({})),
        server.send(&[], "GET", "/login/x", &Value::Null),
        server.send(&[], "POST", "/login", &json!({"key": server.admin})),
        server.call("PATCH", "/agents", "", b"x"),
    ];
    for reply in private {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{}", reply.body);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{}", reply.body);
    }
    let page = server.get("/console/main.js");
    assert_eq!(page.header("cache-control"), Some("no-cache"), "a browser asks whether it is still the same");
}

#[test]
fn what_is_turned_away_is_counted() {
    let counters = Arc::<Counters>::default();
    let counted = Arc::clone(&counters);
    let server = TestServer::wired(options(), |api| api.with_counters(counted));
    let agent = server.session(None);
    server.send(&[("Host", "evil.example")], "GET", "/agents", &Value::Null).expect(421);
    let report = |rest: &str| {
        let mut raw = Raw::open(&server);
        let key = &server.admin;
        raw.send(&format!("POST /agents/{agent}/status HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n{rest}"));
        raw.status()
    };
    assert_eq!(report("Content-Length: 70000\r\n\r\n"), 413);
    assert_eq!(report("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400, "no chunk begins so");
    assert_eq!(counters.read(), Counts { malformed: 1, too_large: 1, misdirected: 1, ..Counts::default() });
}
