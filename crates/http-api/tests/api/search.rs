//! Words are looked for in a conversation; the fleet at a glance.

use serde_json::json;

use crate::server::TestServer;

#[test]
fn words_are_found_from_the_end_to_the_beginning() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 30);
    let said = json!({"role": "assistant", "content": "The Tests are GREEN & done"});
    server.post(&format!("/agents/{agent}/messages"), &said).expect(201);
    let found = server.get(&format!("/agents/{agent}/messages/search?q=tests%20are%20green%20%26")).expect(200);
    let seqs = |body: &serde_json::Value| -> Vec<u64> {
        body["matches"].as_array().expect("matches").iter().map(|found| found["seq"].as_u64().expect("a seq")).collect()
    };
    assert_eq!((seqs(&found), found.get("nextBefore")), (vec![31], None));
    assert_eq!(found["matches"][0]["content"], said["content"]);
    let first = server.get(&format!("/agents/{agent}/messages/search?q=line&limit=2")).expect(200);
    assert_eq!((seqs(&first), &first["nextBefore"]), (vec![30, 29], &json!(29)));
    let rest = server.get(&format!("/agents/{agent}/messages/search?q=line&limit=200&before=29")).expect(200);
    assert_eq!((seqs(&rest), rest.get("nextBefore")), ((1..29).rev().collect(), None));
}

#[test]
fn the_fleet_tells_of_the_kill_switch_and_of_followers() {
    let server = TestServer::start();
    let agent = server.session(None);
    assert_eq!(server.get("/fleet").expect(200), json!({"killSwitchEngaged": false, "openStreams": 0}));
    let mut followers =
        [server.stream("/agents/events", None), server.stream(&format!("/agents/{agent}/messages/stream"), None)];
    let streams: Vec<_> = followers.iter_mut().map(|stream| stream.as_mut().expect("open")).collect();
    assert_eq!(server.get("/fleet").expect(200)["openStreams"], streams.len());
    server.post("/agents/kill-all?wait=0s", &json!({})).expect(200);
    assert_eq!(server.get("/fleet").expect(200)["killSwitchEngaged"], true);
    server.post("/killswitch/release", &json!({})).expect(200);
    assert_eq!(server.get("/fleet").expect(200)["killSwitchEngaged"], false);
}
