//! Every intervention is on the record.

use flightdeck_domain::operator::Role;
use serde_json::json;

use crate::server::TestServer;

#[test]
fn who_did_what_to_whom_is_on_record_and_provable() {
    let server = TestServer::start();
    let operator = server.key(Role::Operator);
    let key_id = operator.split('_').nth(1).expect("an id");
    let agent = server.session(None);
    server
        .post_as(&operator, &format!("/agents/{agent}/inject"), &json!({"message": "a secret", "reason": "asked to"}))
        .expect(200);
    server.post_as(&operator, &format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    let page = server.get_as(&operator, &format!("/audit?agentId={agent}&operator={key_id}")).expect(200);
    let entries = page["entries"].as_array().expect("entries");
    assert_eq!(entries.iter().map(|e| &e["action"]).collect::<Vec<_>>(), ["pause", "inject"]);
    assert_eq!((&entries[1]["reason"], &entries[1]["actor"]), (&json!("asked to"), &json!(key_id)));
    let whole = server.get("/audit").expect(200).to_string();
    assert!(!whole.contains("a secret"), "contents are hashed, not copied");
    assert!(!whole.contains(operator.as_str()) && !whole.contains(operator.rsplit('_').next().expect("a secret")));
    let proof = server.get("/audit/verify").expect(200);
    assert_eq!((&proof["valid"], &proof["problem"]), (&json!(true), &json!(null)));

    assert_eq!(server.get("/audit?action=inject").expect(200)["entries"].as_array().map(Vec::len), Some(1));
    let newest = server.get("/audit?limit=1").expect(200);
    let before = newest["nextBefore"].as_u64().expect("more");
    let older = server.get(&format!("/audit?limit=1&before={before}")).expect(200);
    assert_eq!(older["entries"][0]["seq"].as_u64(), Some(before - 1));
}

#[test]
fn being_denied_is_on_record_too() {
    let server = TestServer::start();
    let viewer = server.key(Role::Viewer);
    let agent = server.session(None);
    let denied = server.post_as(&viewer, &format!("/agents/{agent}/kill"), &json!({})).expect(403);
    assert_eq!(denied["type"], "urn:flightdeck:problem:denied");
    server.get_as(&viewer, "/audit").expect(403);
    let entry = server.get("/audit?limit=1").expect(200)["entries"][0].clone();
    assert_eq!((&entry["action"], &entry["outcome"]), (&json!("kill"), &json!("refused")));
    assert_eq!(server.get(&format!("/agents/{agent}/status")).expect(200)["desiredStatus"], "running");
}
