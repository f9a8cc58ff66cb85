use std::sync::atomic::{AtomicUsize, Ordering};

use flightdeck_domain::approval::{ApprovalOption, ApprovalOptions, ApprovalState, Ask, Asked as Opened};
use flightdeck_domain::ids::{ApprovalId, MessageId};
use flightdeck_domain::ports::Clock as _;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::text::{ApprovalTitle, JsonObject};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::testing::{Asked, AtWork, FakeServer, id, problem, session, until};

const AT: &str = "2026-01-31T12:00:00Z";

fn command(seq: u64, kind: &str) -> Value {
    let (message, place) =
        if kind == "inject" { (json!(Uuid::from_u128(9)), json!(5)) } else { (json!(null), json!(null)) };
    let delivery = if kind == "inject" { json!("queue") } else { json!(null) };
    json!({"seq": seq, "kind": kind, "messageId": message, "messageSeq": place, "delivery": delivery, "reason": null,
        "receipt": "accepted", "createdAt": AT, "updatedAt": AT})
}

fn commands(commands: &[Value], desired: &str) -> (u16, Value) {
    (200, json!({"commands": commands, "control": {"desiredStatus": desired, "pendingCommands": 0}}))
}

fn is_question(asked: &Asked) -> bool {
    asked.path.contains("/commands?")
}

/// Nothing is new; the server takes a moment to say so.
fn nothing(desired: &str) -> (u16, Value) {
    std::thread::sleep(Duration::from_millis(20));
    commands(&[], desired)
}

#[tokio::test]
async fn a_command_that_comes_twice_is_handed_over_once_and_the_next_question_is_behind_it() {
    let server = FakeServer::new(|asked| match asked.path.as_str() {
        path if path.contains("after=0&") => commands(&[command(1, "pause"), command(2, "resume")], "running"),
        path if path.contains("after=2&") => commands(&[command(2, "resume"), command(3, "pause")], "paused"),
        path if path.contains("after=3&") => nothing("paused"),
        path => panic!("{path}"),
    });
    let work = AtWork::at(&server).await;
    let ears = tokio::spawn(listen(Arc::clone(&work.held), id(1)));
    until("it has asked for the fourth", || server.asked().iter().any(|asked| asked.path.contains("after=3&"))).await;
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends").expect("no panic");
    let kinds: Vec<String> = work.agent.handed().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["pause", "resume", "pause"]);
    assert_eq!(work.held.control(id(1)).expect("known").pending_commands, 3);
}

#[tokio::test]
async fn a_kill_that_has_no_place_in_the_queue_yet_is_obeyed_once() {
    let server = FakeServer::new(|_| nothing("killed"));
    let work = AtWork::at(&server).await;
    let ears = tokio::spawn(listen(Arc::clone(&work.held), id(1)));
    until("it has asked twice more", || server.asked().len() > 3).await;
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends").expect("no panic");
    assert_eq!(work.agent.handed(), [("kill".to_owned(), None)]);
}

#[tokio::test]
async fn a_kill_of_the_queue_is_not_doubled_by_what_is_desired() {
    let server = FakeServer::new(|asked| {
        if asked.path.contains("after=0&") { commands(&[command(1, "kill")], "killed") } else { nothing("killed") }
    });
    let work = AtWork::at(&server).await;
    let ears = tokio::spawn(listen(Arc::clone(&work.held), id(1)));
    until("it has asked again", || server.asked().len() > 2).await;
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends").expect("no panic");
    assert_eq!(work.agent.handed(), [("kill".to_owned(), None)]);
}

#[tokio::test]
async fn a_message_is_handed_over_with_what_it_says_though_the_server_is_away_for_a_while() {
    let looks = AtomicUsize::new(0);
    let server = FakeServer::new(move |asked| {
        if is_question(asked) {
            return if asked.path.contains("after=0&") {
                commands(&[command(1, "inject")], "running")
            } else {
                nothing("running")
            };
        }
        assert_eq!(asked.path, format!("/agents/{}/messages?after=4&limit=1", id(1)));
        if looks.fetch_add(1, Ordering::SeqCst) < 2 {
            return problem(503, "unavailable");
        }
        (
            200,
            json!({"messages": [{"id": Uuid::from_u128(9), "seq": 5, "role": "operator", "content": "skip two",
            "provider": "runner", "metadata": {}, "createdAt": AT}]}),
        )
    });
    let work = AtWork::at(&server).await;
    let ears = tokio::spawn(listen(Arc::clone(&work.held), id(1)));
    until("it is handed over", || !work.agent.handed().is_empty()).await;
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends").expect("no panic");
    assert_eq!(work.agent.handed(), [("inject".to_owned(), Some("skip two".to_owned()))]);
}

