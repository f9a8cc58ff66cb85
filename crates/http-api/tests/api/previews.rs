//! What is being said, on the stream of a conversation.

use serde_json::json;

use crate::server::TestServer;

#[test]
fn previews_are_for_those_who_ask_and_move_no_cursor() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 1);
    let path = format!("/agents/{agent}/messages/stream");
    let mut plain = server.stream(&path, None).expect("open");
    let mut asked = server.stream(&format!("{path}?preview=true"), None).expect("open");
    assert_eq!((plain.ids(1), asked.ids(1)), (vec![1], vec![1]));
    let session = agent.parse().expect("an id");
    server.ports.wake_ups.previewed(session, "message", "so far");
    let preview = asked.next().expect("a preview");
    let expected = json!({"kind": "message", "text": "so far", "leftOut": 0});
    assert_eq!((preview.kind.as_str(), preview.id, preview.data), ("preview", None, expected));
    server.say(&agent, 1);
    // Whoever did not ask sees the next message at once, and both see it as the second.
    assert_eq!((plain.ids(1), asked.ids(1)), (vec![2], vec![2]));
}

#[test]
fn a_log_is_kept_of_programs_that_the_server_runs_alone() {
    let server = TestServer::start();
    let agent = server.session(None);
    let reply = server.get(&format!("/agents/{agent}/log")).expect(404);
    assert!(reply["type"].as_str().is_some_and(|kind| kind.ends_with("no-log")), "{reply}");
}
