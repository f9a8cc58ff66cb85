//! A key for some missions: what it sees and acts on, and what it does not.

use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::operator::Role;
use serde_json::{Value, json};

use crate::server::{Reply, TestServer};

/// Sessions of two missions and of none, and keys for one of them.
struct Fleet {
    server: TestServer,
    /// On `apollo`, with a child that is on it, too.
    own: String,
    child: String,
    /// Of `gemini`, on top of its own tree.
    stranger: String,
    /// Of no mission.
    loner: String,
    operator: PlainKey,
    viewer: PlainKey,
}

fn registered(server: &TestServer, mission: Option<&str>, parent: Option<&str>) -> String {
    let body = json!({"taskId": "FD-1", "agentType": "worker", "missionId": mission, "parentAgentId": parent});
    server.post("/agents", &body).expect(201)["agentId"].as_str().expect("an id").to_owned()
}

impl Fleet {
    fn new() -> Self {
        let server = TestServer::start();
        let own = registered(&server, Some("apollo"), None);
        let child = registered(&server, None, Some(&own));
        let stranger = registered(&server, Some("gemini"), None);
        let loner = registered(&server, None, None);
        let [operator, viewer] =
            [Role::Operator, Role::Viewer].map(|role| server.key_for(role, &["apollo", "mercury"]));
        Self { server, own, child, stranger, loner, operator, viewer }
    }

