//! Where an agent's key may put sessions, and which it may touch: every route that takes a parent, a mission or an id.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Role;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::text::MissionId;
use serde_json::{Value, json};

use crate::server::{Reply, TestServer};

const NEW: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";

struct Fleet {
    server: TestServer,
    /// The session of the key, on `apollo`, and the one below it.
    own: String,
    child: String,
    /// A stranger on `gemini`, who is also its own mission's.
    stranger: String,
    key: String,
}

impl Fleet {
    fn new() -> Self {
        let server = TestServer::start();
        let on = |mission: &str, parent: Option<&String>| {
            let body = json!({"taskId": "FD-1", "agentType": "worker", "missionId": mission, "parentAgentId": parent});
            server.post("/agents", &body).expect(201)["agentId"].as_str().expect("an id").to_owned()
        };
        let own = on("apollo", None);
        let child = on("apollo", Some(&own));
        let stranger = on("gemini", None);
        let key = server.key_bound_to(Role::Agent, own.parse().ok()).reveal();
        Self { server, own, child, stranger, key }
    }

    /// A key for a session that is not in the tree yet.
    fn key_for(&self, parent: Option<&str>, mission: Option<&str>) -> String {
        let place = SessionPlace {
            parent_id: parent.and_then(|id| id.parse().ok()),
            mission_id: mission.and_then(|text| MissionId::new(text).ok()),
        };
        let session: Option<SessionId> = NEW.parse().ok();
        self.server.key_at(Role::Agent, session, place).reveal()
    }
}

fn with(fields: &Value) -> Value {
    let mut body = json!({"taskId": "FD-1", "agentType": "worker"});
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    body
}

/// What was answered: a 403 has to name the field, in words and as a pointer.
fn refused_at(reply: &Reply) -> Option<String> {
    if reply.status != 403 {
        return None;
    }
    let field = reply.body["errors"][0]["field"].as_str().expect("the field at fault").to_owned();
    let named = field.trim_start_matches('/').replace('/', ".");
    assert!(reply.body["detail"].as_str().expect("a sentence").starts_with(&format!("{named}: ")), "{:?}", reply.body);
    Some(field)
}

#[test]
fn an_agents_key_puts_sessions_where_it_may_and_nowhere_else() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, key } = &fleet;
    let unknown = NEW;
    let table = [
        // Its own session again, whole or in part; never moved.
        ("/agents", json!({"sessionId": own}), None),
        ("/agents", json!({"agentId": own, "missionId": "apollo"}), None),
        ("/agents", json!({"sessionId": own, "parentAgentId": stranger}), Some("/parentAgentId")),
        ("/agents", json!({"sessionId": own, "parentSessionId": child}), Some("/parentAgentId")),
        ("/agents", json!({"sessionId": own, "missionId": "gemini"}), Some("/missionId")),
        ("/agents", json!({"sessionId": own, "missionId": "new"}), Some("/missionId")),
        // Below it.
        ("/agents", json!({"parentAgentId": own}), None),
        ("/agents", json!({"parentAgentId": child, "missionId": "apollo"}), None),
        ("/agents", json!({"sessionId": child, "parentAgentId": own}), None),
        ("/agents", json!({"parentAgentId": own, "missionId": "gemini"}), Some("/missionId")),
        ("/agents", json!({"sessionId": child, "parentAgentId": own, "missionId": "gemini"}), Some("/missionId")),
        ("/agents", json!({"parentAgentId": stranger}), Some("/parentAgentId")),
        ("/agents", json!({"parentAgentId": unknown}), Some("/parentAgentId")),
        ("/agents", json!({}), Some("/parentAgentId")),
        ("/agents", json!({"missionId": "gemini"}), Some("/parentAgentId")),
        // An id of somebody else's, or a session that the server looks after.
        ("/agents", json!({"sessionId": stranger}), Some("/sessionId")),
        ("/agents", json!({"sessionId": stranger, "parentAgentId": own}), Some("/sessionId")),
        ("/agents", json!({"parentAgentId": own, "provider": "claude-code"}), Some("/provider")),
        ("/agents", json!({"parentAgentId": own, "provider": "acp", "providerSessionId": "s"}), Some("/provider")),
        ("/agents/spawn", json!({"parentAgentId": own}), None),
        ("/agents/spawn", json!({"parentSessionId": child, "missionId": "apollo"}), None),
        ("/agents/spawn", json!({}), Some("/parentAgentId")),
        ("/agents/spawn", json!({"parentAgentId": stranger}), Some("/parentAgentId")),
        ("/agents/spawn", json!({"parentAgentId": own, "missionId": "gemini"}), Some("/missionId")),
    ];
    let before = server.get("/agents/tree").expect(200);
    for (route, fields, expected) in table {
        let reply = server.post_as(key, route, &with(&fields));
        assert_eq!(refused_at(&reply).as_deref(), expected, "{route} {fields} {:?}", reply.body);
        assert!(expected.is_some() || matches!(reply.status, 200 | 201), "{route} {fields} {:?}", reply.body);
    }
    let after = server.get("/agents/tree").expect(200);
    for session in before.as_array().expect("a list") {
        let now = after.as_array().expect("a list").iter().find(|now| now["sessionId"] == session["sessionId"]);
        assert_eq!(now.map(|now| &now["parentSessionId"]), Some(&session["parentSessionId"]), "nobody was moved");
    }
    let foreign = after.as_array().expect("a list").iter().filter(|session| session["missionId"] == "gemini").count();
    assert_eq!(foreign, 1, "nobody came to a foreign mission");
    let usage = json!({"role": "assistant", "content": "x", "usage": {"inputTokens": 1_000}});
    server.post_as(key, &format!("/agents/{own}/messages"), &usage).expect(201);
    let spent = server.get("/missions/gemini").expect(200);
    assert_eq!(spent["usage"]["inputTokens"], 0, "{spent}");
}

