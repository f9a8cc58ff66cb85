//! Sessions enter the tree and are listed.

use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};

use crate::server::TestServer;

#[test]
fn a_session_registers_once_and_the_same_again_is_harmless() {
    let server = TestServer::start();
    let id = SystemIds.session_id().to_string();
    let body = json!({
        "sessionId": id, "taskId": "FD-1", "agentType": "worker", "missionId": "apollo", "taskSource": "github",
        "context": {"repository": "flightdeck"}, "metadata": {"n": [1, {"deep": true}]},
    });
    let mut first = server.post("/agents", &body).expect(201);
    let again = server.post("/agents", &body).expect(200);
    assert_eq!(first, again);
    for time in ["spawnedAt", "startedAt", "lastSeenAt"] {
        first[time] = "[time]".into();
    }
    for id in ["agentId", "sessionId", "rootSessionId"] {
        first[id] = "[id]".into();
    }
    insta::assert_json_snapshot!(first, @r#"
    {
      "agentId": "[id]",
      "sessionId": "[id]",
      "parentSessionId": null,
      "rootSessionId": "[id]",
      "provider": "internal",
      "providerSessionId": null,
      "providerConfiguration": null,
      "missionId": "apollo",
      "taskId": "FD-1",
      "taskSource": "github",
      "agentType": "worker",
      "status": "running",
      "desiredStatus": "running",
      "statusReason": null,
      "gateProfile": null,
      "context": {
        "repository": "flightdeck"
      },
      "metadata": {
        "n": [
          1,
          {
            "deep": true
          }
        ]
      },
      "lastSeq": 0,
      "revision": 1,
      "spawnedAt": "[time]",
      "startedAt": "[time]",
      "completedAt": null,
      "lastSeenAt": "[time]",
      "capabilities": {
        "canPause": true,
        "canSteer": true,
        "canQueue": true,
        "canResume": true,
        "canConfigure": true,
        "canApprove": true
      }
    }
    "#);
    assert_eq!(server.get(&format!("/agents/{id}/status")).expect(200), again);
}

#[test]
fn spawn_answers_as_the_seed_did() {
    let server = TestServer::start();
    let parent = server.session(None);
    let body = json!({
        "taskId": "FD-2", "agentType": "tester", "context": {"branch": "main"}, "parentAgentId": parent,
    });
    let spawned = server.post("/agents/spawn", &body).expect(201);
    assert_eq!(spawned["status"], "spawning");
    let id = spawned["agentId"].as_str().expect("an id");
    let session = server.get(&format!("/agents/{id}/status")).expect(200);
    assert_eq!((&session["status"], &session["parentSessionId"]), (&json!("spawning"), &json!(parent)));
}

#[test]
fn options_of_a_spawn_are_in_the_context_of_its_session() {
    let server = TestServer::start();
    let options = json!({
        "model": "large", "mode": null, "mcpServers": [{"name": "web", "url": "https://x"}], "env": [], "cwd": "web",
        "worktree": true,
    });
    let body = json!({"taskId": "FD-2", "agentType": "tester", "context": {"branch": "main"}, "options": options});
    let spawned = server.post("/agents/spawn", &body).expect(201);
    let session = server.get(&format!("/agents/{}/status", spawned["agentId"].as_str().expect("an id"))).expect(200);
    let expected = json!({
        "branch": "main", "model": "large", "mcpServers": [{"name": "web", "url": "https://x"}], "env": [], "cwd": "web",
        "worktree": true,
    });
    assert_eq!(session["context"], expected);
}

#[test]
fn the_providers_are_told_with_what_they_start_and_take() {
    let server = TestServer::start();
    let told = server.get("/providers").expect(200);
    insta::assert_json_snapshot!(told, @r#"
    {
      "providers": [
        {
          "name": "internal",
          "spawns": false,
          "agentTypes": [],
          "capabilities": {
            "canPause": true,
            "canSteer": true,
            "canQueue": true,
            "canResume": true,
            "canConfigure": true,
            "canApprove": true
          },
          "settingsSchema": {
            "type": "object",
            "properties": {},
            "additionalProperties": false
          }
        },
        {
          "name": "scripted",
          "spawns": true,
          "agentTypes": [],
          "capabilities": {
            "canPause": true,
            "canSteer": true,
            "canQueue": true,
            "canResume": true,
            "canConfigure": true,
            "canApprove": true
          },
          "settingsSchema": null
        }
      ],
      "configurations": []
    }
    "#);
    let new = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": []}});
    let made = server.post("/agents", &new).expect(201);
    assert_eq!(made["capabilities"], told["providers"][1]["capabilities"], "as its sessions tell them");
    server.get("/providers?all=yes").expect(400);
}

#[test]
fn the_tree_is_flat_newest_first_and_pages_without_gap() {
    let server = TestServer::start();
    let root = server.session(None);
    let mut made = vec![root.clone()];
    for _ in 0..6 {
        made.push(server.session(Some(&root)));
    }
    made.reverse();
    let ids = |entries: &Value| -> Vec<String> {
        entries.as_array().expect("a list").iter().map(|e| e["sessionId"].as_str().expect("an id").to_owned()).collect()
    };
    let whole = server.get("/agents/tree");
    assert_eq!(whole.header("flightdeck-as-of"), Some("00000000-7"));
    assert_eq!(ids(&whole.expect(200)), made);

    let (mut seen, mut path) = (Vec::new(), "/agents/tree?limit=3".to_owned());
    loop {
        let page = server.get(&path);
        let next = page.header("link").map(ToOwned::to_owned);
        seen.extend(ids(&page.expect(200)));
        let Some(link) = next else { break };
        path = link.split(['<', '>']).nth(1).expect("a link").to_owned();
    }
    assert_eq!(seen, made);
}

#[test]
fn lists_are_filtered() {
    let server = TestServer::start();
    let (root, other) = (server.session(None), server.session(None));
    let child = server.session(Some(&root));
    server.post(&format!("/agents/{other}/status"), &json!({"status": "completed"})).expect(200);
    let count = |query: &str| server.get(&format!("/agents?{query}")).expect(200).as_array().map_or(0, Vec::len);
    assert_eq!(count(&format!("root={root}")), 2);
    assert_eq!(count(&format!("root={child}")), 1);
    assert_eq!(count("status=completed"), 1);
    assert_eq!(count("status=completed,running"), 3);
    assert_eq!(count("agentType=worker&taskId=FD-1&provider=internal"), 3);
    assert_eq!(count("missionId=none"), 0);
}

#[test]
fn an_agent_key_sees_its_own_subtree_only() {
    let server = TestServer::start();
    let (root, other) = (server.session(None), server.session(None));
    let child = server.session(Some(&root));
    let key = server.key_bound_to(flightdeck_domain::operator::Role::Agent, root.parse().ok()).reveal();
    let own = server.get_as(&key, &format!("/agents/tree?root={root}")).expect(200);
    assert_eq!(own.as_array().map(Vec::len), Some(2));
    server.get_as(&key, &format!("/agents/{child}/status")).expect(200);
    server.get_as(&key, &format!("/agents/{other}/status")).expect(403);
    server.get_as(&key, &format!("/agents/tree?root={other}")).expect(403);
    server.get_as(&key, "/agents/tree").expect(403);
    let grandchild = json!({"taskId": "FD-3", "agentType": "worker", "parentSessionId": child});
    server.post_as(&key, "/agents", &grandchild).expect(201);
    let stranger = json!({"taskId": "FD-3", "agentType": "worker", "parentSessionId": other});
    server.post_as(&key, "/agents", &stranger).expect(403);
}

#[test]
fn nothing_spawns_under_a_killed_session() {
    let server = TestServer::start();
    let root = server.session(None);
    let child = server.session(Some(&root));
    server.post(&format!("/agents/{root}/kill?wait=0s"), &json!({})).expect(202);
    let below = json!({"taskId": "FD-3", "agentType": "worker", "parentSessionId": child});
    let refused = server.post("/agents", &below).expect(409);
    assert_eq!(refused["type"], "urn:flightdeck:problem:spawn-fenced");
}

#[test]
fn a_page_of_sessions_with_long_contexts_ends_where_it_is_long_enough() {
    let server = TestServer::start();
    let context = json!({"plan": "x".repeat(200_000)});
    for n in 0..130 {
        let body = json!({"taskId": format!("FD-{n}"), "agentType": "worker", "context": context});
        server.post("/agents", &body).expect(201);
    }
    let (mut path, mut pages) = ("/agents?limit=1000".to_owned(), Vec::new());
    loop {
        let reply = server.get(&path);
        let next = reply.header("flightdeck-next-cursor").map(ToOwned::to_owned);
        pages.push(reply.expect(200).as_array().expect("sessions").len());
        let Some(next) = next else { break };
        path = format!("/agents?limit=1000&cursor={next}");
    }
    assert_eq!(pages, [40, 40, 40, 10]);
    let entries = server.get("/agents?limit=7").expect(200);
    assert_eq!(entries.as_array().expect("sessions").len(), 7);
    let entries = server.get("/agents/tree?limit=1000").expect(200);
    assert_eq!(entries.as_array().expect("entries").len(), 130, "the tree leaves contexts out");
}
