//! The live view without a terminal: keys and events in, lines out.

mod conversation;
mod requests;

use chrono::{DateTime, Utc};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use flightdeck_client::{Entry, Event};
use flightdeck_terminal::{Tone, width};
use serde_json::json;
use uuid::Uuid;

use super::keys::{Step, press};
use super::model::Model;
use super::view::draw;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a moment")
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn entry(n: u128, parent: Option<u128>, kind: &str, task: &str, status: &str) -> Entry {
    Entry {
        session_id: id(n),
        parent_session_id: parent.map(id),
        status: status.to_owned(),
        desired_status: "running".to_owned(),
        agent_type: kind.to_owned(),
        provider: "internal".to_owned(),
        mission_id: Some("ledger".to_owned()),
        task_id: task.to_owned(),
        last_seq: 7,
        spawned_at: at(i64::try_from(n).expect("small")),
        completed_at: None,
    }
}

fn fleet() -> Model {
    let entries = vec![
        entry(1, None, "lead", "PAY-1", "running"),
        entry(2, Some(1), "tester", "PAY-2", "failed"),
        entry(3, Some(1), "reviewer", "PAY-3", "waiting"),
        entry(4, Some(3), "reader", "PAY-4", "running"),
        entry(5, None, "editor", "DOC-1", "idle"),
    ];
    Model::new(entries, None)
}

/// The screen as plain text; no line may be wider than it.
fn screen(model: &mut Model, columns: u16, height: u16) -> Vec<String> {
    let lines = draw(model, columns, height, at(60));
    assert_eq!(lines.len(), usize::from(height));
    lines
        .iter()
        .map(|line| {
            let text: String = line.iter().map(|(_, text)| text.as_str()).collect();
            assert!(width(&text) <= usize::from(columns), "{text}");
            text.trim_end().to_owned()
        })
        .collect()
}

/// The task of the row that is marked.
fn selected(model: &mut Model) -> String {
    let lines = draw(model, 100, 12, at(60));
    let marked = lines.iter().flatten().find(|(tone, _)| *tone == Tone::Selected).map(|(_, text)| text.clone());
    let words: Vec<String> = marked.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect();
    words.into_iter().find(|word| word.contains('-')).unwrap_or_default()
}

fn key(model: &mut Model, code: KeyCode) -> Step {
    press(model, KeyEvent::new(code, KeyModifiers::NONE), 12)
}

fn typed(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert_eq!(key(model, KeyCode::Char(c)), Step::Stay);
    }
}

fn event(kind: &str, data: serde_json::Value) -> Event {
    Event { kind: kind.to_owned(), id: Some(1), data }
}

#[test]
fn the_tree_is_drawn_with_its_counts() {
    insta::assert_snapshot!(screen(&mut fleet(), 90, 8).join("\n"), @"
    Flightdeck  live  5 sessions  2 running  1 idle  1 waiting  1 failed
    lead PAY-1          running                  59s       7  00000001
    ├─ tester PAY-2     failed                   58s       7  00000002
    └─ reviewer PAY-3   waiting                  57s       7  00000003
       └─ reader PAY-4  running                  56s       7  00000004
    editor DOC-1        idle                     55s       7  00000005

    ? help  q quit  enter open  a requests  / filter  p pause  r resume  i inject  k kill
    ");
}

#[test]
fn every_size_has_a_picture() {
    let mut model = fleet();
    for (columns, height) in [(200, 50), (80, 24), (40, 6), (20, 3), (5, 2), (1, 1)] {
        screen(&mut model, columns, height);
        key(&mut model, KeyCode::Char('?'));
        screen(&mut model, columns, height);
        key(&mut model, KeyCode::Esc);
        key(&mut model, KeyCode::End);
    }
}

#[test]
fn the_window_follows_the_selection() {
    let entries = (1..=100).map(|n| entry(n, None, "agent", &format!("T-{n}"), "running")).collect();
    let mut model = Model::new(entries, None);
    assert!(screen(&mut model, 80, 12)[1].contains("T-1 "));
    key(&mut model, KeyCode::End);
    let lines = screen(&mut model, 80, 12);
    assert!(lines[1].contains("T-91 ") && lines[10].contains("T-100 "), "{lines:?}");
    key(&mut model, KeyCode::PageUp);
    assert_eq!(selected(&mut model), "T-91");
    key(&mut model, KeyCode::Home);
    assert_eq!(selected(&mut model), "T-1");
}

#[test]
fn arrows_move_fold_and_climb() {
    let mut model = fleet();
    key(&mut model, KeyCode::Down);
    key(&mut model, KeyCode::Down);
    assert_eq!(selected(&mut model), "PAY-3");
    key(&mut model, KeyCode::Left);
    assert!(screen(&mut model, 90, 8).iter().any(|line| line.contains("PAY-3 (+1)")));
    key(&mut model, KeyCode::Left);
    assert_eq!(selected(&mut model), "PAY-1", "what is folded already leads to its parent");
    key(&mut model, KeyCode::Down);
    key(&mut model, KeyCode::Down);
    key(&mut model, KeyCode::Right);
    key(&mut model, KeyCode::Down);
    assert_eq!(selected(&mut model), "PAY-4");
}

#[test]
fn a_filter_leaves_what_fits_with_what_is_above_it() {
    let mut model = fleet();
    typed(&mut model, "/READER");
    let lines = screen(&mut model, 90, 8);
    assert!(lines[3].contains("PAY-4") && lines[4].is_empty(), "{lines:?}");
    assert_eq!(lines[7], "/READER▏");
    key(&mut model, KeyCode::Enter);
    assert_eq!(key(&mut model, KeyCode::Char('q')), Step::Quit, "keys are keys again");
    key(&mut model, KeyCode::Esc);
    assert!(screen(&mut model, 90, 8)[5].contains("DOC-1"));
    typed(&mut model, "/nothing");
    assert_eq!(screen(&mut model, 90, 8)[1], "nothing fits the filter");
}

#[test]
fn keys_ask_for_what_they_say() {
    let mut model = fleet();
    let asked = |step| match step {
        Step::Ask { path, body, .. } => (path, body),
        other => panic!("{other:?}"),
    };
    let path = |verb: &str| format!("/agents/{}/{verb}", id(1));
    typed(&mut model, "p");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("pause"), json!({})), "a reason may be left out");
    typed(&mut model, "r  ");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("resume"), json!({})), "blanks are no reason");
    typed(&mut model, "plunch");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("pause"), json!({"reason": "lunch"})));
    typed(&mut model, "px");
    assert_eq!(key(&mut model, KeyCode::Esc), Step::Stay, "a wish can be given up");
    typed(&mut model, "ihow is it?");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("inject"), json!({"message": "how is it?"})));
    typed(&mut model, "ix");
    assert_eq!(key(&mut model, KeyCode::Esc), Step::Stay, "a message can be given up");
    typed(&mut model, "k");
    assert_eq!(key(&mut model, KeyCode::Enter), Step::Stay, "a kill has to be meant");
    typed(&mut model, "ky");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("kill?scope=self"), json!({})));
    typed(&mut model, "ksstuck");
    assert_eq!(asked(key(&mut model, KeyCode::Enter)), (path("kill?scope=subtree"), json!({"reason": "stuck"})));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(press(&mut model, interrupt, 12), Step::Quit);
}

