//! A stream has its connection for itself.

use std::time::Duration;

use flightdeck_http_api::ApiOptions;
use serde_json::json;

use crate::raw::Raw;
use crate::server::{TestServer, options};

/// A connection on which a conversation is followed, after its history of `said` messages.
fn following(server: &TestServer, agent: &str, version: &str, said: usize) -> (Raw, String) {
    let mut raw = Raw::open(server);
    raw.send(&request(server, "GET", &format!("/agents/{agent}/messages/stream"), version));
    let head = raw.until(&format!("id: {said}\n"));
    raw.until("data: ");
    (raw, head.to_ascii_lowercase())
}

fn request(server: &TestServer, method: &str, path: &str, version: &str) -> String {
    format!("{method} {path} HTTP/{version}\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", server.address, server.admin)
}

#[test]
fn the_connection_ends_with_its_stream() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let (mut raw, head) = following(&server, &agent, "1.1", 1);
    assert!(
        head.contains("\r\nconnection: close\r\n") && head.contains("\r\ntransfer-encoding: chunked\r\n"),
        "{head}"
    );
    server.say(&agent, 200);
    raw.until("id: 201\n");
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    let rest = raw.rest();
    assert!(rest.contains("event: end\n") && rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
}

/// Its stream leaves the connection to the library.
#[test]
fn a_client_of_http_1_0_is_served_too() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let (mut raw, head) = following(&server, &agent, "1.0", 1);
    assert!(head.starts_with("http/1.0 200 "), "{head}");
    server.say(&agent, 1);
    raw.until("id: 2\n");
}

#[test]
fn a_reader_may_have_nothing_more_to_say() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let (mut raw, _) = following(&server, &agent, "1.1", 1);
    raw.half_close();
    // Time for the server to see it.
    std::thread::sleep(Duration::from_millis(100));
    server.say(&agent, 1);
    raw.until("id: 2\n");
}

/// Its answer would have no place on the connection, so that the client could not know of it.
#[test]
fn what_comes_behind_the_request_of_a_stream_is_not_done() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let path = format!("/agents/{agent}/messages/stream");
    let pause = request(&server, "POST", &format!("/agents/{agent}/pause?wait=0s"), "1.1");
    let pause = pause.replace("\r\n\r\n", "\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    let mut raw = Raw::open(&server);
    raw.send(&(request(&server, "GET", &path, "1.1") + &pause));
    raw.until("id: 1\n");
    raw.send(&pause);
    server.say(&agent, 1);
    raw.until("id: 2\n");
    assert_eq!(server.get(&format!("/agents/{agent}/status")).expect(200)["desiredStatus"], "running");
    let audit = server.get("/audit?limit=10").expect(200)["entries"].to_string();
    assert!(!audit.contains("pause"), "{audit}");
}

/// Neither the shutdown nor the end of a key waits for a reader that takes nothing.
#[test]
fn a_reader_that_takes_nothing_holds_nobody_up() {
    let mut server = TestServer::with(ApiOptions { keep_alive: Duration::from_millis(100), ..options() });
    let agent = server.session(None);
    let raw = {
        let mut raw = Raw::open(&server);
        raw.send(&request(&server, "GET", &format!("/agents/{agent}/messages/stream"), "1.1"));
        raw.until("retry: ");
        raw
    };
    let long = "x".repeat(200_000);
    // More than the sockets hold.
    for _ in 0..60 {
        server.post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant", "content": long})).expect(201);
    }
    server.shutdown.cancel();
    let runtime = server.runtime.as_ref().expect("running");
    assert!(runtime.block_on(server.streams_ended.as_mut()), "a stream is still open");
    drop(raw);
}
