//! `HEAD` wherever `GET` is: the same status and headers, and nothing behind them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::openapi::{AGENT, described};
use crate::server::TestServer;

/// What differs between any two answers, or follows from how the content is sent.
const MOMENTARY: &[&str] = &["connection", "date", "x-request-id"];

/// A connection on which requests follow each other, so that a byte too much is seen.
struct Connection {
    stream: BufReader<TcpStream>,
    key: String,
}

impl Connection {
    fn open(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        Self { stream: BufReader::new(stream), key: server.admin.clone() }
    }

    fn ask(&mut self, method: &str, target: &str) {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {}\r\n\r\n", self.key);
        self.stream.get_mut().write_all(request.as_bytes()).expect("sent");
    }

    /// The status line and the headers of the next answer.
    fn head(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !MOMENTARY.contains(&name.as_str()) {
                lines.push(line);
            }
        }
        lines.sort();
        lines
    }
}

#[test]
fn head_is_get_without_its_content() {
    let server = TestServer::start();
    server.post("/agents", &json!({"sessionId": AGENT, "taskId": "FD-1", "agentType": "worker"})).expect(201);
    server.say(AGENT, 3);
    let paths = described(&server).into_iter().filter(|(method, ..)| method == "GET");
    // Each reading of the audit log is recorded, so that no two of them are alike.
    let steady = paths.map(|(_, filled, _)| filled).filter(|path| !path.starts_with("/audit"));
    let mut seen = 0;
    for path in steady.chain(["/", "/console/app.js", "/nothing", "/agents/x/status"].map(ToOwned::to_owned)) {
        if path.starts_with("/login/") {
            continue;
        }
        let mut got = Connection::open(&server);
        got.ask("GET", &path);
        let got = got.head();
        let mut asked = Connection::open(&server);
        asked.ask("HEAD", &path);
        assert_eq!(asked.head(), got, "{path}");
        asked.ask("GET", "/health/live");
        assert!(asked.head().contains(&"content-type: application/json".to_owned()), "{path}");
        seen += 1;
    }
    assert!(seen > 20, "{seen} paths");
}

#[test]
fn a_route_without_get_has_no_head() {
    let server = TestServer::start();
    let mut asked = Connection::open(&server);
    asked.ask("HEAD", &format!("/agents/{AGENT}/pause"));
    let head = asked.head();
    assert!(head.contains(&"HTTP/1.1 405 Method Not Allowed".to_owned()), "{head:?}");
    assert!(head.contains(&"allow: POST".to_owned()), "{head:?}");
    let refused = server.call("DELETE", "/agents", "", b"");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
}

/// Mail programs look at links before anybody opens them.
#[test]
fn head_does_not_use_a_login_link_up() {
    let server = TestServer::start();
    let made = server.post("/login-links", &json!({})).expect(201);
    let path = made["path"].as_str().expect("its path").to_owned();
    for _ in 0..2 {
        let mut asked = Connection::open(&server);
        asked.ask("HEAD", &path);
        let head = asked.head();
        assert!(head.contains(&"HTTP/1.1 200 OK".to_owned()), "{head:?}");
        assert!(!head.iter().any(|line| line.starts_with("set-cookie")), "{head:?}");
    }
    server.send(&[], "GET", &path, &serde_json::Value::Null).expect(303);
}