    fn get(&self, path: &str) -> Reply {
        self.server.get_as(&self.operator.reveal(), path)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.server.post_as(&self.operator.reveal(), path, body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = body.to_string();
        self.server.call_as(&self.operator.reveal(), method, path, "application/json", body.as_bytes())
    }
}

/// The ids of a list, sorted.
fn ids(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    let mut ids: Vec<_> = list.map(|entry| entry[field].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids: Vec<_> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

#[test]
fn lists_have_the_sessions_of_its_missions_alone() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, loner, .. } = &fleet;
    for key in [&fleet.operator, &fleet.viewer] {
        let key = key.reveal();
        let me = server.get_as(&key, "/me").expect(200);
        assert_eq!(me["missions"], json!(["apollo", "mercury"]));
        for (path, field) in [("/agents", "agentId"), ("/agents/tree", "sessionId")] {
            let list = server.get_as(&key, path).expect(200);
            assert_eq!(ids(&list, field), sorted([own, child]), "{path}");
            for query in [format!("root={own}"), "missionId=apollo".to_owned()] {
                assert_eq!(ids(&server.get_as(&key, &format!("{path}?{query}")).expect(200), field).len(), 2);
            }
            assert_eq!(server.get_as(&key, &format!("{path}?missionId=mercury")).expect(200), json!([]));
            for query in [format!("root={stranger}"), format!("root={loner}"), "missionId=gemini".to_owned()] {
                let refused = server.get_as(&key, &format!("{path}?{query}")).expect(403);
                assert!(refused["detail"].as_str().expect("a sentence").contains(r#""apollo", "mercury" alone"#));
            }
        }
        assert_eq!(ids(&server.get_as(&key, "/missions").expect(200)["missions"], "missionId"), ["apollo"]);
        server.get_as(&key, "/missions/apollo").expect(200);
        server.get_as(&key, "/missions/gemini").expect(403);
    }
    // A page goes on behind its end, over what is left out.
    let first = fleet.get("/agents?limit=1");
    let next = first.header("flightdeck-next-cursor").expect("a second page").to_owned();
    let second = fleet.get(&format!("/agents?limit=1&cursor={next}"));
    assert_eq!(second.header("flightdeck-next-cursor"), None);
    assert_eq!((ids(&first.body, "agentId").len(), ids(&second.body, "agentId")), (1, vec![own.clone()]));
}

#[test]
fn permission_requests_and_operations_are_those_of_its_missions() {
    let fleet = Fleet::new();
    let Fleet { server, own, stranger, .. } = &fleet;
    let ask = |agent: &str| {
        let asked = server.post(&format!("/agents/{agent}/approvals"), &json!({"title": "x"})).expect(201);
        asked["id"].as_str().expect("an id").to_owned()
    };
    let (mine, theirs) = (ask(own), ask(stranger));
    assert_eq!(ids(&fleet.get("/approvals").expect(200)["approvals"], "id"), [mine.as_str()]);
    fleet.get(&format!("/approvals?agentId={stranger}")).expect(403);
    fleet.get(&format!("/approvals?root={stranger}")).expect(403);
    let option = json!({"option": "allow_once"});
    fleet.post(&format!("/approvals/{theirs}/decide"), &option).expect(403);
    assert_eq!(server.get(&format!("/agents/{stranger}/approvals/{theirs}")).expect(200)["status"], "open");
    assert_eq!(fleet.post(&format!("/approvals/{mine}/decide"), &option).expect(200)["status"], "decided");

    let pause = |agent: &str| {
        let paused = server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
        paused["operationId"].as_str().expect("an id").to_owned()
    };
    let (mine, theirs) = (pause(own), pause(stranger));
    let all = server.post("/agents/kill-all?wait=0s", &json!({})).expect(200)["operationId"].clone();
    let all = all.as_str().expect("an id");
    assert_eq!(ids(&fleet.get("/operations").expect(200)["operations"], "operationId"), [mine.as_str()]);
    fleet.get(&format!("/operations/{mine}")).expect(200);
    for other in [theirs.as_str(), all] {
        fleet.get(&format!("/operations/{other}")).expect(403);
    }
}

/// Of an operation that reaches sessions of other missions too, only its own are shown.
#[test]
fn an_operation_shows_the_agents_of_its_missions() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, .. } = &fleet;
    registered(server, Some("gemini"), Some(own));
    let done = server.post(&format!("/agents/{own}/pause?scope=subtree&wait=0s"), &json!({})).expect(202);
    let path = format!("/operations/{}", done["operationId"].as_str().expect("an id"));
    assert_eq!(ids(&server.get(&path).expect(200)["targets"], "agentId").len(), 3);
    assert_eq!(ids(&fleet.get(&path).expect(200)["targets"], "agentId"), sorted([own, child]));
}

/// Each call that steps in: done on its own, and refused, on record and without effect, elsewhere.
#[test]
fn it_steps_in_on_its_missions_alone() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, loner, .. } = &fleet;
    let calls = [
        ("inject", json!({"message": "x"}), "inject"),
        ("pause?wait=0s", json!({}), "pause"),
        ("resume?wait=0s", json!({}), "resume"),
        ("interrupt?wait=0s", json!({}), "interrupt"),
        ("pause?wait=0s&scope=subtree", json!({}), "pause"),
        ("pause?wait=0s&scope=mission", json!({}), "pause"),
        ("commands/1/cancel", json!({}), "command_cancel"),
        ("kill?wait=0s", json!({}), "kill"),
        ("close", json!({}), "close"),
    ];
    for foreign in [stranger, loner] {
        let before = server.get(&format!("/agents/{foreign}/status")).expect(200);
        for (call, body, action) in &calls {
            fleet.post(&format!("/agents/{foreign}/{call}"), body).expect(403);
            let newest = server.get("/audit?limit=1").expect(200)["entries"][0].clone();
            assert_eq!((&newest["action"], &newest["outcome"]), (&json!(action), &json!("refused")), "{call}");
            assert_eq!(newest["target"]["value"], foreign.as_str());
        }
        for (method, body) in [("PUT", json!({"maxTokens": 1})), ("DELETE", json!({}))] {
            fleet.send(method, &format!("/agents/{foreign}/budget"), &body).expect(403);
        }
        assert_eq!(server.get(&format!("/agents/{foreign}/status")).expect(200), before);
    }
    fleet.send("PUT", "/missions/gemini/budget", &json!({"maxTokens": 1})).expect(403);
    fleet.send("PUT", "/missions/apollo/budget", &json!({"maxTokens": 1_000})).expect(200);
    fleet.send("PUT", &format!("/agents/{own}/budget"), &json!({"maxTokens": 1_000})).expect(200);
    for (call, body, _) in &calls {
        let reply = fleet.post(&format!("/agents/{own}/{call}"), body);
        assert!(matches!(reply.status, 200 | 202 | 409), "{call}: {} {:?}", reply.status, reply.body);
    }
    assert_eq!(server.get(&format!("/agents/{own}/status")).expect(200)["desiredStatus"], "killed");
    // What concerns everybody.
    for (method, path, body) in [
        ("POST", "/agents/kill-all", json!({})),
        ("POST", "/killswitch/release", json!({})),
        ("GET", "/fleet/usage", Value::Null),
        ("GET", "/audit", Value::Null),
        ("GET", "/audit/verify", Value::Null),
        ("GET", "/audit/export", Value::Null),
        ("POST", "/audit/checkpoint", json!({})),
        ("GET", "/keys", Value::Null),
        ("POST", "/keys", json!({"name": "x", "role": "viewer"})),
        ("POST", "/providers", json!({"name": "x", "kind": "scripted"})),
    ] {
        assert_eq!(fleet.send(method, path, &body).status, 403, "{method} {path}");
    }
    let child = server.get(&format!("/agents/{child}/status")).expect(200);
    assert_eq!(child["desiredStatus"], "paused", "nobody was killed with all");
}

