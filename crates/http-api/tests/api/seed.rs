//! What clients of the seed system rely on, over HTTP.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Role;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};

use crate::server::TestServer;

fn with(mut body: Value, more: &Value) -> Value {
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

#[test]
fn a_gate_profile_is_one_of_four() {
    let server = TestServer::start();
    let new = json!({"taskId": "FD-1", "agentType": "worker"});
    for profile in ["strict", "standard", "minimal", "custom"] {
        let gate = json!({"gateProfile": profile});
        let made = server.post("/agents", &with(new.clone(), &gate)).expect(201);
        assert_eq!(made["gateProfile"], profile);
        server.post("/agents/spawn", &with(new.clone(), &gate)).expect(201);
    }
    for profile in [json!("Strict"), json!("loose"), json!(""), json!(7)] {
        for path in ["/agents", "/agents/spawn"] {
            let refused = server.post(path, &with(new.clone(), &json!({"gateProfile": profile}))).expect(400);
            assert_eq!(refused["errors"][0]["field"], "/gateProfile", "{path} {profile}: {refused}");
        }
    }
    let refused = server.post("/agents", &with(new, &json!({"gateProfile": "loose"}))).expect(400);
    let detail = refused["detail"].as_str().expect("a sentence");
    assert!(detail.contains("use strict, standard, minimal, custom"), "{detail}");
}

#[test]
fn registering_again_never_drops_what_it_says() {
    let server = TestServer::start();
    let id = SystemIds.session_id().to_string();
    let bare = json!({"sessionId": id, "taskId": "FD-1", "agentType": "worker"});
    let facts = json!({
        "context": {"branch": "main", "weight": 100.0}, "metadata": {"team": "a"},
        "gateProfile": "strict", "providerSessionId": "own-1",
    });
    let first = server.post("/agents", &with(bare.clone(), &facts)).expect(201);
    assert_eq!(server.post("/agents", &with(bare.clone(), &facts)).expect(200), first);
    assert_eq!(server.post("/agents", &bare).expect(200), first, "what is not said is not compared");
    assert_eq!(server.post("/agents", &with(bare.clone(), &json!({"context": {}, "metadata": {}}))).expect(200), first);
    for (field, other) in [
        ("context", json!({"branch": "next", "weight": 100.0})),
        ("context", json!({"branch": "main"})),
        ("metadata", json!({"team": "b"})),
        ("gateProfile", json!("minimal")),
        ("providerSessionId", json!("own-2")),
    ] {
        let refused = server.post("/agents", &with(bare.clone(), &json!({field: other}))).expect(409);
        assert_eq!(refused["type"], "urn:flightdeck:problem:session-conflict", "{field}");
        assert_eq!(refused["errors"][0]["field"], format!("/{field}"));
        assert!(refused["detail"].as_str().is_some_and(|text| text.contains(field)), "{refused}");
    }
    assert_eq!(server.get(&format!("/agents/{id}/status")).expect(200), first, "nothing of it was changed");
}

#[test]
fn an_entry_about_a_session_says_what_runs_it() {
    let server = TestServer::start();
    let mine = json!({"taskId": "FD-1", "agentType": "worker", "provider": "my-runner"});
    let agent = server.post("/agents", &mine).expect(201)["agentId"].as_str().expect("an id").to_owned();
    let newest = || server.get("/audit?limit=1").expect(200)["entries"][0].clone();
    let provider = |entry: &Value| entry["details"]["provider"].clone();

    server.post(&format!("/agents/{agent}/inject"), &json!({"message": "x"})).expect(200);
    assert_eq!(provider(&newest()), "my-runner");
    server.post(&format!("/agents/{agent}/pause?wait=0s&scope=subtree"), &json!({})).expect(202);
    let pauses = server.get("/audit?action=pause").expect(200);
    assert_eq!(provider(&pauses["entries"][0]), "my-runner");
    // A budget, a refusal by a rule, and one by a role.
    server.call("PUT", &format!("/agents/{agent}/budget"), "application/json", b"{\"maxTokens\":9}").expect(200);
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(409);
    let viewer = server.key(Role::Viewer);
    server.post_as(&viewer, &format!("/agents/{agent}/kill"), &json!({})).expect(403);
    let entries = server.get(&format!("/audit?agentId={agent}")).expect(200)["entries"].clone();
    let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let told: Vec<[String; 3]> = entries
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| [word(&entry["action"]), word(&entry["outcome"]), word(&entry["details"]["provider"])])
        .collect();
    let by = "my-runner";
    assert_eq!(
        told,
        [
            ["kill", "refused", by],
            ["pause", "refused", by],
            ["budget_set", "accepted", by],
            ["pause", "accepted", by],
            ["inject", "accepted", by],
        ]
    );
    let unknown = SystemIds.session_id();
    server.post(&format!("/agents/{unknown}/pause"), &json!({})).expect(404);
    let entries = server.get(&format!("/audit?agentId={unknown}")).expect(200);
    assert_eq!(provider(&entries["entries"][0]), Value::Null, "there is no such session");
    assert_eq!(server.get("/audit/verify").expect(200)["valid"], true);
}

