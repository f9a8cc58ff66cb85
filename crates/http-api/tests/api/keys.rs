//! Keys over HTTP: made, listed, revoked; and the names that they give to the record.

use std::collections::BTreeSet;

use flightdeck_domain::operator::Role;
use serde_json::{Value, json};

use crate::server::TestServer;

fn delete(server: &TestServer, key: &str, id: &str, body: &Value) -> crate::server::Reply {
    server.call_as(key, "DELETE", &format!("/keys/{id}"), "application/json", body.to_string().as_bytes())
}

fn id_of(key: &str) -> &str {
    key.split('_').nth(1).expect("its id")
}

#[test]
fn a_key_is_made_used_listed_and_revoked() {
    let server = TestServer::start();
    let body = json!({"name": "ada", "role": "operator", "expiresInDays": 90});
    let made = server.post("/keys", &body);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.expect(201);
    let key = made["key"].as_str().expect("the secret").to_owned();
    assert_eq!(made["id"], id_of(&key));
    assert_eq!((&made["name"], &made["role"], &made["state"]), (&json!("ada"), &json!("operator"), &json!("good")));
    assert!(made["expiresAt"].is_string());
    for nothing in ["revokedAt", "sessionId", "parentAgentId", "missionId", "missions"] {
        assert_eq!(made.get(nothing), Some(&Value::Null), "{nothing}");
    }
    assert_eq!(server.get_as(&key, "/me").expect(200)["name"], "ada");
    let mut follower = server.stream_as(&key, "/agents/events", None).expect("open");

    let revoked = delete(&server, &server.admin, id_of(&key), &json!({"reason": "she left"})).expect(200);
    assert_eq!(revoked["state"], "revoked");
    assert!(revoked["revokedAt"].is_string());
    assert_eq!(follower.next(), None, "its streams end");
    server.get_as(&key, "/me").expect(401);
    let again = delete(&server, &server.admin, id_of(&key), &json!({})).expect(200);
    assert_eq!(again["revokedAt"], revoked["revokedAt"]);

    let listed = server.get("/keys").expect(200);
    let listed = listed["keys"].as_array().expect("a list");
    assert_eq!(listed.last(), Some(&revoked));
    assert_eq!(listed[0]["role"], "admin", "oldest first");
    let entries = server.get("/audit").expect(200)["entries"].clone();
    let of = |action: &str| {
        entries.as_array().expect("a list").iter().rfind(|entry| entry["action"] == action).cloned().expect("an entry")
    };
    let (create, revoke) = (of("key_create"), of("key_revoke"));
    assert_eq!(revoke["reason"], "she left");
    assert_eq!(revoke["target"], json!({"kind": "key", "value": id_of(&key)}));
    assert_eq!(create["outcome"], "accepted");
    assert_eq!(revoke["actor"], id_of(&server.admin));
    delete(&server, &server.admin, "0123456789ab", &json!({})).expect(404);
    let wrong = delete(&server, &server.admin, "ABC", &json!({})).expect(400);
    assert_eq!(wrong["errors"][0]["field"], "keyId");
}

/// The secret is in the one answer that made the key, and nowhere else.
#[test]
fn the_secret_is_shown_once() {
    let server = TestServer::start();
    let made = server.post("/keys", &json!({"name": "ada", "role": "admin"})).expect(201);
    let key = made["key"].as_str().expect("the secret").to_owned();
    let secret = key.rsplit('_').next().expect("its secret");
    let revoked = delete(&server, &key, id_of(&key), &json!({})).expect(200);
    assert!(!revoked.to_string().contains(secret));
    for path in ["/keys", "/me", "/audit?limit=1000", "/audit/export", "/fleet"] {
        let reply = server.get(path);
        assert!(!reply.body.to_string().contains(secret), "{path}");
        assert_eq!(reply.status, 200, "{path}");
    }
    assert!(server.get("/keys").expect(200).to_string().contains(id_of(&key)), "it is among them");
    let keys = server.get("/keys").expect(200)["keys"].clone();
    for key in keys.as_array().expect("a list") {
        let shown: BTreeSet<&str> = key.as_object().expect("an object").keys().map(String::as_str).collect();
        let times = ["createdAt", "expiresAt", "revokedAt"];
        let place = ["sessionId", "parentAgentId", "missionId", "missions"];
        assert_eq!(shown, ["id", "name", "role", "state"].into_iter().chain(times).chain(place).collect());
    }
}