#[test]
fn what_is_asked_for_stands_beside_its_reason() {
    let mut model = fleet();
    typed(&mut model, "pmaintenance");
    let footer = screen(&mut model, 120, 6)[5].clone();
    assert_eq!(footer, "pause lead PAY-1; reason, or just Enter (Esc: no): maintenance▏");
    let footer = screen(&mut model, 65, 6)[5].clone();
    assert_eq!(footer, "pause lead PAY-1; reason, or just Enter (Esc: no): maintenance▏", "it is cut no earlier");
    let footer = screen(&mut model, 20, 6)[5].clone();
    assert!(footer.ends_with("tenance▏"), "the end of what is typed is seen: {footer}");
}

#[test]
fn an_id_stays_whole_in_a_narrow_terminal() {
    for columns in [120, 60, 40, 30, 20] {
        let lines = screen(&mut fleet(), columns, 8);
        for (line, id) in lines[1..6].iter().zip(1..) {
            assert!(line.ends_with(&format!("0000000{id}")), "{columns}: {line}");
        }
    }
}

#[test]
fn every_place_has_its_help() {
    let mut model = fleet();
    let help = |model: &mut Model| {
        typed(model, "?");
        let lines = screen(model, 100, 16).join("\n");
        key(model, KeyCode::Esc);
        lines
    };
    assert!(help(&mut model).contains("open the conversation of the selected agent"));
    key(&mut model, KeyCode::Enter);
    assert!(help(&mut model).contains("back to the tree"));
    typed(&mut model, "a");
    assert!(help(&mut model).contains("allow it once"));
}

#[test]
fn events_change_what_is_shown() {
    let mut model = Model::new(Vec::new(), None);
    assert_eq!(screen(&mut model, 80, 6)[1], "no sessions yet");
    let new = json!({"sessionId": id(9), "at": at(9), "agentType": "late", "taskId": "T-9", "status": "spawning",
        "provider": "scripted", "parentSessionId": null, "missionId": null});
    model.take(&event("spawned", new));
    assert_eq!(selected(&mut model), "T-9", "the first to come is selected");
    model.take(&event("activity", json!({"sessionId": id(9), "seq": 41})));
    model.take(&event(
        "status",
        json!({"sessionId": id(9), "status": "running", "desiredStatus": "running", "seq": 40}),
    ));
    model.take(&event("action", json!({"sessionId": id(9), "desiredStatus": "paused"})));
    let line = screen(&mut model, 80, 6)[1].clone();
    assert!(line.contains("running, pausing") && line.contains("41"), "{line}");
    model.take(&event("killswitch", json!({"engaged": true, "sessionId": null})));
    model.live = false;
    let header = screen(&mut model, 80, 6)[0].clone();
    assert!(header.starts_with("Flightdeck  NOT LIVE, reconnecting  KILL SWITCH  1 sessions"), "{header}");
}

#[test]
fn what_agents_say_of_themselves_is_shown_harmlessly() {
    let entries = vec![entry(1, None, "le\x1b]52;c;aGk=\x07ad", "T\r\u{202e}-1", "running")];
    let mut model = Model::new(entries, None);
    model.notice = "\x1b[2J".to_owned();
    let lines = screen(&mut model, 100, 6);
    assert!(lines[1].contains("le\\x1b]52;c;aGk=\\x07ad T\\r\\u{202e}-1"), "{lines:?}");
    assert!(lines.iter().flat_map(|line| line.chars()).all(|c| !c.is_control()), "{lines:?}");
}
