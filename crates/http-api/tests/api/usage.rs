//! Usage is summed, and a budget pauses.

use serde_json::{Value, json};

use crate::server::TestServer;

fn used(id: u8, usage: &Value) -> Value {
    let id = format!("0198c1f0-7d3e-7c2a-9a51-0000000000{id:02x}");
    json!({"id": id, "role": "assistant", "content": "worked", "usage": usage})
}

fn register(server: &TestServer, mission: &str) -> String {
    let new = json!({"taskId": "FD-1", "agentType": "worker", "missionId": mission});
    server.post("/agents", &new).expect(201)["agentId"].as_str().expect("an id").to_owned()
}

#[test]
fn usage_counts_once_for_the_agent_its_subtree_and_its_mission() {
    let server = TestServer::start();
    let top = register(&server, "a/b c");
    let child = server.session(Some(&top));
    let report = json!([used(1, &json!({"inputTokens": 100, "outputTokens": 20, "costUsd": 0.3}))]);
    server.post(&format!("/agents/{child}/messages"), &report).expect(201);
    server.post(&format!("/agents/{child}/messages"), &report).expect(200);
    let with_cache = used(2, &json!({"cacheReadTokens": 1000, "cacheWriteTokens": 5}));
    server.post(&format!("/agents/{top}/messages"), &with_cache).expect(201);
    let usage = server.get(&format!("/agents/{top}/usage")).expect(200);
    let own = json!({"inputTokens": 0, "outputTokens": 0, "cacheReadTokens": 1000, "cacheWriteTokens": 5,
        "totalTokens": 1005, "costUsd": 0.0, "reports": 1, "pricedReports": 0});
    let all = json!({"inputTokens": 100, "outputTokens": 20, "cacheReadTokens": 1000, "cacheWriteTokens": 5,
        "totalTokens": 1125, "costUsd": 0.3, "reports": 2, "pricedReports": 1});
    assert_eq!(usage, json!({"agentId": top, "own": own, "subtree": all, "budget": null}));
    let unknown = "0198c1f0-7d3e-7c2a-9a51-00000000ffff";
    let several = server.get(&format!("/agents/usage?agentIds={child},{unknown},{top}")).expect(200);
    assert_eq!((&several[0]["agentId"], &several[1]), (&json!(child), &usage));
    assert_eq!(several.as_array().map(Vec::len), Some(2), "one that is not there is left out");
    let many = vec![top.as_str(); 201].join(",");
    server.get(&format!("/agents/usage?agentIds={many}")).expect(400);
    let mission = server.get("/missions/a%2Fb%20c").expect(200);
    assert_eq!((&mission["missionId"], &mission["usage"]), (&json!("a/b c"), &all));
    assert_eq!(mission["sessions"], json!({"total": 2, "byStatus": {"running": 2}}));
    // Of no mission.
    let free = server.session(None);
    server.post(&format!("/agents/{free}/messages"), &used(1, &json!({"costUsd": 0.2}))).expect(201);
    let fleet = server.get("/fleet/usage").expect(200);
    assert_eq!((&fleet["totalTokens"], &fleet["costUsd"], &fleet["reports"]), (&json!(1125), &json!(0.5), &json!(3)));
    let said = server.get(&format!("/agents/{child}/messages")).expect(200);
    assert_eq!(said["messages"][0]["metadata"]["usage"]["inputTokens"], 100);
}

