//! Agents report their status.

use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{MockSessionRepository, ObservedSession, SessionRepository};
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus};
use flightdeck_domain::use_cases::Ports;
use flightdeck_http_api::ApiOptions;
use serde_json::json;

use crate::server::{TestServer, options};

/// A session as the API would have it, from a server of its own.
fn session() -> (String, Session) {
    let server = TestServer::start();
    let agent = server.session(None);
    let id: SessionId = agent.parse().expect("a UUID");
    let session = server.block_on(SessionRepository::get(&*server.ports.sessions, id)).expect("read").expect("there");
    (agent, session)
}

#[test]
fn a_report_is_one_write_and_its_answer_tells_what_is_wanted() {
    let (agent, session) = session();
    let mut sessions = MockSessionRepository::new();
    // Nothing else is expected: a heartbeat would fail the request.
    sessions.expect_observe().times(1).returning(move |observation| {
        let session = Session { status: observation.status, ..session.clone() };
        let control = Control { desired_status: DesiredStatus::Paused, pending_commands: 3 };
        Ok(ObservedSession { session, changed: true, control })
    });
    let quiet = ApiOptions { lease: None, ..options() };
    let server = TestServer::with_ports(quiet, |ports| Ports { sessions: Arc::new(sessions), ..ports });
    let reply = server.post(&format!("/agents/{agent}/status"), &json!({"status": "idle"})).expect(200);
    let control = json!({"desiredStatus": "paused", "pendingCommands": 3});
    assert_eq!((&reply["status"], &reply["control"]), (&json!(SessionStatus::Idle), &control));
}

#[test]
fn reporting_somebody_lost_is_no_sign_of_life() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/status");
    let before = server.get(&path).expect(200)["lastSeenAt"].clone();
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    let told = server.post(&path, &json!({"status": "lost"})).expect(200);
    assert_eq!(told["control"], json!({"desiredStatus": "paused", "pendingCommands": 1}));
    let after = server.get(&path).expect(200);
    assert_eq!((&after["status"], &after["lastSeenAt"]), (&json!("lost"), &before));
}
