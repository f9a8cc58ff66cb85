//! Permission requests in the live view.

use crossterm::event::KeyCode;
use flightdeck_client::replies::Approval;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{at, event, fleet, id, key, screen, typed};
use crate::watch::errands::Fetch;
use crate::watch::keys::Step;
use crate::watch::model::{Mode, Model, Place};

const ALL: [&str; 4] = ["allow_once", "allow_always", "reject_once", "reject_always"];

fn request(n: u128, agent: u128, title: &str, detail: &Value) -> Approval {
    Approval {
        id: Uuid::from_u128(0xa000 + n).to_string(),
        agent_id: id(agent).to_string(),
        title: title.to_owned(),
        detail: detail.as_object().cloned().unwrap_or_default(),
        options: ALL.map(ToOwned::to_owned).into(),
        status: "open".to_owned(),
        opened_at: Some(at(i64::try_from(n).expect("small"))),
        ..Approval::default()
    }
}

/// With two requests, as the server lists them: the newest first.
fn asking() -> Model {
    let mut model = fleet();
    assert_eq!(model.wants(), [Fetch::Requests], "how many there are is in the header from the beginning");
    let open =
        vec![request(2, 4, "Read the ledger", &json!({})), request(1, 3, "Push to main", &json!({"cmd": "git push"}))];
    model.take_requests(Ok(open));
    model
}

fn asked(step: Step) -> (String, Value) {
    match step {
        Step::Ask { path, body, .. } => (path, body),
        other => panic!("{other:?}"),
    }
}

#[test]
fn they_are_listed_and_the_selected_one_is_shown_in_full() {
    let mut model = asking();
    typed(&mut model, "a");
    insta::assert_snapshot!(screen(&mut model, 80, 12).join("\n"), @r#"
    Flightdeck  live  2 requests to decide  5 sessions  2 running  1 idle  1 waiting
    0000a001   59s  reviewer PAY-3: Push to main
    0000a002   58s  reader PAY-4: Read the ledger
    ────────────────────────────────────────────────────────────────────────────────
    Push to main
    asked by reviewer PAY-3 (00000003); it offers allow_once, allow_always,
    reject_once, reject_always
    {
      "cmd": "git push"
    }

    ? help  q quit  esc back  y allow  n reject  enter open  arrows move
    "#);
}

#[test]
fn a_long_one_is_wrapped_and_moved_never_cut() {
    let command = (1..=60).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let mut model = fleet();
    model.take_requests(Ok(vec![request(1, 3, &command, &json!({"why": "because"}))]));
    typed(&mut model, "a");
    let mut seen = String::new();
    for _ in 0..12 {
        let lines = screen(&mut model, 30, 10);
        seen.push_str(&lines[3..9].join(" "));
        seen.push(' ');
        key(&mut model, KeyCode::PageDown);
    }
    let missing: Vec<_> =
        (1..=60).map(|n| format!("word{n} ")).filter(|word| !seen.contains(word.trim_end())).collect();
    assert!(missing.is_empty() && seen.contains("\"because\""), "{missing:?} {seen}");
}

#[test]
fn a_decision_is_asked_for_with_its_reason() {
    let mut model = asking();
    typed(&mut model, "a");
    let path = |n: u128| format!("/approvals/{}/decide", Uuid::from_u128(0xa000 + n));
    typed(&mut model, "yreviewed");
    assert_eq!(
        asked(key(&mut model, KeyCode::Enter)),
        (path(1), json!({"option": "allow_once", "reason": "reviewed"}))
    );
    key(&mut model, KeyCode::Down);
    typed(&mut model, "N");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path(2), json!({"option": "reject_always"})));
    typed(&mut model, "n");
    assert_eq!(key(&mut model, KeyCode::Esc), Step::Stay, "it can be given up");
    assert_eq!((model.mode.clone(), model.place), (Mode::Browse, Place::Requests));
}

#[test]
fn a_list_that_changes_does_not_change_what_is_decided() {
    let mut model = asking();
    typed(&mut model, "a");
    key(&mut model, KeyCode::Down);
    typed(&mut model, "y");
    // An older one comes before it.
    model.take(&event("approval", json!({"sessionId": id(1)})));
    assert_eq!(model.wants(), [Fetch::Requests]);
    let open = [(2, 4, "Read the ledger"), (1, 3, "Push to main"), (0, 1, "Delete it all")];
    let open = open.map(|(n, agent, title)| request(n, agent, title, &json!({})));
    model.take_requests(Ok(open.into()));
    let decided = format!("/approvals/{}/decide", Uuid::from_u128(0xa002));
    assert_eq!(asked(key(&mut model, KeyCode::Enter)).0, decided);
    typed(&mut model, "y");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)).0, decided, "the selection stays at its request");
}

#[test]
fn what_cannot_be_decided_here_is_told() {
    let mut model = fleet();
    let once = Approval { options: vec!["allow_once".to_owned()], ..request(1, 3, "Push", &json!({})) };
    let form = request(2, 4, "Which branch?", &json!({"form": {"type": "object"}}));
    model.take_requests(Ok(vec![form, once]));
    typed(&mut model, "aY");
    assert_eq!(model.mode, Mode::Browse);
    assert_eq!(screen(&mut model, 100, 12)[11], "this request does not offer allow_always; it offers allow_once");
    key(&mut model, KeyCode::Down);
    typed(&mut model, "y");
    assert_eq!(
        screen(&mut model, 100, 12)[11],
        "it has a form to fill in: flightdeck approvals allow 0000a002 --answer NAME=VALUE"
    );
    typed(&mut model, "n");
    assert!(matches!(model.mode, Mode::Reason(..)), "to reject it takes no form");
}

#[test]
fn a_goes_to_the_request_of_the_selected_agent_and_enter_to_its_conversation() {
    let mut model = asking();
    for _ in 0..3 {
        key(&mut model, KeyCode::Down);
    }
    typed(&mut model, "a");
    assert!(model.requests.request().is_some_and(|request| request.title == "Read the ledger"));
    key(&mut model, KeyCode::Enter);
    assert_eq!(model.conversation.as_ref().map(|conversation| conversation.id), Some(id(4)));
}

#[test]
fn requests_of_sessions_that_are_not_shown_are_left_out() {
    let mut model = fleet();
    model.take_requests(Ok(vec![request(1, 77, "Elsewhere", &json!({}))]));
    typed(&mut model, "a");
    assert_eq!(screen(&mut model, 80, 6)[1], "nobody asks for anything");
}