#[test]
fn missions_are_listed_page_by_page() {
    let server = TestServer::start();
    for mission in ["one", "two", "three"] {
        register(&server, mission);
    }
    let first = server.get("/missions?limit=2").expect(200);
    let next = first["nextAfter"].as_str().expect("a place");
    let second = server.get(&format!("/missions?limit=2&after={next}")).expect(200);
    let names = |page: &Value| -> Vec<String> {
        let missions = page["missions"].as_array().expect("missions").iter();
        missions.map(|mission| mission["missionId"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!((names(&first), names(&second)), (vec!["three".into(), "two".into()], vec!["one".into()]));
    assert_eq!(second["nextAfter"], Value::Null);
}

#[test]
fn a_used_up_budget_pauses_the_subtree_on_record_and_says_so() {
    let server = TestServer::start();
    let top = server.session(None);
    let child = server.session(Some(&top));
    let budget = json!({"maxCostUsd": 1, "maxTokens": 1_000_000, "reason": "a trial"});
    let set = server.call("PUT", &format!("/agents/{top}/budget"), "application/json", budget.to_string().as_bytes());
    let limits = json!({"maxCostUsd": 1.0, "maxTokens": 1_000_000, "warnAtPercent": 80, "warned": [],
        "exhaustedAt": null, "pauseRequested": false});
    assert_eq!(set.expect(200)["budget"], limits);
    let messages = format!("/agents/{child}/messages");
    let early = server.post(&messages, &used(1, &json!({"costUsd": 0.99}))).expect(201);
    assert_eq!(early["control"]["desiredStatus"], "running");
    let late = server.post(&messages, &used(2, &json!({"costUsd": 0.01}))).expect(201);
    assert_eq!(late["control"], json!({"desiredStatus": "paused", "pendingCommands": 1}), "the report itself is told");
    for agent in [&top, &child] {
        let commands = server.get(&format!("/agents/{agent}/commands")).expect(200);
        assert_eq!(commands["commands"][0]["kind"], "pause", "{commands}");
        let said = server.get(&format!("/agents/{agent}/messages")).expect(200);
        let last = said["messages"].as_array().and_then(|messages| messages.last()).expect("a message");
        let told = format!("pause requested: the budget of session {top} is used up: 1.00 of 1.00 US dollars");
        assert!(last["content"].as_str().is_some_and(|text| text.starts_with(&told)), "{last}");
    }
    let entries = server.get("/audit?action=pause&operator=budget").expect(200);
    assert_eq!(entries["entries"].as_array().map(Vec::len), Some(1), "{entries}");
    assert_eq!(server.get("/audit?action=budget_set").expect(200)["entries"][0]["reason"], "a trial");
    let usage = server.get(&format!("/agents/{top}/usage")).expect(200);
    assert_eq!(usage["budget"]["pauseRequested"], true);
    let operations = server.get("/operations").expect(200);
    assert_eq!(operations["operations"][0]["operator"], "budget");

    server.post(&messages, &used(3, &json!({"costUsd": 0.5}))).expect(201);
    let again = server.get("/audit?action=pause&operator=budget").expect(200);
    assert_eq!(again["entries"].as_array().map(Vec::len), Some(1), "it pauses once");
}

#[test]
fn a_budget_of_a_mission_may_come_first_and_be_taken_away() {
    let server = TestServer::start();
    let put = |path: &str, body: &Value| server.call("PUT", path, "application/json", body.to_string().as_bytes());
    let set = put("/missions/apollo/budget", &json!({"maxTokens": 10})).expect(200);
    assert_eq!(set["sessions"], json!({"total": 0, "byStatus": {}}));
    let (one, two) = (register(&server, "apollo"), register(&server, "apollo"));
    server.post(&format!("/agents/{one}/messages"), &used(1, &json!({"outputTokens": 10}))).expect(201);
    let other = server.get(&format!("/agents/{two}/commands")).expect(200);
    assert_eq!(other["commands"][0]["kind"], "pause");
    let removed = server.call("DELETE", "/missions/apollo/budget", "application/json", b"{}").expect(200);
    assert_eq!(removed["budget"], Value::Null);
    assert_eq!(server.call("DELETE", "/missions/gemini/budget", "", b"").status, 404);
    assert_eq!(server.get("/missions/gemini").status, 404);
    let entry = &server.get("/audit?action=budget_set").expect(200)["entries"][0];
    assert_eq!(entry["target"], json!({"kind": "mission", "value": "apollo"}), "{entry}");
}

#[test]
fn a_budget_below_what_is_used_pauses_at_once() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/messages"), &used(1, &json!({"outputTokens": 10}))).expect(201);
    let body = json!({"maxTokens": 5}).to_string();
    server.call("PUT", &format!("/agents/{agent}/budget"), "application/json", body.as_bytes()).expect(200);
    let status = server.get(&format!("/agents/{agent}/status")).expect(200);
    assert_eq!(status["desiredStatus"], "paused");
}

#[test]
fn usage_is_broken_down_by_day_and_model() {
    let server = TestServer::start();
    let top = register(&server, "apollo");
    let child = server.session(Some(&top));
    let report = |id, day: &str, usage: &Value| {
        let mut report = used(id, usage);
        report["createdAt"] = json!(format!("{day}T23:59:59Z"));
        report
    };
    let reports = json!([
        report(1, "2026-11-01", &json!({"model": "opus", "inputTokens": 1, "costUsd": 0.5})),
        report(2, "2026-11-02", &json!({"model": "opus", "inputTokens": 2})),
        report(3, "2026-11-02", &json!({"outputTokens": 4})),
    ]);
    server.post(&format!("/agents/{child}/messages"), &reports).expect(201);
    let days = "by=model,day&from=2026-11-01&to=2026-11-30";
    let line = |day: &str, model: Value, input, output, cost: f64| {
        json!({"day": day, "model": model, "inputTokens": input, "outputTokens": output, "cacheReadTokens": 0,
            "cacheWriteTokens": 0, "totalTokens": input + output, "costUsd": cost, "reports": 1,
            "pricedReports": u64::from(cost > 0.0)})
    };
    let breakdown = json!({"from": "2026-11-01", "to": "2026-11-30", "by": ["day", "model"], "truncated": false, "lines": [
        line("2026-11-01", json!("opus"), 1, 0, 0.5),
        line("2026-11-02", Value::Null, 0, 4, 0.0),
        line("2026-11-02", json!("opus"), 2, 0, 0.0),
    ]});
    for path in ["/fleet/usage".to_owned(), format!("/agents/{top}/usage"), "/missions/apollo".to_owned()] {
        assert_eq!(server.get(&format!("{path}?{days}")).expect(200)["breakdown"], breakdown, "{path}");
        assert_eq!(server.get(&path).expect(200)["breakdown"], Value::Null, "{path}");
    }
    let by = server.get("/fleet/usage?by=mission&by=agent&from=2026-11-02&to=2026-11-02").expect(200);
    let lines = by["breakdown"]["lines"].as_array().expect("lines");
    assert_eq!((lines.len(), &lines[0]["missionId"], &lines[0]["agentId"]), (1, &json!("apollo"), &json!(child)));
    assert_eq!((lines[0].get("day"), &lines[0]["totalTokens"]), (None, &json!(6)));
    for (query, why) in [
        ("by=hour", "use day, model, mission or agent"),
        ("by=day&from=2026-13-01", "write it as 2026-11-30"),
        ("by=day&from=2026-11-02&to=2026-11-01", "later than the last day, 2026-11-01"),
        ("by=day&from=2020-01-01&to=2026-11-01", "at most 400"),
        ("from=2026-11-01", "give by, too"),
        ("by=", "is nothing that usage is broken down by"),
    ] {
        let refused = server.get(&format!("/fleet/usage?{query}")).expect(400);
        assert!(refused["detail"].as_str().is_some_and(|text| text.contains(why)), "{query}: {refused}");
    }
}

fn put(server: &TestServer, agent: &str, budget: &Value) -> crate::server::Reply {
    server.call("PUT", &format!("/agents/{agent}/budget"), "application/json", budget.to_string().as_bytes())
}

#[test]
fn a_budget_over_a_day_warns_and_pauses() {
    let server = TestServer::start();
    let top = server.session(None);
    let budget = json!({"perDay": {"maxTokens": 10}, "perMonth": {"maxCostUsd": 100}, "warnAtPercent": 50});
    let set = put(&server, &top, &budget).expect(200);
    assert_eq!(
        (&set["budget"]["perDay"]["maxTokens"], &set["budget"]["perMonth"]["maxCostUsd"]),
        (&json!(10), &json!(100.0))
    );
    let messages = format!("/agents/{top}/messages");
    server.post(&messages, &used(1, &json!({"inputTokens": 5}))).expect(201);
    let usage = server.get(&format!("/agents/{top}/usage")).expect(200);
    assert_eq!((&usage["budget"]["warned"], &usage["budget"]["perDay"]["tokens"]), (&json!(["day"]), &json!(5)));
    let late = server.post(&messages, &used(2, &json!({"inputTokens": 5}))).expect(201);
    assert_eq!(late["control"]["desiredStatus"], "paused");
    let usage = server.get(&format!("/agents/{top}/usage")).expect(200);
    assert_eq!((&usage["budget"]["exhaustedBy"], &usage["budget"]["pauseRequested"]), (&json!("day"), &json!(true)));
    let entry = &server.get("/audit?action=budget_set").expect(200)["entries"][0];
    assert_eq!(
        (&entry["details"]["perDay.maxTokens"], &entry["details"]["warnAtPercent"]),
        (&json!("10"), &json!("50"))
    );
    for (body, field) in [
        (json!({"perDay": {}}), "limits nothing"),
        (json!({"maxTokens": 5, "warnAtPercent": 100}), "/warnAtPercent"),
        (json!({"perDay": {"maxTokens": -1}}), "/perDay/maxTokens"),
        (json!({"perWeek": {"maxTokens": 1}}), "perWeek"),
    ] {
        let refused = put(&server, &top, &body).expect(400);
        assert!(refused.to_string().contains(field), "{body}: {refused}");
    }
}
