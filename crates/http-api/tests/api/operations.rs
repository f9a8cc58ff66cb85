//! Wishes are followed until they are seen.

use flightdeck_domain::operator::Role;
use serde_json::{Value, json};

use crate::server::TestServer;

fn report(server: &TestServer, agent: &str, status: &str) {
    server.post(&format!("/agents/{agent}/status"), &json!({"status": status})).expect(200);
}

fn operation(server: &TestServer, reply: &Value) -> Value {
    server.get(&format!("/operations/{}", reply["operationId"].as_str().expect("an id"))).expect(200)
}

/// A parent with two children, one of them with a child of its own.
fn family(server: &TestServer) -> [String; 4] {
    let top = server.session(None);
    let (one, two) = (server.session(Some(&top)), server.session(Some(&top)));
    let leaf = server.session(Some(&two));
    [top, one, two, leaf]
}

#[test]
fn a_subtree_is_said_to_be_paused_only_as_far_as_it_is() {
    let server = TestServer::start();
    let [top, one, two, leaf] = family(&server);
    report(&server, &one, "paused");
    let path = format!("/agents/{top}/pause?scope=subtree&wait=0s");
    let reply = server.post(&path, &json!({"reason": "a look"})).expect(202);
    assert_eq!(reply["message"], "1 of 4 agents paused");
    assert_eq!((&reply["total"], &reply["observed"], &reply["open"]), (&json!(4), &json!(1), &json!(3)));
    let leaves_first = operation(&server, &reply);
    let agents: Vec<&str> =
        leaves_first["targets"].as_array().expect("targets").iter().filter_map(|it| it["agentId"].as_str()).collect();
    assert_eq!((agents[0], agents[3]), (leaf.as_str(), top.as_str()));
    for agent in [&two, &leaf, &top] {
        assert_eq!(operation(&server, &reply)["state"], "open");
        report(&server, agent, "paused");
    }
    let done = operation(&server, &reply);
    assert_eq!((&done["state"], &done["observed"], &done["reason"]), (&json!("done"), &json!(4), &json!("a look")));
    assert!(done["completedAt"].is_string());
    for target in done["targets"].as_array().expect("targets") {
        assert_eq!(target["outcome"], "observed");
        assert!(target["requestedAt"].is_string() && target["observedAt"].is_string(), "{target}");
    }
    let entry = &server.get("/audit?limit=1").expect(200)["entries"][0];
    assert_eq!(
        (&entry["details"]["scope"], &entry["details"]["operationId"]),
        (&json!("subtree"), &reply["operationId"])
    );
}

#[test]
fn an_agent_that_ignores_a_pause_keeps_its_operation_open() {
    let server = TestServer::start();
    let agent = server.session(None);
    let reply = server.post(&format!("/agents/{agent}/pause?wait=50ms"), &json!({})).expect(202);
    assert_eq!(reply["message"], format!("Agent {agent} pause requested"));
    report(&server, &agent, "idle");
    server.post(&format!("/agents/{agent}/commands/1/ack"), &json!({"state": "consumed"})).expect(200);
    let open = operation(&server, &reply);
    assert_eq!((&open["state"], &open["observed"], &open["scope"]), (&json!("open"), &json!(0), &json!("self")));
    assert!(open["targets"][0]["acknowledgedAt"].is_string() && open["targets"][0]["observedAt"].is_null());
    let killed = server.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({})).expect(202);
    let closed = operation(&server, &reply);
    assert_eq!((&closed["state"], &closed["targets"][0]["outcome"]), (&json!("closed"), &json!("superseded")));
    report(&server, &agent, "completed");
    let ended = operation(&server, &killed);
    assert_eq!((&ended["state"], &ended["targets"][0]["detail"]), (&json!("done"), &json!("completed")));
}

#[test]
fn a_mission_is_killed_across_trees_and_an_agent_without_one_has_none() {
    let server = TestServer::start();
    let body = json!({"taskId": "FD-1", "agentType": "worker", "missionId": "apollo"});
    let agents: Vec<String> = (0..3)
        .map(|_| server.post("/agents", &body).expect(201)["agentId"].as_str().expect("an id").to_owned())
        .collect();
    let other = server.session(None);
    let refused = server.post(&format!("/agents/{other}/kill?scope=mission"), &json!({})).expect(409);
    assert_eq!(refused["type"], "urn:flightdeck:problem:no-mission");
    let reply = server.post(&format!("/agents/{}/kill?scope=mission&wait=0s", agents[0]), &json!({})).expect(202);
    assert_eq!((&reply["message"], &reply["total"]), (&json!("0 of 3 agents killed"), &json!(3)));
    for agent in &agents {
        report(&server, agent, "killed");
    }
    let done = operation(&server, &reply);
    assert_eq!((&done["state"], &done["missionId"]), (&json!("done"), &json!("apollo")));
    assert_eq!(server.get(&format!("/agents/{other}/status")).expect(200)["desiredStatus"], "running");
}

