//! Permission requests.

use std::time::{Duration, Instant};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Role;
use serde_json::{Value, json};

use crate::server::TestServer;

fn status(server: &TestServer, agent: &str) -> Value {
    server.get(&format!("/agents/{agent}/status")).expect(200)["status"].clone()
}

fn ask(server: &TestServer, agent: &str, title: &str) -> String {
    let reply = server.post(&format!("/agents/{agent}/approvals"), &json!({"title": title})).expect(201);
    reply["id"].as_str().expect("an id").to_owned()
}

#[test]
fn an_agent_that_asks_waits_and_goes_on_when_somebody_has_decided() {
    let server = TestServer::start();
    let agent = server.session(None);
    let bound: SessionId = agent.parse().expect("an id");
    let key = server.key_bound_to(Role::Agent, Some(bound)).reveal();
    let operator = server.key_bound_to(Role::Operator, None);
    let body = json!({"title": "push to main", "detail": {"cmd": "git push"}, "expiresInSeconds": 600});
    let asking = format!("/agents/{agent}/approvals?wait=20s");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| server.post_as(&key, &asking, &body).expect(201));
        let open = loop {
            let page = server.get(&format!("/approvals?status=open&agentId={agent}")).expect(200);
            if let Some(open) = page["approvals"].get(0) {
                break open.clone();
            }
        };
        assert_eq!((&open["status"], &open["detail"]["cmd"]), (&json!("open"), &json!("git push")));
        assert_eq!(open["options"], json!(["allow_once", "allow_always", "reject_once", "reject_always"]));
        assert_eq!(status(&server, &agent), "waiting");
        let path = format!("/approvals/{}/decide", open["id"].as_str().expect("an id"));
        let decision = json!({"option": "allow_once", "reason": "reviewed"});
        server.post_as(&operator.reveal(), &path, &decision).expect(200);
        let started = Instant::now();
        let answer = asked.join().expect("no panic");
        assert!(started.elapsed() < Duration::from_secs(5), "it does not sit out the wait");
        assert_eq!(answer["status"], "decided");
        let told = &answer["decision"];
        assert_eq!(
            (&told["option"], &told["allowed"], &told["by"], &told["reason"]),
            (&json!("allow_once"), &json!(true), &json!(operator.id.to_string()), &json!("reviewed"))
        );
    });
    assert_eq!(status(&server, &agent), "running");
}