#[test]
fn a_session_that_is_not_there_yet_comes_where_its_key_was_made_for() {
    for (below, mission, effective) in [
        (false, None, None),
        (false, Some("gemini"), Some("gemini")),
        (true, None, Some("apollo")),
        (true, Some("mercury"), Some("mercury")),
    ] {
        let fleet = Fleet::new();
        let Fleet { server, own, stranger, .. } = &fleet;
        let parent = below.then_some(own.as_str());
        let key = fleet.key_for(parent, mission);
        for (fields, field) in [
            (json!({"sessionId": NEW, "parentAgentId": stranger}), "/parentAgentId"),
            (json!({"sessionId": NEW, "missionId": "elsewhere"}), "/missionId"),
            (json!({"parentAgentId": own}), "/parentAgentId"),
        ] {
            let reply = server.post_as(&key, "/agents", &with(&fields));
            assert_eq!(refused_at(&reply).as_deref(), Some(field), "{parent:?} {mission:?} {fields}");
        }
        let registered = server.post_as(&key, "/agents", &with(&json!({"sessionId": NEW}))).expect(201);
        assert_eq!(registered["parentSessionId"].as_str(), parent);
        assert_eq!(registered["missionId"].as_str(), effective);
        let again = json!({"sessionId": NEW, "parentAgentId": parent, "missionId": effective});
        server.post_as(&key, "/agents", &with(&again)).expect(200);
    }
}

/// Whatever else takes the id of a session: nothing of a stranger's is read or changed.
#[test]
fn no_route_reaches_a_stranger() {
    let fleet = Fleet::new();
    let Fleet { server, stranger, key, .. } = &fleet;
    let asked = json!({"title": "x", "id": NEW});
    let approval = server.post(&format!("/agents/{stranger}/approvals"), &asked).expect(201);
    let before = server.get(&format!("/agents/{stranger}/status")).expect(200);
    for (path, body) in [
        ("status", json!({"status": "idle"})),
        ("heartbeat", json!({})),
        ("messages", json!({"role": "system", "content": "x"})),
        ("messages?stream=true", json!({"role": "system", "content": "x"})),
        ("approvals", asked.clone()),
        ("commands/1/ack", json!({"state": "consumed"})),
        ("inject", json!({"message": "x"})),
        ("kill", json!({})),
        ("close", json!({})),
    ] {
        let reply = server.post_as(key, &format!("/agents/{stranger}/{path}"), &body);
        assert!(matches!(reply.status, 403 | 404), "{path}: {} {:?}", reply.status, reply.body);
    }
    let budget = format!("/agents/{stranger}/budget");
    server.call_as(key, "PUT", &budget, "application/json", br#"{"maxTokens":1}"#).expect(403);
    server.post_as(key, &format!("/approvals/{NEW}/withdraw"), &json!({})).expect(403);
    let approval_path = format!("approvals/{NEW}");
    for path in [
        "status",
        "messages",
        "messages/stream",
        "messages/search?q=x",
        "messages/rendered",
        "commands",
        "usage",
        "log",
        "changes",
        &approval_path,
    ] {
        let reply = server.get_as(key, &format!("/agents/{stranger}/{path}"));
        assert!(matches!(reply.status, 403 | 404), "{path}: {} {:?}", reply.status, reply.body);
    }
    for path in [
        format!("/agents?root={stranger}"),
        format!("/agents/tree?root={stranger}"),
        format!("/agents/events?subtree={stranger}"),
        format!("/approvals?agentId={stranger}"),
        "/missions/gemini".to_owned(),
    ] {
        assert_eq!(server.get_as(key, &path).status, 403, "{path}");
    }
    assert_eq!(server.get(&format!("/agents/{stranger}/status")).expect(200), before, "{approval}");
}