#[test]
fn scripted_agents_are_killed_with_all_below_them_within_the_wait() {
    let server = TestServer::start();
    let script = json!([{"wait": {"ms": 600_000}}]);
    let spawn = |parent: Option<&str>| {
        let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "parentAgentId": parent,
            "context": {"script": script}});
        server.post("/agents/spawn", &body).expect(201)["agentId"].as_str().expect("an id").to_owned()
    };
    let top = spawn(None);
    let below = spawn(Some(&top));
    let reply = server.post(&format!("/agents/{top}/kill?scope=subtree&wait=10s"), &json!({})).expect(200);
    assert_eq!(reply["message"], "2 of 2 agents killed");
    assert_eq!(server.get(&format!("/agents/{below}/status")).expect(200)["status"], "killed");
    assert_eq!(operation(&server, &reply)["state"], "done");
}

#[test]
fn operations_are_listed_and_told_on_the_feed() {
    let server = TestServer::start();
    let [top, one, ..] = family(&server);
    let kill = server.post("/agents/kill-all?wait=0s", &json!({})).expect(200);
    assert_eq!((&kill["total"], &kill["failed"]), (&json!(4), &json!(4)));
    assert_eq!(operation(&server, &kill)["scope"], "fleet");
    for agent in [&top, &one] {
        server.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({})).expect(202);
    }
    report(&server, &one, "killed");
    let count =
        |query: &str| server.get(&format!("/operations{query}")).expect(200)["operations"].as_array().map(Vec::len);
    assert_eq!((count(""), count("?open=true"), count("?open=false")), (Some(3), Some(2), Some(1)));
    let (mut seen, mut path) = (Vec::new(), "/operations?limit=2".to_owned());
    loop {
        let page = server.get(&path).expect(200);
        seen.extend(page["operations"].as_array().expect("a list").iter().map(|it| it["operationId"].clone()));
        let Some(next) = page["nextAfter"].as_str() else { break };
        path = format!("/operations?limit=2&after={next}");
    }
    assert_eq!((seen.len(), &seen[2]), (3, &kill["operationId"]));

    let id = kill["operationId"].as_str().expect("an id");
    let (mut agents, mut path) = (Vec::new(), format!("/operations/{id}?limit=3"));
    loop {
        let page = server.get(&path).expect(200);
        agents.extend(page["targets"].as_array().expect("a list").clone());
        let Some(next) = page["nextAfter"].as_str() else { break };
        path = format!("/operations/{id}?limit=3&after={next}");
    }
    assert_eq!((agents.len(), &agents[0]["depth"], &agents[3]["agentId"]), (4, &json!(2), &json!(top)));

    let mut feed = server.stream("/agents/events?after=0", None).expect("open");
    let told = loop {
        let event = feed.next().expect("an event");
        if event.kind == "operation" {
            break event.data;
        }
    };
    assert!(told.to_string().contains(id), "{told}");
    assert!(told.to_string().contains("\"created\""), "{told}");
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let server = TestServer::start();
    let agent = server.session(None);
    let scope = server.post(&format!("/agents/{agent}/pause?scope=family"), &json!({})).expect(400);
    assert!(scope["detail"].as_str().expect("a text").contains("use self, subtree or mission"), "{scope}");
    server.get("/operations/x").expect(400);
    server.get("/operations?after=x").expect(400);
    server.get("/operations?open=maybe").expect(400);
    let unknown = server.get(&format!("/operations/{agent}")).expect(404);
    assert_eq!(unknown["type"], "urn:flightdeck:problem:unknown-operation");
    server
        .post(&format!("/agents/{}/kill?scope=subtree", "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11"), &json!({}))
        .expect(404);
    let viewer = server.key(Role::Viewer);
    server.get_as(&viewer, "/operations").expect(200);
    server.post_as(&viewer, &format!("/agents/{agent}/kill?scope=subtree"), &json!({})).expect(403);
}