#[test]
fn a_call_that_is_sent_again_makes_another_key() {
    let server = TestServer::start();
    let body = json!({"name": "ada", "role": "viewer"});
    let made = [(); 2].map(|()| server.post_once("once", "/keys", &body).expect(201));
    assert_ne!(made[0]["id"], made[1]["id"]);
    for key in &made {
        let key = key["key"].as_str().expect("the secret");
        assert_eq!(server.get_as(key, "/me").expect(200)["role"], "viewer");
    }
}

#[test]
fn each_fault_names_its_field() {
    let server = TestServer::start();
    let top = server.session(None);
    let unknown = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";
    let many: Vec<String> = (0..51).map(|n| format!("m{n}")).collect();
    for (body, fields) in [
        (json!({"role": "viewer"}), &[""][..]),
        (json!({"name": "", "role": "viewer"}), &["/name"]),
        (json!({"name": "ada", "role": "boss"}), &["/role"]),
        (json!({"name": "ada", "role": "viewer", "roles": []}), &["/roles"]),
        (json!({"name": "ada", "role": "viewer", "expiresInDays": 0}), &["/expiresInDays"]),
        (json!({"name": "ada", "role": "viewer", "expiresInDays": 1.5}), &["/expiresInDays"]),
        (json!({"name": "ada", "role": "viewer", "missions": []}), &["/missions"]),
        (json!({"name": "ada", "role": "viewer", "missions": many}), &["/missions"]),
        (json!({"name": "ada", "role": "viewer", "missions": ["a", ""]}), &["/missions/1"]),
        (json!({"name": "ada", "role": "admin", "missions": ["a"]}), &["/missions"]),
        (json!({"name": "ada", "role": "agent", "missions": ["a"]}), &["/missions"]),
        (
            json!({"name": "ada", "role": "viewer", "sessionId": top, "parentAgentId": top, "missionId": "a"}),
            &["/sessionId", "/parentAgentId", "/missionId"],
        ),
        (json!({"name": "ada", "role": "agent", "parentAgentId": unknown}), &["/parentAgentId"]),
        (json!({"name": "ada", "role": "agent", "sessionId": top, "parentAgentId": top}), &["/parentAgentId"]),
        (json!({"name": "ada", "role": "agent", "sessionId": top, "missionId": "a"}), &["/missionId"]),
        (json!({"name": "ada", "role": "agent", "sessionId": "x"}), &["/sessionId"]),
    ] {
        let refused = server.post("/keys", &body).expect(400);
        let named: Vec<_> =
            refused["errors"].as_array().expect("faults").iter().map(|fault| fault["field"].clone()).collect();
        assert_eq!(named, fields, "{body}: {refused}");
    }
    assert_eq!(server.get("/keys").expect(200)["keys"].as_array().map(Vec::len), Some(1), "only the admin's");
}