#[tokio::test]
async fn what_waits_is_known_before_the_start_and_not_handed_over_twice() {
    let server = FakeServer::new(|asked| {
        assert!(asked.path.ends_with("wait=0s"), "it does not wait: {}", asked.path);
        commands(&[command(1, "pause")], "paused")
    });
    let work = AtWork::at(&server).await;
    before_the_start(&work.held).await;
    assert_eq!(work.agent.handed(), [], "an agent that comes up finds it by itself");
    let waiting = work.held.pending(id(1), flightdeck_domain::ids::CommandSeq::ZERO).expect("known");
    assert_eq!(waiting.len(), 1);
}

#[tokio::test]
async fn an_assignment_that_is_over_before_the_start_ends_its_agent() {
    let server = FakeServer::new(|_| problem(409, "assignment-over"));
    let work = AtWork::at(&server).await;
    before_the_start(&work.held).await;
    assert!(work.held.is_over());
    assert_eq!(work.agent.handed(), [("kill".to_owned(), None)]);
    listen(Arc::clone(&work.held), id(1)).await;
    assert_eq!(server.asked().len(), 1, "nobody listens for it any more");
}

/// The agent asks for permission.
fn asks(work: &AtWork, n: u128) -> ApprovalId {
    let approval = ApprovalId::new(Uuid::from_u128(n));
    let ask = Ask {
        id: approval,
        session_id: id(1),
        title: ApprovalTitle::new("Push").expect("valid"),
        detail: JsonObject::default(),
        options: ApprovalOptions::new([ApprovalOption::AllowOnce]).expect("one"),
        expires_in: None,
        message_id: MessageId::new(Uuid::from_u128(n)),
        at: SystemClock.now(),
    };
    let Ok(Opened::Open(opened)) = ask.open(&work.held.session(id(1)).expect("known"), None) else { panic!("refused") };
    work.held.set(opened.session.observed.into_parts().0);
    work.held.set_approval(opened.approval);
    approval
}

#[tokio::test]
async fn a_session_goes_on_when_the_last_of_its_requests_is_decided() {
    let server = FakeServer::new(|asked| {
        let first = asked.path.ends_with(&Uuid::from_u128(1).to_string());
        let decision = json!({"option": "allow_once", "by": "cli", "at": AT, "reason": null});
        let decision = if first { decision } else { json!(null) };
        (200, json!({"decision": decision, "expired": null}))
    });
    let work = AtWork::at(&server).await;
    let (one, two) = (asks(&work, 1), asks(&work, 2));
    let looks = tokio::spawn(decisions(Arc::clone(&work.held)));
    let state = |approval| work.held.approval(approval).expect("known").state;
    until("the first is decided", || matches!(state(one), ApprovalState::Decided(_))).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(work.held.session(id(1)).expect("known").status, SessionStatus::Waiting, "for the other one");
    assert_eq!(state(two), ApprovalState::Open);
    let closed_one = work.held.approval(two).expect("known");
    let expired = flightdeck_domain::approval::ExpiryReason::Withdrawn;
    work.held.set_approval(flightdeck_domain::approval::Approval {
        state: ApprovalState::Expired { why: expired, at: SystemClock.now() },
        ..closed_one
    });
    closed(&work.held, id(1));
    assert_eq!(work.held.session(id(1)).expect("known").status, SessionStatus::Running);
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), looks).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn a_decided_request_lets_the_session_go_on() {
    let server = FakeServer::new(|_| {
        let decision = json!({"option": "allow_once", "by": "cli", "at": AT, "reason": null});
        (200, json!({"decision": decision, "expired": null}))
    });
    let work = AtWork::at(&server).await;
    asks(&work, 1);
    let looks = tokio::spawn(decisions(Arc::clone(&work.held)));
    let status = || work.held.session(id(1)).expect("known").status;
    until("it goes on", || status() == SessionStatus::Running).await;
    work.ends(1);
    tokio::time::timeout(Duration::from_secs(20), looks).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn ears_that_hear_that_the_assignment_is_over_end_its_agent() {
    let server = FakeServer::new(|_| problem(409, "assignment-fenced"));
    let work = AtWork::at(&server).await;
    let ears = listen(Arc::clone(&work.held), id(1));
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends");
    assert!(work.held.is_over());
    assert_eq!(work.agent.handed(), [("kill".to_owned(), None)]);
}

#[tokio::test]
async fn a_session_below_that_the_server_does_not_know_yet_is_asked_about_again() {
    let asked = AtomicUsize::new(0);
    let server = FakeServer::new(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) < 2 {
            problem(404, "unknown-agent")
        } else {
            commands(&[command(1, "kill")], "killed")
        }
    });
    let work = AtWork::at(&server).await;
    work.held.add(session(2));
    let ears = tokio::spawn(listen(Arc::clone(&work.held), id(2)));
    until("it hears", || !work.agent.handed().is_empty()).await;
    work.ends(2);
    tokio::time::timeout(Duration::from_secs(20), ears).await.expect("it ends").expect("no panic");
}
