//! Every intervention is on the record.

use flightdeck_domain::audit::{ExportProblem, ExportSummary, ExportVerifier};
use flightdeck_domain::operator::Role;
use flightdeck_domain::ports::CheckpointSigner;
use serde_json::{Value, json};

use crate::server::{TestServer, signer};

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
    let entry = server.get("/audit?limit=1").expect(200)["entries"][0].clone();
    assert_eq!((&entry["action"], &entry["outcome"]), (&json!("kill"), &json!("refused")));
    assert_eq!(server.get(&format!("/agents/{agent}/status")).expect(200)["desiredStatus"], "running");
}

/// The newest entries, as the memory store has them, without leaving a trace of the look.
fn newest(server: &TestServer, count: usize) -> Vec<Value> {
    let page = server.get(&format!("/audit?limit={}", count + 1)).expect(200);
    page["entries"].as_array().expect("entries").clone()
}

#[test]
fn reading_the_log_stands_on_the_log_with_what_was_asked_for() {
    let server = TestServer::start();
    let operator = server.key(Role::Operator);
    let key_id = operator.split('_').nth(1).expect("an id");
    let agent = server.session(None);
    let before = newest(&server, 0)[0]["seq"].as_u64().expect("a seq");
    server.get_as(&operator, &format!("/audit?subtree={agent}&from=2026-01-01T01:00:00%2B01:00&limit=7")).expect(200);
    server.get_as(&operator, "/audit/verify").expect(200);
    server.get_as(&operator, "/audit/export?after=1").expect(200);
    let entries: Vec<Value> = newest(&server, 9)
        .into_iter()
        .filter(|entry| entry["actor"] == key_id && entry["seq"].as_u64() > Some(before))
        .collect();
    let read: Vec<&Value> = entries.iter().map(|entry| &entry["details"]["read"]).collect();
    assert_eq!(read, ["export", "verify", "page"]);
    for entry in &entries {
        assert_eq!((&entry["action"], &entry["outcome"]), (&json!("audit_read"), &json!("accepted")));
        assert_eq!(entry["target"], json!({"kind": "auditLog"}));
    }
    assert_eq!(entries[0]["details"], json!({"read": "export", "after": "1"}));
    let asked = json!({"read": "page", "subtree": agent, "from": "2026-01-01T00:00:00.000000Z", "limit": "7"});
    assert_eq!(entries[2]["details"], asked);
}

#[test]
fn who_was_not_let_in_to_read_is_on_record() {
    let server = TestServer::start();
    let viewer = server.key(Role::Viewer);
    for (method, path) in
        [("GET", "/audit"), ("GET", "/audit/export"), ("GET", "/audit/verify"), ("POST", "/audit/checkpoint")]
    {
        assert_eq!(server.call_as(&viewer, method, path, "application/json", b"").status, 403, "{path}");
        let entry = newest(&server, 0)[0].clone();
        assert_eq!((&entry["action"], &entry["outcome"]), (&json!("audit_read"), &json!("refused")), "{path}");
        assert!(entry["details"]["refusal"].as_str().is_some_and(|text| text.contains("viewer")));
    }
}

#[test]
fn a_subtree_and_a_span_of_time_can_be_read() {
    let server = TestServer::start();
    let top = server.session(None);
    let below = server.session(Some(&top));
    let beside = server.session(None);
    for agent in [&below, &beside, &top] {
        server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    }
    let page = server.get(&format!("/audit?subtree={top}&action=pause")).expect(200);
    let targets: Vec<&Value> =
        page["entries"].as_array().expect("entries").iter().map(|e| &e["target"]["value"]).collect();
    assert_eq!(targets, [&json!(top), &json!(below)]);
    let at = page["entries"][0]["at"].as_str().expect("a moment");
    let seqs = |query: &str| {
        let page = server.get(&format!("/audit?agentId={top}&{query}")).expect(200);
        page["entries"].as_array().expect("entries").len()
    };
    assert_eq!((seqs(&format!("from={at}")), seqs(&format!("to={at}")), seqs("to=2020-01-01T00:00:00Z")), (1, 0, 0));
}

fn prove(export: &str) -> Result<ExportSummary, ExportProblem> {
    let mut verifier = ExportVerifier::new(Some(signer().public_key()));
    for line in export.lines() {
        verifier.next(line.as_bytes())?;
    }
    verifier.finish()
}

#[test]
fn an_export_is_proven_without_the_server() {
    let server = TestServer::start();
    let agent = server.session(None);
    // More entries than one page of the export.
    for _ in 0..300 {
        server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({"reason": "é\n\"x\""})).expect(202);
        server.post(&format!("/agents/{agent}/resume?wait=0s"), &json!({})).expect(200);
    }
    let signed = server.post("/audit/checkpoint", &json!({})).expect(200);
    assert_eq!((&signed["created"], signed["checkpoint"]["seq"].as_u64()), (&json!(true), Some(601)));
    assert_eq!(server.post("/audit/checkpoint", &json!({})).expect(200)["created"], false);
    let reply = server.get("/audit/export");
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let text = reply.expect(200).as_str().expect("lines").to_owned();
    let proof = prove(&text).expect("good");
    // The first key, the 600, and the export itself; signed on demand and by the export.
    assert_eq!((proof.entries, proof.checkpoints, proof.signed_up_to), (602, 2, Some(proof.head.seq)));
    let forged = text.replacen("pause", "resum", 1);
    assert!(prove(&forged).is_err());
    let part = server.get("/audit/export?after=600").expect(200).as_str().expect("lines").to_owned();
    assert_eq!(prove(&part).expect("good").after.get(), 600);
    let proof = server.get("/audit/verify").expect(200);
    assert_eq!((&proof["valid"], &proof["keyId"]), (&json!(true), &signed["checkpoint"]["keyId"]));
    assert!(proof["checkpoints"].as_u64() >= Some(3), "{proof}");
}
