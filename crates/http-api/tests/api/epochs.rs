//! Cursors from before a restore.

use std::sync::OnceLock;

use flightdeck_domain::epoch::Epoch;
use flightdeck_http_api::CurrentEpoch;
use serde_json::{Value, json};

use crate::server::{Event, TestServer, options};

/// A server of epoch 1, and where to change it.
fn server() -> (TestServer, CurrentEpoch) {
    let told = OnceLock::new();
    let server = TestServer::wired(options(), |api| {
        let epoch = api.epoch();
        epoch.set(Epoch::new(1));
        told.set(epoch).expect("once");
        api
    });
    (server, told.into_inner().expect("told"))
}

fn said(server: &TestServer, agent: &str, text: &str) {
    server.post(&format!("/agents/{agent}/messages"), &json!({"role": "user", "content": text})).expect(201);
}

fn gap(event: &Event, epoch: &str, after: u64) {
    let expected = json!({"reason": "restored", "epoch": epoch, "after": after});
    assert_eq!((event.kind.as_str(), &event.data), ("gap", &expected));
}

#[test]
fn a_place_on_the_feed_of_another_history_is_told_as_a_gap() {
    let (server, epoch) = server();
    server.session(None);
    let as_of = server.get("/agents/tree").header("flightdeck-as-of").expect("a place").to_owned();
    assert_eq!(as_of, "00000001-1");
    let second = server.session(None);
    for good in [as_of.as_str(), "1"] {
        let mut feed = server.stream(&format!("/agents/events?after={good}&activity=off"), None).expect("open");
        assert_eq!(feed.next().expect("an event").data["sessionId"], json!(second), "{good}");
    }
    epoch.set(Epoch::new(0xab));
    for (query, header) in [(format!("?after={as_of}&activity=off"), None), ("?activity=off".to_owned(), Some(&*as_of))]
    {
        let mut feed = server.stream(&format!("/agents/events{query}"), header).expect("open");
        let told = feed.next().expect("an event");
        let head = server.get("/agents/tree").header("flightdeck-as-of").expect("a place").to_owned();
        let position: u64 = head.strip_prefix("000000ab-").expect("today's").parse().expect("a position");
        gap(&told, "000000ab", position);
        assert_eq!(told.id, Some(position), "a reconnect goes on from here");
        let next = server.session(None);
        assert_eq!(feed.next().expect("an event").data["sessionId"], json!(next));
    }
}

#[test]
fn a_conversation_of_another_history_begins_anew() {
    let (server, epoch) = server();
    let agent = server.session(None);
    for text in ["one", "two", "three"] {
        said(&server, &agent, text);
    }
    let path = format!("/agents/{agent}/messages/stream");
    let known = server.get(&format!("/agents/{agent}/messages")).header("flightdeck-epoch").expect("told").to_owned();
    let mut same = server.stream(&format!("{path}?epoch={known}"), Some("2")).expect("open");
    assert_eq!(same.ids(1), [3]);
    epoch.set(Epoch::new(2));
    let mut other = server.stream(&format!("{path}?epoch={known}&after=1"), Some("2")).expect("open");
    gap(&other.next().expect("an event"), "00000002", 0);
    assert_eq!(other.ids(3), [1, 2, 3]);
    // A cursor from behind the new end is of no importance then, and neither is that nothing will follow.
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    let mut ended = server.stream(&format!("{path}?epoch={known}&tail=1"), Some("900")).expect("open");
    gap(&ended.next().expect("an event"), "00000002", 3);
    assert_eq!(ended.ids(1), [4]);
    assert_eq!(ended.next().expect("an event").kind, "end");
    let refused = server.stream(&format!("{path}?epoch=x"), None).err().expect("refused");
    assert_eq!((refused.status, refused.body["errors"][0]["field"].clone()), (400, Value::from("epoch")));
}