#[test]
fn a_question_with_a_form_is_answered_and_a_wrong_answer_decides_nothing() {
    let server = TestServer::start();
    let agent = server.session(None);
    let form = json!({"type": "object", "required": ["branch"],
        "properties": {"branch": {"type": "string", "enum": ["main", "next"]}, "count": {"type": "integer"}}});
    let body = json!({"title": "Which branch?", "detail": {"form": form}, "options": ["allow_once", "reject_once"]});
    let asked = server.post(&format!("/agents/{agent}/approvals"), &body).expect(201);
    let id = asked["id"].as_str().expect("an id");
    let decide = |body: Value| server.post(&format!("/approvals/{id}/decide"), &body);
    for (answer, field) in [
        (json!({}), "/answer/branch"),
        (json!({"branch": "other"}), "/answer/branch"),
        (json!({"branch": "main", "a/b": 1}), "/answer/a~1b"),
    ] {
        let refused = decide(json!({"option": "allow_once", "answer": answer})).expect(400);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    decide(json!({"option": "allow_once"})).expect(400);
    decide(json!({"option": "reject_once", "answer": {"branch": "main"}})).expect(400);
    decide(json!({"option": "allow_once", "answer": [1]})).expect(400);
    assert_eq!(server.get(&format!("/agents/{agent}/approvals/{id}")).expect(200)["status"], "open");
    let answer = json!({"branch": "next", "count": 3});
    let decided = decide(json!({"option": "allow_once", "answer": answer})).expect(200);
    assert_eq!(decided["decision"]["answer"], answer);
    let read = server.get(&format!("/agents/{agent}/approvals/{id}?wait=1s")).expect(200);
    assert_eq!(read["decision"]["answer"], answer, "the agent reads it");
    let audit = server.get("/audit?limit=1").expect(200);
    assert_eq!(audit["entries"][0]["details"]["answer"], r#"{"branch":"next","count":3}"#);
}

#[test]
fn a_late_decision_is_told_who_was_first_and_is_on_record() {
    let server = TestServer::start();
    let agent = server.session(None);
    let id = ask(&server, &agent, "push");
    let first = server.key_bound_to(Role::Operator, None);
    let path = format!("/approvals/{id}/decide");
    server.post_as(&first.reveal(), &path, &json!({"option": "reject_once"})).expect(200);
    let late = server.post(&path, &json!({"option": "allow_once"})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:approval-decided");
    let detail = late["detail"].as_str().expect("a sentence");
    assert!(detail.contains(&format!("reject_once by {} at 20", first.id)), "{detail}");
    let audit = server.get("/audit?action=approval_decide").expect(200);
    let outcomes: Vec<_> =
        audit["entries"].as_array().expect("entries").iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused", "accepted"]);
    let denied = server.post_as(&server.key(Role::Viewer), &path, &json!({"option": "allow_once"}));
    denied.expect(403);
    assert_eq!(server.get("/audit?limit=1").expect(200)["entries"][0]["outcome"], "refused");
    assert_eq!(server.get("/audit/verify").expect(200)["valid"], true);
}

#[test]
fn nobody_in_time_is_an_answer_too() {
    let server = TestServer::start();
    let agent = server.session(None);
    let asked = format!("/agents/{agent}/approvals");
    let open = server.post(&format!("{asked}?wait=50ms"), &json!({"title": "push", "expiresInSeconds": 1})).expect(201);
    assert_eq!(open["status"], "open", "the wait was shorter");
    let path = format!("{asked}/{}?wait=20s", open["id"].as_str().expect("an id"));
    let expired = server.get(&path).expect(200);
    assert_eq!((&expired["status"], &expired["expired"]["why"]), (&json!("expired"), &json!("deadline")));
    assert_eq!(status(&server, &agent), "running");

    let id = ask(&server, &agent, "push again");
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "failed"})).expect(200);
    let ended = server.get(&format!("{asked}/{id}")).expect(200);
    assert_eq!(ended["expired"]["why"], "session_ended");
    let late = server.post(&format!("/approvals/{id}/decide"), &json!({"option": "allow_once"})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:approval-expired");
}

#[test]
fn asking_again_is_harmless() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/approvals");
    let body = json!({"id": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b22", "title": "push"});
    let first = server.post(&path, &body).expect(201);
    assert_eq!(server.post(&path, &body).expect(200), first);
    let other = json!({"id": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b22", "title": "pull"});
    assert_eq!(server.post(&path, &other).expect(409)["type"], "urn:flightdeck:problem:approval-conflict");
}

#[test]
fn the_list_has_pages_and_filters() {
    let server = TestServer::start();
    let (one, two) = (server.session(None), server.session(None));
    let ids: Vec<String> =
        (0..5).map(|n| ask(&server, if n % 2 == 0 { &one } else { &two }, &format!("request {n}"))).collect();
    server.post(&format!("/approvals/{}/decide", ids[1]), &json!({"option": "allow_always"})).expect(200);
    let titles = |query: &str| -> Vec<String> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let page = server.get(&format!("/approvals?limit=2{query}{before}")).expect(200);
            let page_of = page["approvals"].as_array().expect("a page");
            all.extend(page_of.iter().map(|it| it["title"].as_str().expect("a title").to_owned()));
            let Some(next) = page["nextBefore"].as_str() else { return all };
            before = format!("&before={next}");
        }
    };
    assert_eq!(titles("").len(), 5);
    assert_eq!(titles(&format!("&agentId={one}")), ["request 4", "request 2", "request 0"]);
    assert_eq!(titles("&status=decided"), ["request 1"]);
    assert_eq!(titles(&format!("&status=open,expired&root={two}")), ["request 3"]);
}

#[test]
fn the_feed_tells_of_each_change() {
    let server = TestServer::start();
    let agent = server.session(None);
    let mut feed = server.stream("/agents/events?activity=off", None).expect("open");
    let id = ask(&server, &agent, "push");
    server.post(&format!("/approvals/{id}/decide"), &json!({"option": "allow_once"})).expect(200);
    let mut next = || feed.next().expect("an event");
    let (opened, waiting, decided, running) = (next(), next(), next(), next());
    assert_eq!((opened.kind.as_str(), &opened.data["change"]), ("approval", &json!("opened")));
    assert_eq!((decided.kind.as_str(), &decided.data["option"]), ("approval", &json!("allow_once")));
    assert_eq!((&waiting.data["status"], &running.data["status"]), (&json!("waiting"), &json!("running")));
}

#[test]
fn an_agents_key_asks_for_its_own_session_only_and_decides_nothing() {
    let server = TestServer::start();
    let (own, other) = (server.session(None), server.session(None));
    let key = server.key_bound_to(Role::Agent, own.parse().ok()).reveal();
    let id = ask(&server, &other, "push");
    server.post_as(&key, &format!("/agents/{other}/approvals"), &json!({"title": "x"})).expect(403);
    server.get_as(&key, &format!("/agents/{other}/approvals/{id}")).expect(403);
    server.get_as(&key, &format!("/agents/{own}/approvals/{id}")).expect(404);
    server.post_as(&key, &format!("/approvals/{id}/decide"), &json!({"option": "allow_once"})).expect(403);
    server.get_as(&key, "/approvals").expect(403);
}

#[test]
fn an_agent_takes_its_request_back_once_and_nobody_else_does() {
    let server = TestServer::start();
    let own = server.session(None);
    let (below, other) = (server.session(Some(&own)), server.session(None));
    let key = server.key_bound_to(Role::Agent, own.parse().ok()).reveal();
    let (mine, decided, foreign) =
        (ask(&server, &below, "push"), ask(&server, &below, "pull"), ask(&server, &other, "merge"));
    let withdraw = |key: &str, id: &str| server.post_as(key, &format!("/approvals/{id}/withdraw"), &json!({}));
    withdraw(&server.key(Role::Operator), &mine).expect(403);
    withdraw(&server.key(Role::Viewer), &mine).expect(403);
    withdraw(&key, &foreign).expect(403);
    assert_eq!(withdraw(&key, &own).expect(404)["type"], "urn:flightdeck:problem:unknown-approval");

    let mut feed = server.stream("/agents/events?activity=off", None).expect("open");
    let operator = server.key_bound_to(Role::Operator, None);
    let path = format!("/approvals/{decided}/decide");
    server.post_as(&operator.reveal(), &path, &json!({"option": "reject_once"})).expect(200);
    let late = withdraw(&key, &decided).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:approval-decided");
    assert!(late["detail"].as_str().is_some_and(|told| told.contains(&format!("reject_once by {}", operator.id))));

    assert_eq!(status(&server, &below), "waiting");
    let closed = withdraw(&key, &mine).expect(200);
    assert_eq!((&closed["status"], &closed["expired"]["why"]), (&json!("expired"), &json!("withdrawn")));
    assert_eq!(status(&server, &below), "running");
    assert_eq!(withdraw(&key, &mine).expect(200), closed, "again is harmless");
    let late = server.post(&format!("/approvals/{mine}/decide"), &json!({"option": "allow_once"})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:approval-expired");
    let told: Vec<_> = (0..3).map(|_| feed.next().expect("an event").data).collect();
    assert_eq!((&told[1]["change"], &told[1]["why"]), (&json!("expired"), &json!("withdrawn")));
    assert_eq!(told[2]["status"], "running", "{told:?}");
    assert_eq!(status(&server, &other), "waiting");
}

#[test]
fn the_table_of_bad_input_about_permission_requests() {
    let server = TestServer::start();
    let (agent, ended) = (server.session(None), server.session(None));
    server.post(&format!("/agents/{ended}/status"), &json!({"status": "failed"})).expect(200);
    let unknown = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";
    let asked = format!("/agents/{agent}/approvals");
    let narrow = json!({"title": "x", "options": ["reject_once"]});
    let narrow = server.post(&asked, &narrow).expect(201)["id"].as_str().expect("an id").to_owned();
    let table = [
        (asked.clone(), json!({}), 400, "title"),
        (asked.clone(), json!({"title": ""}), 400, "/title: must not be empty"),
        (asked.clone(), json!({"title": "a\u{1b}[2J"}), 400, "/title: contains a control character"),
        (asked.clone(), json!({"title": "x".repeat(501)}), 400, "/title: is too long"),
        (asked.clone(), json!({"title": "x", "detail": []}), 400, "/detail"),
        (asked.clone(), json!({"title": "x", "detail": {"k": "v".repeat(262_144)}}), 400, "/detail: is too long"),
        (asked.clone(), json!({"title": "x", "options": []}), 400, "/options: must not be empty"),
        (asked.clone(), json!({"title": "x", "options": ["maybe"]}), 400, "unknown variant `maybe`"),
        (asked.clone(), json!({"title": "x", "expiresInSeconds": 0}), 400, "/expiresInSeconds: 0 is not"),
        (asked.clone(), json!({"title": "x", "expiresInSeconds": 604_801}), 400, "from 1 to 604800"),
        (asked.clone(), json!({"title": "x", "id": "7"}), 400, "/id"),
        (asked.clone(), json!({"title": "x", "urgent": true}), 400, "unknown field `urgent`"),
        (format!("{asked}?wait=31s"), json!({"title": "x"}), 400, "wait"),
        (format!("/agents/{unknown}/approvals"), json!({"title": "x"}), 404, unknown),
        (format!("/agents/{ended}/approvals"), json!({"title": "x"}), 409, "is failed"),
        (format!("/approvals/{unknown}/decide"), json!({"option": "allow_once"}), 404, unknown),
        (format!("/approvals/{unknown}/withdraw"), json!({}), 404, unknown),
        ("/approvals/7/withdraw".to_owned(), json!({}), 400, "approvalId: \"7\" is not a UUID"),
        ("/approvals/7/decide".to_owned(), json!({"option": "allow_once"}), 400, "approvalId: \"7\" is not a UUID"),
        (format!("/approvals/{narrow}/decide"), json!({}), 400, "option"),
        (format!("/approvals/{narrow}/decide"), json!({"option": "yes"}), 400, "/option: unknown variant `yes`"),
        (format!("/approvals/{narrow}/decide"), json!({"option": "allow_once"}), 400, "choose one of reject_once"),
        (format!("/approvals/{narrow}/decide"), json!({"option": "reject_once", "why": 1}), 400, "unknown field `why`"),
    ];
    for (path, body, status, word) in table {
        let reply = server.post(&path, &body);
        let shown = body.to_string().chars().take(80).collect::<String>();
        assert_eq!(reply.status, status, "{path} {shown}: {}", reply.body);
        assert!(reply.body["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{shown}: {}", reply.body);
    }
    for (path, status, word) in [
        (format!("{asked}/{unknown}"), 404, "has no permission request"),
        (format!("/agents/{ended}/approvals/{narrow}"), 404, "has no permission request"),
        (format!("/agents/{unknown}/approvals/{narrow}"), 404, unknown),
        (format!("{asked}/7"), 400, "approvalId"),
        ("/approvals?status=closed".to_owned(), 400, "use open, decided or expired"),
        ("/approvals?before=abc".to_owned(), 400, "take it from the page before"),
        ("/approvals?limit=0".to_owned(), 400, "limit"),
        ("/approvals?agent=x".to_owned(), 400, "agent: is not a parameter"),
    ] {
        let reply = server.get(&path);
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert!(reply.body["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{path}: {}", reply.body);
    }
}
