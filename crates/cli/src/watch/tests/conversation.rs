//! The conversation that is open.

use crossterm::event::KeyCode;
use flightdeck_client::ClientError;
use flightdeck_client::replies::Messages;
use serde_json::{Value, json};

use super::{event, fleet, id, key, screen, typed};
use crate::watch::errands::Fetch;
use crate::watch::keys::Step;
use crate::watch::model::{Model, Place};

/// Messages of these places, as the server tells them.
fn page(seqs: std::ops::RangeInclusive<u64>, total: u64) -> Messages {
    let message = |seq: u64| {
        json!({"seq": seq, "role": "assistant", "content": format!("step {seq}"),
            "createdAt": "2027-01-15T08:00:00Z"})
    };
    let messages: Vec<Value> = seqs.map(message).collect();
    serde_json::from_value(json!({"messages": messages, "total": total})).expect("a page")
}

/// The reading of the open requests is none of this.
fn wants(model: &mut Model) -> Vec<Fetch> {
    model.wants().into_iter().filter(|fetch| *fetch != Fetch::Requests).collect()
}

#[test]
fn enter_opens_it_and_messages_come_as_the_feed_tells_of_them() {
    let mut model = fleet();
    key(&mut model, KeyCode::Enter);
    assert_eq!(wants(&mut model), [Fetch::Messages(id(1), 0)]);
    assert_eq!(wants(&mut model), [], "what is under way is not asked for again");
    model.take_messages(id(1), Ok(page(1..=7, 7)));
    assert_eq!(wants(&mut model), [], "there is nothing new");
    insta::assert_snapshot!(screen(&mut model, 90, 8).join("\n"), @"
    Flightdeck  live  5 sessions  2 running  1 idle  1 waiting  1 failed
    00000001  lead PAY-1  running
      step 5
    08:00:00  #6  assistant
      step 6
    08:00:00  #7  assistant
      step 7
    ? help  q quit  esc back  a requests  p pause  r resume  i inject  k kill  arrows move
    ");

    model.take(&event("activity", json!({"sessionId": id(1), "seq": 8})));
    assert_eq!(wants(&mut model), [Fetch::Messages(id(1), 7)]);
    // What is there already is not shown twice.
    model.take_messages(id(1), Ok(page(7..=8, 8)));
    let lines = screen(&mut model, 90, 40);
    assert_eq!(lines.iter().filter(|line| line.contains("#7 ")).count(), 1, "{lines:?}");
    assert!(lines.iter().any(|line| line == "  step 8"), "{lines:?}");
    model.take(&event("activity", json!({"sessionId": id(2), "seq": 99})));
    assert_eq!(wants(&mut model), [], "what others say is of no interest here");

    key(&mut model, KeyCode::Esc);
    assert_eq!(model.place, Place::Tree);
    model.take_messages(id(1), Ok(page(9..=9, 9)));
    assert!(screen(&mut model, 90, 8)[1].starts_with("lead PAY-1"), "a late answer opens nothing");
}

#[test]
fn a_view_that_was_moved_stands_still_until_it_is_at_the_end_again() {
    let mut model = fleet();
    key(&mut model, KeyCode::Enter);
    wants(&mut model);
    model.take_messages(id(1), Ok(page(1..=7, 7)));
    key(&mut model, KeyCode::Up);
    let before = screen(&mut model, 90, 8);
    model.take(&event("activity", json!({"sessionId": id(1), "seq": 9})));
    assert_eq!(wants(&mut model), []);
    let after = screen(&mut model, 90, 8);
    assert_eq!(before[2..7], after[2..7]);
    assert!(after[1].ends_with("not at the end, 2 newer; End goes there"), "{after:?}");
    key(&mut model, KeyCode::Home);
    assert_eq!(screen(&mut model, 90, 8)[2], "08:00:00  #1  assistant");
    key(&mut model, KeyCode::End);
    assert_eq!(wants(&mut model), [Fetch::Messages(id(1), 7)]);
}

#[test]
fn a_failed_reading_is_told_and_not_repeated_at_once() {
    let mut model = fleet();
    key(&mut model, KeyCode::Enter);
    wants(&mut model);
    let away = ClientError::Refused { status: 503, kind: String::new(), detail: "the store is away".to_owned() };
    model.take_messages(id(1), Err(away));
    assert_eq!(wants(&mut model), []);
    assert_eq!(screen(&mut model, 90, 8)[7], "the store is away");
    model.rest();
    assert_eq!(wants(&mut model), [Fetch::Messages(id(1), 0)]);
}

#[test]
fn keys_act_on_the_agent_whose_conversation_it_is() {
    let mut model = fleet();
    key(&mut model, KeyCode::End);
    key(&mut model, KeyCode::Enter);
    typed(&mut model, "plunch");
    let Step::Ask { path, body, .. } = key(&mut model, KeyCode::Enter) else { panic!("nothing is asked") };
    assert_eq!((path, body), (format!("/agents/{}/pause", id(5)), json!({"reason": "lunch"})));
    assert_eq!(model.place, Place::Conversation);
}

#[test]
fn what_agents_say_is_shown_harmlessly_and_whole() {
    let mut model = fleet();
    key(&mut model, KeyCode::Enter);
    wants(&mut model);
    let hostile = "\x1b[2J".to_owned() + &"long ".repeat(40) + "end\nnext\u{202e}";
    let said = json!({"messages": [{"seq": 7, "role": "tool", "content": hostile}], "total": 7});
    model.take_messages(id(1), Ok(serde_json::from_value(said).expect("a page")));
    let lines = screen(&mut model, 40, 16);
    assert!(lines.iter().flat_map(|line| line.chars()).all(|c| !c.is_control()), "{lines:?}");
    let text = lines.join(" ");
    assert!(text.contains("\\x1b[2Jlong") && text.contains("end   next\\u{202e}"), "{lines:?}");
    assert_eq!(text.matches("long").count(), 40);
}
