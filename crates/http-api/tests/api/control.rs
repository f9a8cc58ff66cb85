//! Operators step in.

use std::time::Duration;

use flightdeck_http_api::ApiOptions;
use serde_json::json;

use crate::server::{TestServer, options};

/// A scripted agent that works until it is told otherwise.
fn busy(server: &TestServer) -> String {
    let script = json!([{"say": "working"}, {"wait": {"ms": 600_000}}]);
    let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": script}});
    let agent = server.post("/agents/spawn", &body).expect(201)["agentId"].as_str().expect("an id").to_owned();
    let mut stream = server.stream(&format!("/agents/{agent}/messages/stream"), None).expect("open");
    while stream.next().expect("a message").data["content"] != "working" {}
    agent
}

#[test]
fn an_agent_that_obeys_is_paused_resumed_and_killed_in_the_seeds_words() {
    let server = TestServer::start();
    let agent = busy(&server);
    let act = |what: &str| server.post(&format!("/agents/{agent}/{what}?wait=10s"), &json!({"reason": "a look"}));
    let paused = act("pause").expect(200);
    assert_eq!(paused["message"], format!("Agent {agent} paused"));
    assert_eq!((&paused["status"], &paused["observed"]), (&json!("paused"), &json!(true)));
    let resumed = act("resume").expect(200);
    assert_eq!(resumed["message"], format!("Agent {agent} resumed"));
    let killed = act("kill").expect(200);
    assert_eq!(killed["message"], format!("Agent {agent} killed"));
    for what in ["pause", "resume", "kill", "inject"] {
        let body = if what == "inject" { json!({"message": "hello"}) } else { json!({}) };
        let refused = server.post(&format!("/agents/{agent}/{what}"), &body).expect(409);
        assert_eq!(refused["type"], "urn:flightdeck:problem:session-ended", "{what}");
    }
}

#[test]
fn an_agent_that_does_not_obey_is_never_said_to_be_paused_or_killed() {
    let server = TestServer::start();
    let agent = server.session(None);
    for (what, told) in [("pause", "pause requested"), ("kill", "kill requested")] {
        let reply = server.post(&format!("/agents/{agent}/{what}?wait=50ms"), &json!({})).expect(202);
        assert_eq!(reply["message"], format!("Agent {agent} {told}"));
        assert_eq!((&reply["status"], &reply["observed"]), (&json!("running"), &json!(false)));
    }
    let being_killed = server.post(&format!("/agents/{agent}/resume"), &json!({})).expect(409);
    assert_eq!(being_killed["type"], "urn:flightdeck:problem:being-killed");
}

#[test]
fn a_stop_of_an_agent_that_the_server_runs_waits_for_what_that_takes() {
    let none = Duration::ZERO;
    let server = TestServer::with(ApiOptions { control_wait: none, ending_wait: Duration::from_secs(20), ..options() });
    let elsewhere = server.session(None);
    for what in ["interrupt", "kill", "kill?scope=subtree"] {
        server.post(&format!("/agents/{}/{what}", busy(&server)), &json!({})).expect(200);
        server.post(&format!("/agents/{elsewhere}/{what}"), &json!({})).expect(202);
    }
    busy(&server);
    let report = server.post("/agents/kill-all", &json!({})).expect(200);
    assert!(report["errors"].to_string().contains(&elsewhere), "{report}");
    assert_eq!((&report["killed"], &report["failed"]), (&json!(2), &json!(1)), "{report}");
}

#[test]
fn an_injected_message_is_in_the_conversation_and_the_agent_answers_it() {
    let server = TestServer::start();
    let agent = busy(&server);
    let body = json!({"message": "How is it going?", "delivery": "interrupt"});
    let reply = server.post(&format!("/agents/{agent}/inject"), &body).expect(200);
    assert_eq!(reply["message"], format!("Message injected into agent {agent}"));
    assert_eq!(reply["receipt"], "accepted");
    let seq = reply["seq"].as_u64().expect("a seq");
    let mut stream = server.stream(&format!("/agents/{agent}/messages/stream?after={}", seq - 1), None).expect("open");
    let said = stream.next().expect("the message").data;
    assert_eq!(
        (&said["role"], &said["content"], &said["id"]),
        (&json!("operator"), &json!("How is it going?"), &reply["messageId"])
    );
    // What becomes of the message may be told in between.
    let answer = std::iter::from_fn(|| stream.next()).find(|event| event.kind == "message").expect("an answer").data;
    assert_eq!(answer["role"], "assistant");
    assert!(answer["content"].as_str().expect("a text").contains("How is it going?"));
}

#[test]
fn an_unknown_agent_is_404_for_every_control_call() {
    let server = TestServer::start();
    let nobody = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";
    for what in ["pause", "resume", "kill", "close", "inject"] {
        let body = if what == "inject" { json!({"message": "hello"}) } else { json!({}) };
        server.post(&format!("/agents/{nobody}/{what}"), &body).expect(404);
    }
    let refused = server.get("/audit?limit=5").expect(200);
    let outcomes: Vec<_> =
        refused["entries"].as_array().expect("entries").iter().map(|e| e["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused"; 5]);
}

