//! The fleet feed is followed.

use serde_json::json;

use crate::server::TestServer;

#[test]
fn snapshot_and_feed_have_no_gap_between_them() {
    let server = TestServer::start();
    let first = server.session(None);
    let as_of = server.get("/agents/tree").header("flightdeck-as-of").expect("a position").to_owned();
    let second = server.session(Some(&first));
    server.post(&format!("/agents/{first}/status"), &json!({"status": "idle"})).expect(200);
    server.post(&format!("/agents/{second}/inject"), &json!({"message": "hello"})).expect(200);
    let mut feed = server.stream(&format!("/agents/events?after={as_of}"), None).expect("open");
    let events: Vec<_> = (0..3).map(|_| feed.next().expect("an event")).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["spawned", "status", "action"]);
    assert_eq!(events[0].data["sessionId"], json!(second));
    assert_eq!(events[0].data["parentSessionId"], json!(first));
    assert_eq!(events[1].data["status"], "idle");
    assert_eq!(events[2].data["action"], "inject");
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));

    let cut = events[0].id.expect("an id").to_string();
    let mut resumed = server.stream("/agents/events", Some(&cut)).expect("open");
    assert_eq!(resumed.next(), Some(events[1].clone()));
}

#[test]
fn without_a_cursor_it_begins_with_what_happens_next() {
    let server = TestServer::start();
    server.session(None);
    let mut feed = server.stream("/agents/events", None).expect("open");
    let next = server.session(None);
    assert_eq!(feed.next().expect("an event").data["sessionId"], json!(next));
    let ahead = server.stream("/agents/events?after=1000", None).err().expect("refused");
    assert_eq!(ahead.status, 400);
}