/// A stop of a whole subtree, or a budget over it, would reach what the key may not see.
#[test]
fn it_does_not_reach_sessions_of_others_below_its_own() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, .. } = &fleet;
    let below = registered(server, Some("gemini"), Some(child));
    for call in ["pause", "resume", "interrupt", "kill"] {
        let refused = fleet.post(&format!("/agents/{own}/{call}?scope=subtree&wait=0s"), &json!({})).expect(403);
        assert!(refused["detail"].as_str().expect("a sentence").contains("sessions of other missions"), "{refused}");
    }
    fleet.send("PUT", &format!("/agents/{own}/budget"), &json!({"maxTokens": 1})).expect(403);
    assert_eq!(server.get(&format!("/agents/{below}/status")).expect(200)["desiredStatus"], "running");
    // All of its mission, wherever that is.
    fleet.post(&format!("/agents/{own}/pause?scope=mission&wait=0s"), &json!({})).expect(202);
    assert_eq!(server.get(&format!("/agents/{below}/status")).expect(200)["desiredStatus"], "running");
    assert_eq!(server.get(&format!("/agents/{child}/status")).expect(200)["desiredStatus"], "paused");
    server.post(&format!("/agents/{below}/status"), &json!({"status": "completed"})).expect(200);
    fleet.post(&format!("/agents/{own}/resume?scope=subtree&wait=0s"), &json!({})).expect(200);
}

