//! A deployment with something of everything.

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::Server;

/// How many messages go into one request.
const BATCH: usize = 500;

/// What was made.
pub(crate) struct Deployment {
    pub(crate) sessions: Vec<String>,
    pub(crate) operations: Vec<String>,
}

fn expect(answer: (u16, Value)) -> Value {
    assert!((200..300).contains(&answer.0), "{answer:?}");
    answer.1
}

fn id(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

/// A call that can be repeated.
fn pause_once(server: &Server, session: &str) -> (Value, bool) {
    let url = format!("http://{}/agents/{session}/pause?wait=0s", server.address);
    let request = ureq::post(&url).header("X-API-Key", &server.admin_key()).header("Idempotency-Key", "once");
    let mut response = request.send_json(json!({"reason": "a look"})).expect("an answer");
    let replayed = response.headers().contains_key("idempotency-replayed");
    (response.body_mut().read_json().expect("JSON"), replayed)
}

impl Deployment {
    /// Makes it through the API.
    pub(crate) fn make(server: &Server, messages: usize) -> Self {
        let admin = server.admin();
        let sessions = tree(&admin);
        talk(&admin, &sessions, messages);
        let worked = json!({"role": "assistant", "content": "worked", "createdAt": "2026-11-30T12:00:00Z",
            "usage": {"model": "a model", "outputTokens": 7, "costUsd": 0.3}});
        expect(admin.post(&format!("/agents/{}/messages", sessions[0]), &worked));
        let budget = json!({"perDay": {"maxTokens": 1_000}, "perMonth": {"maxCostUsd": 5}});
        assert_eq!(admin.put(&format!("/agents/{}/budget", sessions[0]), &budget).0, 200);
        let mut operations = Vec::new();
        // Injected and read; injected and not read; of every delivery.
        for (delivery, session) in ["queue", "steer", "interrupt"].into_iter().zip(&sessions) {
            let body = json!({"message": format!("do {delivery} \u{1f680}\n\"x\""), "delivery": delivery});
            expect(admin.post(&format!("/agents/{session}/inject"), &body));
        }
        expect(admin.post(&format!("/agents/{}/commands/1/ack", sessions[0]), &json!({"state": "consumed"})));
        let (paused, replayed) = pause_once(server, &sessions[1]);
        assert!(!replayed);
        operations.push(id(&paused, "operationId"));
        expect(admin.post(&format!("/agents/{}/status", sessions[1]), &json!({"status": "paused"})));
        let killed =
            admin.post(&format!("/agents/{}/kill?scope=subtree&wait=0s", sessions[2]), &json!({"reason": "enough"}));
        operations.push(id(&expect(killed), "operationId"));
        // Requests in every state: decided, withdrawn by the end of its session, open.
        let ask = |session: &str| {
            let body =
                json!({"title": "May I?", "detail": {"share": 0.1, "path": ["a", null]}, "expiresInSeconds": 9_999});
            id(&expect(admin.post(&format!("/agents/{session}/approvals"), &body)), "id")
        };
        let decided = ask(&sessions[0]);
        let body = json!({"option": "allow_once", "reason": "it may"});
        expect(admin.post(&format!("/approvals/{decided}/decide"), &body));
        ask(&sessions[3]);
        expect(admin.post(&format!("/agents/{}/status", sessions[3]), &json!({"status": "failed"})));
        ask(&sessions[4]);
        expect(admin.post("/audit/checkpoint", &json!({})));
        let refused = admin.post(&format!("/agents/{}/pause", sessions[3]), &json!({}));
        assert_eq!(refused.0, 409, "{refused:?}");
        operations.push(id(&expect(admin.post("/agents/kill-all?wait=0s", &json!({}))), "operationId"));
        Self { sessions, operations }
    }

    /// The copy is a deployment: an old key acts on it, a key of a call is remembered, nothing spawns while the switch is
    /// engaged, a follower goes on behind the newest event, and the log is whole, with its new entries.
    pub(crate) fn goes_on(&self, server: &Server, newest: u64) {
        let admin = server.admin();
        let verified = expect(admin.get("/audit/verify"));
        assert_eq!(verified["valid"], true, "{verified}");
        assert!(verified["checkpoints"].as_u64() > Some(0), "{verified}");
        let (again, replayed) = pause_once(server, &self.sessions[1]);
        assert!(replayed && id(&again, "operationId") == self.operations[0], "{again}");
        let body = json!({"taskId": "late", "agentType": "tester", "parentSessionId": self.sessions[0]});
        let fenced = admin.post("/agents", &body);
        assert_eq!(fenced.0, 409, "{fenced:?}");
        expect(admin.post("/killswitch/release", &json!({})));
        let follower = crate::seen::follow(server, newest, 1);
        assert_eq!(follower[0].0, newest + 1, "{follower:?}");
        admin.register(None);
        assert_eq!(admin.append(&self.sessions[4], &["on the copy".to_owned()]).len(), 1);
        let verified = expect(admin.get("/audit/verify"));
        assert_eq!(verified["valid"], true, "{verified}");
    }
}

/// Five sessions: a top, and below it one whose id comes before its parent's in every order.
fn tree(admin: &Client) -> Vec<String> {
    let register = |session: u128, parent: Option<u128>| {
        let text = |id: u128| uuid::Uuid::from_u128(id).to_string();
        let mut body = json!({
            "sessionId": text(session), "taskId": "task \u{e9}", "agentType": "tester", "missionId": "m-1",
            "context": {"ratio": 0.1, "big": 1.0e300, "list": [1, null, "\u{1f680}"]}, "metadata": {"z": 1, "a": {"k": false}},
        });
        if let Some(parent) = parent {
            body["parentSessionId"] = text(parent).into();
        }
        id(&expect(admin.post("/agents", &body)), "agentId")
    };
    // More than a page lies between them.
    let top = register(u128::MAX - 7, None);
    let child = register(5, Some(u128::MAX - 7));
    let mut sessions = vec![top, child, register(900, Some(5)), register(700, None), register(800, Some(700))];
    sessions.extend((0..250).map(|n| register(10_000 + n, Some(700))));
    sessions
}

/// Most in five conversations, and a few in all.
fn talk(admin: &Client, sessions: &[String], messages: usize) {
    let mut said = 0;
    while said < messages {
        let session = &sessions[said / BATCH % 5];
        let count = BATCH.min(messages - said);
        let contents: Vec<String> =
            (said..said + count).map(|n| format!("message {n} \u{e9}\u{1f680}\t\"q\"")).collect();
        admin.append(session, &contents);
        said += count;
    }
}
