//! Conversations are written and paged.

use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};

use crate::server::TestServer;

fn seqs(body: &Value) -> Vec<u64> {
    body["messages"].as_array().expect("messages").iter().map(|m| m["seq"].as_u64().expect("a seq")).collect()
}

#[test]
fn one_an_array_and_ndjson_are_appended() {
    let server = TestServer::start();
    let path = format!("/agents/{}/messages", server.session(None));
    let one = server.post(&path, &json!({"role": "user", "content": "one"})).expect(201);
    assert_eq!(one["control"], json!({"desiredStatus": "running", "pendingCommands": 0}));
    let two = json!([{"role": "agent", "content": "two"}, {"role": "tool", "content": "three"}]);
    assert_eq!(seqs(&server.post(&path, &two).expect(201)), [2, 3]);
    let lines = b"{\"role\":\"assistant\",\"content\":\"four\"}\n\n{\"role\":\"system\",\"content\":\"five\"}\n";
    assert_eq!(seqs(&server.call("POST", &path, "application/x-ndjson", lines).expect(201)), [4, 5]);

    let page = server.get(&path).expect(200);
    assert_eq!((seqs(&page), page["total"].as_u64()), (vec![1, 2, 3, 4, 5], Some(5)));
    let roles: Vec<&Value> = page["messages"].as_array().expect("messages").iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "system"]);
}

#[test]
fn the_same_message_again_keeps_its_place_and_another_body_is_a_conflict() {
    let server = TestServer::start();
    let path = format!("/agents/{}/messages", server.session(None));
    let id = SystemIds.message_id().to_string();
    let message = json!({"id": id, "role": "assistant", "content": "once", "metadata": {"a": 1}});
    let first = server.post(&path, &message).expect(201);
    server.post(&path, &json!({"role": "user", "content": "between"})).expect(201);
    assert_eq!(server.post(&path, &message).expect(200)["messages"], first["messages"]);
    let other = json!({"id": id, "role": "assistant", "content": "twice"});
    let conflict = server.post(&path, &other).expect(409);
    assert_eq!(conflict["type"], "urn:flightdeck:problem:message-conflict");
    assert_eq!(server.get(&path).expect(200)["total"], 2);
}

#[test]
fn pages_forwards_backwards_and_by_skip_equal_the_whole() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 130);
    let path = format!("/agents/{agent}/messages");
    let whole: Vec<u64> = (1..=130).collect();
    assert_eq!(seqs(&server.get(&path).expect(200)), whole[..50]);
    assert_eq!(seqs(&server.get(&format!("{path}?limit=20&skip=100")).expect(200)), whole[100..120]);
    assert_eq!(seqs(&server.get(&format!("{path}?limit=20&before=11")).expect(200)), whole[..10]);
    let past = server.get(&format!("{path}?skip=500")).expect(200);
    assert_eq!((seqs(&past), past["total"].as_u64()), (vec![], Some(130)));

    let (mut forwards, mut after) = (Vec::new(), 0);
    while after < 130 {
        let page = seqs(&server.get(&format!("{path}?limit=37&after={after}")).expect(200));
        after = *page.last().expect("not empty");
        forwards.extend(page);
    }
    assert_eq!(forwards, whole);
    let (mut backwards, mut before) = (Vec::new(), 131);
    while before > 1 {
        let mut page = seqs(&server.get(&format!("{path}?limit=37&before={before}")).expect(200));
        before = page[0];
        page.append(&mut backwards);
        backwards = page;
    }
    assert_eq!(backwards, whole);
}

#[test]
fn a_status_change_is_part_of_the_conversation_and_closes_it_at_the_end() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let done = server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed", "reason": "all green"}));
    assert_eq!(done.expect(200)["status"], "completed");
    let path = format!("/agents/{agent}/messages");
    let page = server.get(&path).expect(200);
    assert_eq!(page["messages"][1]["content"], "status: running → completed (all green)");
    let closed = server.post(&path, &json!({"role": "assistant", "content": "late"})).expect(409);
    assert_eq!(closed["type"], "urn:flightdeck:problem:session-ended");
}

#[test]
fn awkward_content_comes_back_as_it_went_in() {
    let server = TestServer::start();
    let path = format!("/agents/{}/messages", server.session(None));
    let content = "tab\t quote\" back\\slash \u{1F680} \u{202E}bidi\u{2028} line\r\nbreak \u{1b}[31m <script>";
    server.post(&path, &json!({"role": "assistant", "content": content})).expect(201);
    assert_eq!(server.get(&path).expect(200)["messages"][0]["content"], content);
}
