//! What became of an operator's message is read and followed with the conversation.

use serde_json::{Value, json};

use crate::server::{Event, Stream, TestServer};

fn inject(server: &TestServer, agent: &str, text: &str) -> u64 {
    let reply = server.post(&format!("/agents/{agent}/inject"), &json!({"message": text})).expect(200);
    reply["commandSeq"].as_u64().expect("a command")
}

fn acknowledge(server: &TestServer, agent: &str, command: u64, body: &Value) {
    server.post(&format!("/agents/{agent}/commands/{command}/ack"), body).expect(200);
}

fn next(stream: &mut Stream) -> Event {
    stream.next().expect("an event")
}

/// Kind and, of a receipt, command and state.
fn told(event: &Event) -> (&str, Option<u64>, Option<&str>) {
    (&event.kind, event.data["commandSeq"].as_u64(), event.data["receipt"]["state"].as_str())
}

#[test]
fn a_message_shows_its_receipt_and_every_change_of_it_is_an_event() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages/stream");
    let mut live = server.stream(&path, None).expect("open");
    server.say(&agent, 1);
    let command = inject(&server, &agent, "Look again");
    let (plain, said) = (next(&mut live), next(&mut live));
    assert_eq!(plain.data.get("receipt"), None, "the agent's own messages have none");
    assert_eq!(said.data["receipt"], json!({"commandSeq": command, "state": "accepted"}));
    for state in ["delivered", "consumed"] {
        acknowledge(&server, &agent, command, &json!({"state": state}));
        let event = next(&mut live);
        assert_eq!(told(&event), ("receipt", Some(command), Some(state)));
        assert_eq!((event.id, &event.data["command"]["messageId"]), (None, &said.data["id"]));
        let read = server.get(&format!("/agents/{agent}/messages?after=1")).expect(200);
        assert_eq!(read["messages"][0]["receipt"], json!({"commandSeq": command, "state": state}));
    }
    let other = inject(&server, &agent, "And again");
    assert_eq!(next(&mut live).data["receipt"]["state"], "accepted");
    acknowledge(&server, &agent, other, &json!({"state": "refused", "reason": "no time"}));
    assert_eq!(told(&next(&mut live)), ("receipt", Some(other), Some("refused")));
    let read = server.get(&format!("/agents/{agent}/messages?before=4")).expect(200);
    let last = json!({"commandSeq": other, "state": "refused", "reason": "no time"});
    assert_eq!(read["messages"][2]["receipt"], last);
}

#[test]
fn a_reader_that_was_away_learns_what_changed_meanwhile() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages/stream");
    let command = inject(&server, &agent, "Look again");
    let mut live = server.stream(&path, None).expect("open");
    let seen = next(&mut live).id.expect("an id").to_string();
    drop(live);
    acknowledge(&server, &agent, command, &json!({"state": "consumed"}));
    server.say(&agent, 2);
    let mut again = server.stream(&path, Some(&seen)).expect("open");
    // What it has not seen comes first, then what became of what it has.
    assert_eq!((next(&mut again).id, next(&mut again).id), (Some(2), Some(3)));
    assert_eq!(told(&next(&mut again)), ("receipt", Some(command), Some("consumed")));
}

#[test]
fn the_end_of_a_session_tells_what_could_not_be_delivered_before_the_stream_ends() {
    let server = TestServer::start();
    let agent = server.session(None);
    let commands = [inject(&server, &agent, "one"), inject(&server, &agent, "two")];
    let mut live = server.stream(&format!("/agents/{agent}/messages/stream"), None).expect("open");
    assert_eq!((next(&mut live).id, next(&mut live).id), (Some(1), Some(2)));
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "failed"})).expect(200);
    let mut rest = vec![next(&mut live), next(&mut live), next(&mut live), next(&mut live)];
    // The change of status is a message; it and the receipts come in any order, the end is the end.
    let end = rest.pop().expect("four");
    assert_eq!((end.kind.as_str(), end.data["lastSeq"].as_u64()), ("end", Some(3)));
    rest.retain(|event| event.kind == "receipt");
    let expected = commands.map(|command| ("receipt", Some(command), Some("undeliverable")));
    assert_eq!(rest.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(live.next(), None);
    let read = server.get(&format!("/agents/{agent}/messages")).expect(200);
    assert_eq!(read["messages"][0]["receipt"]["state"], "undeliverable");
}
