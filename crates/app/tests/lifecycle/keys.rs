//! Keys, given out and ended while the server runs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::process::{Server, flightdeck, run, told};
use crate::support::sse::Stream;

/// How long after a revocation streams may still be open and requests may still pass.
const REVOKED_WITHIN: Duration = Duration::from_secs(3);

/// Makes a key with the command line.
fn create(data_dir: &Path, arguments: &[&str]) -> String {
    let output = run(&mut flightdeck(data_dir, &[&["keys", "create", "--quiet"], arguments].concat()));
    let (out, errors) = told(&output);
    assert!(output.status.success(), "{errors}");
    out.trim().to_owned()
}

/// `fd_<keyid>_<secret>`
fn id_of(key: &str) -> &str {
    key.split('_').nth(1).expect("a key names its id")
}

#[test]
fn keys_are_made_listed_and_revoked_while_the_server_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let key = create(&data_dir, &["--role", "viewer", "--name", "the wall screen"]);
    let viewer = server.client(&key);
    assert_eq!(viewer.get("/agents").0, 200, "a new key works at once");

    let list = |state: &str| {
        let (out, errors) = told(&run(&mut flightdeck(&data_dir, &["keys", "list"])));
        let line = out.lines().find(|line| line.starts_with(id_of(&key))).unwrap_or_else(|| panic!("{out}{errors}"));
        assert!(line.contains("viewer") && line.contains("the wall screen") && line.contains(state), "{line}");
        let secret = key.split('_').nth(2).expect("a secret");
        assert!(!out.contains(secret), "the secret is not shown again");
    };
    list("good");

    let session = server.admin().register(None);
    server.admin().append(&session, &["before".to_owned()]);
    let path = format!("/agents/{session}/messages/stream");
    let mut stream = Stream::open(server.address, &key, &path, None).expect("an answer");
    assert_eq!(stream.expect().json()["content"], "before");

    let output = run(&mut flightdeck(&data_dir, &["keys", "revoke", id_of(&key)]));
    let revoked = Instant::now();
    assert!(output.status.success(), "{}", told(&output).1);
    assert!(stream.next().expect("it is closed as HTTP wants it").is_none(), "nothing more is sent");
    assert!(revoked.elapsed() < REVOKED_WITHIN, "the stream ended after {:?}", revoked.elapsed());
    while viewer.get("/agents").0 != 401 {
        assert!(revoked.elapsed() < REVOKED_WITHIN, "a revoked key still passes");
    }
    assert_eq!(Stream::open(server.address, &key, &path, Some(1)).expect("an answer").status, 401);
    list("revoked");
    let actions: Vec<_> = server.admin().audit().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["key_revoke", "key_create", "key_create"], "keys are on the record, newest first");
}

#[test]
fn the_place_of_an_agents_session_is_fixed_with_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let admin = server.admin();
    let parent = admin.register(None);
    let session = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";
    let place = ["--role", "agent", "--session", session, "--parent", &parent, "--mission", "apollo"];
    let agent = server.client(&create(&data_dir, &place));
    let made = admin.audit().into_iter().find(|entry| entry["action"] == "key_create").expect("on record");
    let expected = json!({"sessionId": session, "parentSessionId": parent, "missionId": "apollo"});
    assert_eq!(made["details"], expected);
    let listed = told(&run(&mut flightdeck(&data_dir, &["keys", "list"]))).0;
    assert!(listed.lines().any(|line| line.contains(session) && line.contains(&parent) && line.ends_with("apollo")));

    let new = |fields: &[(&str, &str)]| {
        let mut body = json!({"sessionId": session, "taskId": "FD-1", "agentType": "worker"});
        for (name, value) in fields {
            body[*name] = json!(value);
        }
        body
    };
    assert_eq!(agent.post("/agents", &new(&[("missionId", "gemini")])).0, 403);
    assert_eq!(agent.post("/agents", &new(&[("parentAgentId", session)])).0, 403);
    let (status, registered) = agent.post("/agents", &new(&[]));
    assert_eq!((status, &registered["parentSessionId"]), (201, &json!(parent)));
    assert_eq!(registered["missionId"], "apollo");

    // A flag that says something else than the session that is there.
    for (flag, value) in [("--parent", session), ("--mission", "gemini")] {
        let refused = ["keys", "create", "--role", "agent", "--session", session, flag, value];
        let output = run(&mut flightdeck(&data_dir, &refused));
        assert_eq!(output.status.code(), Some(1));
        assert!(told(&output).1.contains("is in the tree"), "{}", told(&output).1);
    }
    let viewer = run(&mut flightdeck(&data_dir, &["keys", "create", "--role", "viewer", "--mission", "x"]));
    assert!(told(&viewer).1.contains("takes no --mission"), "{}", told(&viewer).1);
}

#[test]
fn an_agent_key_sees_its_own_subtree_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let admin = server.admin();
    let root = admin.register(None);
    let own = admin.register(Some(&root));
    let child = admin.register(Some(&own));
    let sibling = admin.register(Some(&root));
    let key = create(&data_dir, &["--role", "agent", "--session", &own]);
    let agent = server.client(&key);

    for session in [&own, &child] {
        assert_eq!(agent.get(&format!("/agents/{session}/status")).0, 200);
        agent.append(session, &["reported".to_owned()]);
        let path = format!("/agents/{session}/messages/stream");
        assert_eq!(Stream::open(server.address, &key, &path, None).expect("an answer").status, 200);
    }
    agent.register(Some(&child));
    for session in [&root, &sibling] {
        let path = format!("/agents/{session}");
        assert_eq!(agent.get(&format!("{path}/status")).0, 403);
        assert_eq!(agent.get(&format!("{path}/messages")).0, 403);
        assert_eq!(agent.get(&format!("{path}/commands")).0, 403);
        let stream = Stream::open(server.address, &key, &format!("{path}/messages/stream"), None);
        assert_eq!(stream.expect("an answer").status, 403);
        let message = json!({"role": "assistant", "content": "not mine"});
        assert_eq!(agent.post(&format!("{path}/messages"), &message).0, 403);
        assert_eq!(agent.post(&format!("{path}/status"), &json!({"status": "completed"})).0, 403);
        let below = json!({"taskId": "t", "agentType": "t", "parentSessionId": session});
        assert_eq!(agent.post("/agents", &below).0, 403);
    }
    for path in ["/agents", "/agents/tree", "/agents/events", "/audit", "/audit/verify"] {
        assert_eq!(agent.get(path).0, 403, "{path}");
    }
    for action in ["inject", "pause", "resume", "kill"] {
        let body = if action == "inject" { json!({"message": "obey"}) } else { json!({}) };
        assert_eq!(agent.post(&format!("/agents/{own}/{action}"), &body).0, 403, "{action}");
    }
    assert_eq!(agent.post("/agents/kill-all", &json!({})).0, 403);
}