#[test]
fn a_session_that_is_silent_for_good_is_closed_by_hand() {
    let server = TestServer::start();
    let (silent, doomed, own) = (server.session(None), server.session(None), busy(&server));
    let why = json!({"reason": "the laptop is gone"});
    let reply = server.post(&format!("/agents/{silent}/close"), &why).expect(200);
    assert_eq!((&reply["status"], &reply["observed"]), (&json!("completed"), &json!(true)));
    let told = server.get(&format!("/agents/{silent}/status")).expect(200);
    assert_eq!(told["statusReason"], "closed by hand: the laptop is gone");
    let entry = &server.get("/audit?limit=1").expect(200)["entries"][0];
    assert_eq!((&entry["action"], &entry["reason"]), (&json!("close"), &why["reason"]));

    server.post(&format!("/agents/{doomed}/kill?wait=0s"), &json!({})).expect(202);
    server.post(&format!("/agents/{doomed}/close"), &json!({})).expect(200);
    assert_eq!(server.get(&format!("/agents/{doomed}/status")).expect(200)["status"], "killed");

    let refused = server.post(&format!("/agents/{own}/close"), &json!({})).expect(409);
    assert!(refused["detail"].as_str().expect("a sentence").contains("runs in this server"), "{refused}");
}

#[test]
fn kill_all_stops_the_fleet_and_nothing_spawns_until_the_release() {
    let server = TestServer::start();
    let (one, _two, stubborn) = (busy(&server), busy(&server), server.session(None));
    let report = server.post("/agents/kill-all?wait=1s", &json!({"reason": "drill"})).expect(200);
    assert_eq!((&report["total"], &report["killed"], &report["failed"]), (&json!(3), &json!(2), &json!(1)));
    assert!(report["errors"][0].as_str().expect("a line").contains(&stubborn));
    assert_eq!(server.get(&format!("/agents/{one}/status")).expect(200)["status"], "killed");

    let body = json!({"taskId": "FD-1", "agentType": "worker"});
    for path in ["/agents", "/agents/spawn"] {
        let refused = server.post(path, &body).expect(409);
        assert_eq!(refused["type"], "urn:flightdeck:problem:kill-switch-engaged");
    }
    server.post("/killswitch/release", &json!({})).expect(200);
    server.post("/agents/spawn", &body).expect(201);
}

#[test]
fn an_agent_takes_another_model_and_the_answer_says_so_only_then() {
    let server = TestServer::start();
    let agent = busy(&server);
    let path = format!("/agents/{agent}/configure");
    let done = server.post(&format!("{path}?wait=10s"), &json!({"model": "large", "mode": "plan"})).expect(200);
    assert_eq!(done["message"], format!("Agent {agent} works with model large and mode plan"));
    assert_eq!((&done["receipt"], &done["receiptReason"]), (&json!("consumed"), &json!(null)));
    let command = server.get(&format!("/agents/{agent}/commands/{}", done["commandSeq"])).expect(200);
    assert_eq!(
        (&command["kind"], &command["model"], &command["mode"]),
        (&json!("configure"), &json!("large"), &json!("plan"))
    );
    assert_eq!(command["receipt"], "consumed");
    let entry = server.get("/audit?limit=1").expect(200)["entries"][0].clone();
    assert_eq!((&entry["action"], &entry["details"]["model"]), (&json!("configure"), &json!("large")), "{entry}");
    server.get(&format!("/agents/{agent}/commands/99")).expect(404);
}

#[test]
fn a_choice_waits_for_an_agent_that_reports_and_its_refusal_is_told() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/configure?wait=0s");
    let asked = server.post(&path, &json!({"model": "large", "reason": "it is stuck"})).expect(202);
    assert_eq!(asked["message"], format!("Agent {agent} model large requested"));
    let commands = server.get(&format!("/agents/{agent}/commands")).expect(200)["commands"].clone();
    assert_eq!((&commands[0]["kind"], &commands[0]["model"]), (&json!("configure"), &json!("large")));
    assert_eq!(commands[0].get("mode"), None, "what is not chosen is not there");
    let no = json!({"state": "refused", "reason": "there is no such model"});
    server.post(&format!("/agents/{agent}/commands/1/ack"), &no).expect(200);
    let told = server.get(&format!("/agents/{agent}/commands/1")).expect(200);
    assert_eq!(told["receiptReason"], "there is no such model");
}

#[test]
fn a_choice_of_nothing_or_of_no_name_is_refused_at_its_field() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/configure");
    let long = "x".repeat(201);
    for (body, field) in [
        (json!({}), "/model"),
        (json!({"reason": "because"}), "/model"),
        (json!({"model": ""}), "/model"),
        (json!({"model": null, "mode": "a\nb"}), "/mode"),
        (json!({"mode": long}), "/mode"),
        (json!({"modell": "large"}), "/modell"),
    ] {
        let refused = server.post(&path, &body).expect(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body} {refused}");
    }
}