#[test]
fn one_session_is_read_and_followed_if_it_is_of_its_missions() {
    let fleet = Fleet::new();
    let Fleet { server, own, stranger, loner, .. } = &fleet;
    let unknown = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";
    let paths = [
        "status",
        "messages",
        "messages/search?q=x",
        "messages/rendered",
        "messages/stream",
        "commands",
        "usage",
        "log",
        "changes",
    ];
    for foreign in [stranger.as_str(), loner, unknown] {
        for path in paths {
            for key in [&fleet.operator, &fleet.viewer] {
                assert_eq!(server.get_as(&key.reveal(), &format!("/agents/{foreign}/{path}")).status, 403, "{path}");
            }
        }
        for (path, body) in [
            ("status", json!({"status": "idle"})),
            ("heartbeat", json!({})),
            ("messages", json!({"role": "system", "content": "x"})),
            ("approvals", json!({"title": "x"})),
            ("commands/1/ack", json!({"state": "consumed"})),
        ] {
            assert_eq!(fleet.post(&format!("/agents/{foreign}/{path}"), &body).status, 403, "{path}");
        }
    }
    server.say(own, 2);
    let asked = format!("/agents/usage?agentIds={stranger},{own},{unknown}");
    let told = server.get_as(&fleet.viewer.reveal(), &asked).expect(200);
    assert_eq!((told.as_array().map(Vec::len), &told[0]["agentId"]), (Some(1), &json!(own)), "others are left out");
    for path in ["status", "messages", "messages/search?q=line", "usage"] {
        server.get_as(&fleet.viewer.reveal(), &format!("/agents/{own}/{path}")).expect(200);
    }
    let mut follower =
        server.stream_as(&fleet.viewer.reveal(), &format!("/agents/{own}/messages/stream"), None).expect("open");
    assert_eq!(follower.ids(2), [1, 2]);
    server.revoke(&fleet.viewer);
    assert_eq!(follower.next(), None, "it ends with its key");
    fleet.post(&format!("/agents/{own}/messages"), &json!({"role": "assistant", "content": "x"})).expect(201);
}

#[test]
fn the_feed_has_what_is_of_its_missions_and_keeps_its_places() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, loner, .. } = &fleet;
    let path = "/agents/events?after=0";
    let mut all = server.stream(path, None).expect("open");
    let key = fleet.viewer.reveal();
    let mut feed = server.stream_as(&key, path, None).expect("open");
    let idle = |agent: &str| server.post(&format!("/agents/{agent}/status"), &json!({"status": "idle"})).expect(200);
    for agent in [stranger, loner, own] {
        idle(agent);
        server.say(agent, 1);
    }
    server.post("/killswitch/release", &json!({})).expect(200);
    server.post(&format!("/agents/{stranger}/kill?scope=mission&wait=0s"), &json!({})).expect(202);
    server.post(&format!("/agents/{child}/pause?scope=mission&wait=0s"), &json!({})).expect(202);
    idle(child);
    // Whatever is told to an admin of these sessions and this mission is what the viewer is told, at the same places.
    let of_own = |data: &Value| {
        [own, child].iter().any(|own| data["sessionId"] == own.as_str())
            || (data["sessionId"].is_null() && data["missionId"] == "apollo")
    };
    let mut expected = Vec::new();
    loop {
        let event = all.next().expect("an event");
        let last = event.kind == "status" && event.data["sessionId"] == child.as_str();
        if event.kind != "activity" && of_own(&event.data) {
            expected.push(event);
        }
        if last {
            break;
        }
    }
    assert!(expected.iter().any(|event| event.kind == "operation" && event.data["missionId"] == "apollo"));
    let mut told = Vec::new();
    while told.len() < expected.len() {
        let event = feed.next().expect("an event");
        assert!(of_own(&event.data), "{event:?}");
        if event.kind != "activity" {
            told.push(event);
        }
    }
    assert_eq!(told, expected);
    // One that breaks goes on behind the place that it has reached.
    let place = told[1].id.expect("a place").to_string();
    let mut again = server.stream_as(&key, "/agents/events?activity=off", Some(&place)).expect("open");
    assert_eq!(again.next(), Some(expected[2].clone()));
    for query in [format!("subtree={stranger}"), "missionId=gemini".to_owned()] {
        assert_eq!(server.get_as(&key, &format!("/agents/events?{query}")).status, 403, "{query}");
    }
    server.stream_as(&key, &format!("/agents/events?subtree={own}&missionId=apollo"), None).expect("open");
}