#[test]
fn an_agents_key_keeps_the_place_that_it_was_made_for() {
    let server = TestServer::start();
    let top = server.session(None);
    let session = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";
    let body =
        json!({"name": "worker", "role": "agent", "sessionId": session, "parentAgentId": top, "missionId": "apollo"});
    let made = server.post("/keys", &body).expect(201);
    assert_eq!(
        [&made["sessionId"], &made["parentAgentId"], &made["missionId"]],
        [&json!(session), &json!(top), &json!("apollo")]
    );
    let key = made["key"].as_str().expect("the secret");
    let register = |more: Value| {
        let mut body = json!({"sessionId": session, "taskId": "FD-1", "agentType": "worker"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        server.post_as(key, "/agents", &body)
    };
    assert_eq!(register(json!({"missionId": "gemini"})).expect(403)["errors"][0]["field"], "/missionId");
    assert_eq!(register(json!({"parentAgentId": session})).expect(403)["errors"][0]["field"], "/parentAgentId");
    let registered = register(json!({})).expect(201);
    assert_eq!((&registered["parentSessionId"], &registered["missionId"]), (&json!(top), &json!("apollo")));
    // Without an id, one is minted.
    let minted = server.post("/keys", &json!({"name": "another", "role": "agent"})).expect(201);
    assert!(minted["sessionId"].is_string());
}

#[test]
fn one_usable_admin_key_stays() {
    let server = TestServer::start();
    let refused = delete(&server, &server.admin, id_of(&server.admin), &json!({})).expect(409);
    assert_eq!(refused["type"], "urn:flightdeck:problem:last-admin-key");
    assert!(refused["detail"].as_str().expect("a sentence").contains("make another one first"), "{refused}");
    server.get("/me").expect(200);
    let newest = server.get("/audit?limit=1").expect(200)["entries"][0].clone();
    assert_eq!((&newest["action"], &newest["outcome"]), (&json!("key_revoke"), &json!("refused")));
    let other = server.key(Role::Admin);
    delete(&server, &server.admin, id_of(&server.admin), &json!({})).expect(200);
    server.get("/me").expect(401);
    delete(&server, &other, id_of(&other), &json!({})).expect(409);
}

#[test]
fn only_an_admin_manages_keys_and_the_others_are_on_record() {
    let server = TestServer::start();
    let target = server.key(Role::Viewer);
    for role in [Role::Viewer, Role::Operator] {
        let key = server.key(role);
        server.get_as(&key, "/keys").expect(403);
        server.post_as(&key, "/keys", &json!({"name": "mine", "role": "admin"})).expect(403);
        delete(&server, &key, id_of(&target), &json!({})).expect(403);
        let by = format!("/audit?operator={}", id_of(&key));
        let tried = server.get(&by).expect(200)["entries"].clone();
        let tried: Vec<_> = tried.as_array().expect("a list").iter().map(|entry| entry["action"].clone()).collect();
        assert_eq!(tried, ["key_revoke", "key_create"]);
    }
    server.get_as(&target, "/me").expect(200);
}

/// Wherever the id of the key is that did something, its name is beside it, also when the key is revoked.
#[test]
fn the_record_has_the_names_of_keys() {
    let server = TestServer::start();
    let made = server.post("/keys", &json!({"name": "ada", "role": "operator"})).expect(201);
    let (key, id) = (made["key"].as_str().expect("the secret").to_owned(), made["id"].clone());
    let agent = server.session(None);
    let asked = server.post(&format!("/agents/{agent}/approvals"), &json!({"title": "x"})).expect(201);
    let approval = asked["id"].as_str().expect("an id").to_owned();
    assert_eq!(asked["decision"], Value::Null);
    let decide = format!("/approvals/{approval}/decide");
    let decided = server.post_as(&key, &decide, &json!({"option": "allow_once"})).expect(200);
    assert_eq!((&decided["decision"]["by"], &decided["decision"]["byName"]), (&id, &json!("ada")));
    let paused = server.post_as(&key, &format!("/agents/{agent}/pause?wait=0"), &json!({})).expect(202);
    let operation = paused["operationId"].as_str().expect("an operation").to_owned();
    delete(&server, &server.admin, id.as_str().expect("an id"), &json!({})).expect(200);

    let read = server.get(&format!("/agents/{agent}/approvals/{approval}")).expect(200);
    assert_eq!(read["decision"]["byName"], "ada");
    assert_eq!(server.get("/approvals").expect(200)["approvals"][0]["decision"]["byName"], "ada");
    for found in [
        server.get(&format!("/operations/{operation}")).expect(200),
        server.get("/operations").expect(200)["operations"][0].clone(),
    ] {
        assert_eq!((&found["operator"], &found["operatorName"]), (&id, &json!("ada")));
    }
    let entries = server.get("/audit").expect(200)["entries"].clone();
    let entries = entries.as_array().expect("a list");
    let pause = entries.iter().find(|entry| entry["action"] == "pause").expect("on record");
    assert_eq!((&pause["actor"], &pause["actorName"]), (&id, &json!("ada")));
    let by_cli = entries.iter().find(|entry| entry["actor"] == "cli").expect("the first key");
    assert_eq!(by_cli.get("actorName"), None);
    // What is hashed has no name in it, and is what it was.
    let exported = server.get("/audit/export").body;
    assert!(!exported.to_string().contains("actorName"));
    assert_eq!(server.get("/audit/verify").expect(200)["verdict"], "good");

    let robot = json!({"name": "robot", "kind": "internal"});
    let config = server.post("/providers", &robot).expect(201);
    assert_eq!((&config["changedBy"], &config["changedByName"]), (&json!(id_of(&server.admin)), &json!("test")));
    let listed = server.get("/providers").expect(200);
    assert_eq!(listed["configurations"][0]["changedByName"], "test");
}