#[test]
fn a_decision_says_what_runs_the_agent_that_asked() {
    let server = TestServer::start();
    let agent = server.session(None);
    let asked = server.post(&format!("/agents/{agent}/approvals"), &json!({"title": "x"})).expect(201);
    let path = format!("/approvals/{}/decide", asked["id"].as_str().expect("an id"));
    server.post(&path, &json!({"option": "allow_once"})).expect(200);
    let page = server.get("/audit?action=approval_decide").expect(200);
    assert_eq!(page["entries"][0]["details"]["provider"], "internal");
}

#[test]
fn a_fault_names_the_parent_as_it_was_sent() {
    let server = TestServer::start();
    let unknown = SystemIds.session_id().to_string();
    let new = json!({"taskId": "FD-1", "agentType": "worker"});
    for path in ["/agents", "/agents/spawn"] {
        for name in ["parentAgentId", "parentSessionId"] {
            let refused = server.post(path, &with(new.clone(), &json!({name: unknown}))).expect(400);
            assert_eq!(refused["errors"][0]["field"], format!("/{name}"), "{path}");
            let refused = server.post(path, &with(new.clone(), &json!({name: "7"}))).expect(400);
            assert_eq!(refused["errors"][0]["field"], format!("/{name}"), "{path}");
        }
        let both = json!({"parentAgentId": unknown, "parentSessionId": SystemIds.session_id()});
        let refused = server.post(path, &with(new.clone(), &both)).expect(400);
        assert!(refused["detail"].as_str().is_some_and(|text| text.contains("give one of the two")), "{refused}");
    }
    let (one, two) = (server.session(None), server.session(None));
    let child = server.session(Some(&one));
    let moved = json!({"sessionId": child, "parentAgentId": two});
    let refused = server.post("/agents", &with(new.clone(), &moved)).expect(409);
    assert_eq!(refused["errors"][0]["field"], "/parentAgentId");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("another parentAgentId")), "{refused}");
    let bound: Option<SessionId> = one.parse().ok();
    let agent = server.key_bound_to(Role::Agent, bound).reveal();
    let foreign = json!({"sessionId": SystemIds.session_id(), "parentAgentId": two});
    let refused = server.post_as(&agent, "/agents", &with(new, &foreign)).expect(403);
    assert_eq!(refused["errors"][0]["field"], "/parentAgentId");
}

#[test]
fn a_session_says_what_it_takes_from_an_operator() {
    let server = TestServer::start();
    let all = json!({"canPause": true, "canSteer": true, "canQueue": true, "canConfigure": true, "canResume": true, "canApprove": true});
    for provider in ["internal", "scripted", "my-runner"] {
        let new = json!({"taskId": "FD-1", "agentType": "worker", "provider": provider});
        let made = server.post("/agents", &new).expect(201);
        assert_eq!(made["capabilities"], all, "{provider}");
        let path = format!("/agents/{}/status", made["agentId"].as_str().expect("an id"));
        assert_eq!(server.get(&path).expect(200)["capabilities"], all);
    }
    assert_eq!(server.get("/agents?limit=1").expect(200)[0]["capabilities"], all);
}