#[test]
fn it_puts_sessions_into_its_missions_alone() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, loner, .. } = &fleet;
    let unknown = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b77";
    let with = |fields: &Value| {
        let mut body = json!({"taskId": "FD-1", "agentType": "worker"});
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        body
    };
    for (route, fields, field) in [
        ("/agents", json!({}), Some("/missionId")),
        ("/agents", json!({"missionId": "gemini"}), Some("/missionId")),
        ("/agents", json!({"missionId": "new"}), Some("/missionId")),
        ("/agents", json!({"parentAgentId": stranger}), Some("/parentAgentId")),
        ("/agents", json!({"parentAgentId": loner, "missionId": "apollo"}), Some("/parentAgentId")),
        ("/agents", json!({"parentAgentId": unknown, "missionId": "apollo"}), Some("/parentAgentId")),
        ("/agents", json!({"parentAgentId": own, "missionId": "gemini"}), Some("/missionId")),
        ("/agents", json!({"sessionId": stranger}), Some("/sessionId")),
        ("/agents", json!({"sessionId": stranger, "missionId": "apollo"}), Some("/sessionId")),
        ("/agents", json!({"missionId": "apollo", "provider": "acp"}), Some("/provider")),
        ("/agents", json!({"sessionId": own}), None),
        ("/agents", json!({"missionId": "apollo"}), None),
        ("/agents", json!({"missionId": "mercury"}), None),
        ("/agents", json!({"parentAgentId": child}), None),
        ("/agents", json!({"parentAgentId": own, "missionId": "mercury"}), None),
        ("/agents/spawn", json!({}), Some("/missionId")),
        ("/agents/spawn", json!({"missionId": "gemini"}), Some("/missionId")),
        ("/agents/spawn", json!({"parentAgentId": stranger}), Some("/parentAgentId")),
        ("/agents/spawn", json!({"missionId": "apollo"}), None),
        ("/agents/spawn", json!({"parentAgentId": child}), None),
    ] {
        let reply = fleet.post(route, &with(&fields));
        match field {
            Some(field) => {
                assert_eq!(reply.status, 403, "{route} {fields} {:?}", reply.body);
                assert_eq!(reply.body["errors"][0]["field"], field, "{route} {fields}");
            }
            None => assert!(matches!(reply.status, 200 | 201), "{route} {fields} {:?}", reply.body),
        }
    }
    let missing = fleet.post("/agents/spawn", &with(&json!({}))).expect(403);
    assert!(missing["detail"].as_str().expect("a sentence").contains("name one of them"), "{missing}");
    let all = server.get("/agents?limit=1000").expect(200);
    let all = all.as_array().expect("a list");
    let of = |mission: &Value| all.iter().filter(|session| session["missionId"] == *mission).count();
    assert_eq!((of(&json!("gemini")), of(&Value::Null)), (1, 1), "nobody came to another mission");
    assert_eq!(of(&json!("apollo")), 6, "the parent's mission is taken over");
    fleet.post("/hooks/claude-code", &json!({"hook_event_name": "SessionStart", "session_id": "x"})).expect(403);
    // The id by which the server finds its own sessions cannot be made up.
    let run = json!({"missionId": "apollo", "provider": "acp", "sessionId": unknown});
    server.post("/agents", &with(&run)).expect(201);
    let own_id = json!({"status": "running", "providerSessionId": "theirs"});
    assert_eq!(fleet.post(&format!("/agents/{unknown}/status"), &own_id).status, 403);
}

/// A browser that logs in with the key is bound as the key is.
#[test]
fn a_login_is_for_the_same_missions() {
    let fleet = Fleet::new();
    let Fleet { server, own, child, stranger, .. } = &fleet;
    let page = ("Sec-Fetch-Site", "same-origin");
    let login = server.send(&[page], "POST", "/login", &json!({"key": fleet.viewer.reveal()}));
    let cookie = login.header("set-cookie").expect("a cookie").split(';').next().expect("its value").to_owned();
    let get = |path: &str| server.send(&[page, ("Cookie", &cookie)], "GET", path, &Value::Null);
    assert_eq!(ids(&get("/agents").expect(200), "agentId"), sorted([own, child]));
    get(&format!("/agents/{stranger}/status")).expect(403);
}
