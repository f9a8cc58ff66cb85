use serde_json::{Map, Value, json};

use super::*;

mod calls;
mod usage;

fn update(value: Value) -> Value {
    value
}

fn chunk(kind: &str, text: &str) -> Value {
    update(json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}}))
}

/// Role, text and kind of each line.
fn told(lines: &[Line]) -> Vec<(String, String, String)> {
    let kind =
        |line: &Line| Map::from(line.metadata.clone()).get("type").and_then(Value::as_str).unwrap_or("").to_owned();
    lines.iter().map(|line| (line.role.to_string(), line.content.to_string(), kind(line))).collect()
}

fn line_of(role: &str, text: &str, kind: &str) -> (String, String, String) {
    (role.to_owned(), text.to_owned(), kind.to_owned())
}

fn all(updates: Vec<Value>) -> Vec<Line> {
    let mut transcript = Transcript::default();
    let mut lines: Vec<Line> = updates.into_iter().flat_map(|update| transcript.take(&update)).collect();
    lines.extend(transcript.end_turn());
    lines
}

#[test]
fn pieces_of_an_item_are_one_message() {
    let lines = all(vec![
        chunk("agent_thought_chunk", "hm"),
        chunk("agent_thought_chunk", "m"),
        chunk("agent_message_chunk", "Hel"),
        chunk("agent_message_chunk", "lo"),
        chunk("agent_message_chunk", "."),
    ]);
    let expected = [line_of("assistant", "hmm", "thought"), line_of("assistant", "Hello.", "message")];
    assert_eq!(told(&lines), expected);
}

#[test]
fn a_message_ends_where_the_agent_begins_another() {
    let piece = |id: &str, text: &str| {
        update(
            json!({"sessionUpdate": "agent_message_chunk", "messageId": id, "content": {"type": "text", "text": text}}),
        )
    };
    let lines = all(vec![piece("a", "one"), piece("a", "!"), piece("b", "two")]);
    assert_eq!(told(&lines), [line_of("assistant", "one!", "message"), line_of("assistant", "two", "message")]);
}

#[test]
fn a_notice_without_an_id_is_no_part_of_a_message_that_has_one() {
    let piece = |id: Value, text: &str| {
        update(
            json!({"sessionUpdate": "agent_message_chunk", "messageId": id, "content": {"type": "text", "text": text}}),
        )
    };
    let lines = all(vec![piece(json!(null), "Warning."), piece(json!("a"), "one"), piece(json!(null), "Notice.")]);
    let texts: Vec<_> = told(&lines).into_iter().map(|(_, text, _)| text).collect();
    assert_eq!(texts, ["Warning.", "one", "Notice."]);
}

#[test]
fn what_is_being_said_can_be_shown_before_it_is_complete() {
    let mut transcript = Transcript::default();
    assert_eq!(transcript.preview(), None);
    assert_eq!(transcript.take(&chunk("agent_message_chunk", "Hel")), []);
    assert_eq!(transcript.preview(), Some(("message", "Hel")));
    transcript.end_turn();
    assert_eq!(transcript.preview(), None);
}

#[test]
fn a_tool_call_is_told_when_it_is_known_and_when_it_has_ended() {
    let lines = all(vec![
        chunk("agent_message_chunk", "Looking."),
        update(
            json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash", "status": "pending", "rawInput": {}}),
        ),
        update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "in_progress", "title": "ls",
                      "rawInput": {"command": "ls"}})),
        update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "in_progress"})),
        update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
                      "content": [{"type": "content", "content": {"type": "text", "text": "a.rs"}}]})),
        chunk("agent_message_chunk", "One file."),
    ]);
    let expected = [
        line_of("assistant", "Looking.", "message"),
        line_of("tool", "ls {\"command\":\"ls\"}", "tool_call"),
        line_of("tool", "a.rs", "tool_result"),
        line_of("assistant", "One file.", "message"),
    ];
    assert_eq!(told(&lines), expected);
    let about = Map::from(lines[2].metadata.clone());
    assert_eq!((&about["failed"], &about["name"]), (&json!(false), &json!("bash")));
}

#[test]
fn a_tool_call_that_never_ends_is_said_not_to_have() {
    let lines = all(vec![update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash"}))]);
    assert_eq!(told(&lines), [line_of("tool", "bash", "tool_call"), line_of("tool", "unfinished", "tool_result")]);
    assert_eq!(Map::from(lines[1].metadata.clone())["failed"], true);
}

#[test]
fn an_end_of_a_call_that_nobody_has_heard_of_is_told_whole() {
    let lines = all(vec![update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "failed",
                                       "rawOutput": {"error": "no"}}))]);
    assert_eq!(
        told(&lines),
        [line_of("tool", "tool", "tool_call"), line_of("tool", "{\"error\":\"no\"}", "tool_result")]
    );
}

#[test]
fn a_diff_is_shown_line_by_line() {
    let lines = all(vec![update(
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "edit", "status": "completed",
        "content": [{"type": "diff", "path": "/a.rs", "oldText": "x\n", "newText": "y\nz\n"}]}),
    )]);
    assert_eq!(lines[1].content.to_string(), "/a.rs\n-x\n+y\n+z\n");
}

#[test]
fn the_same_plan_again_is_no_news() {
    let plan = |status: &str| {
        update(json!({"sessionUpdate": "plan", "entries": [{"content": "test", "priority": "high", "status": status}]}))
    };
    let lines = all(vec![plan("pending"), plan("pending"), plan("completed")]);
    assert_eq!(told(&lines), [line_of("assistant", "[ ] test", "plan"), line_of("assistant", "[x] test", "plan")]);
}

#[test]
fn usage_is_told_once_a_turn() {
    let usage = |used: u64| {
        update(
            json!({"sessionUpdate": "usage_update", "used": used, "size": 1000, "cost": {"amount": 0.5, "currency": "USD"}}),
        )
    };
    let lines = all(vec![usage(10), chunk("agent_message_chunk", "x"), usage(20)]);
    let expected = line_of("system", "context 20 of 1000 tokens, cost 0.50 USD so far", "usage");
    assert_eq!(told(&lines), [line_of("assistant", "x", "message"), expected]);
    assert_eq!(Map::from(lines[1].metadata.clone())["usage"]["costUsd"], json!(0.5));
}

#[test]
fn only_what_a_turn_cost_is_counted() {
    let cost = |amount: f64, currency: &str| {
        update(
            json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": currency}}),
        )
    };
    let mut transcript = Transcript::default();
    let mut counted = |update| {
        transcript.take(&update);
        let lines = transcript.end_turn();
        Map::from(lines[0].metadata.clone()).get("usage").and_then(|usage| usage["costUsd"].as_f64())
    };
    assert_eq!(
        [(0.5, "USD"), (0.75, "USD"), (0.75, "USD")].map(|(a, c)| counted(cost(a, c))),
        [Some(0.5), Some(0.25), None]
    );
    assert_eq!(counted(cost(3.0, "EUR")), None);
}

#[test]
fn what_is_repeated_of_an_earlier_session_says_so() {
    let mut transcript = Transcript::default();
    assert_eq!(transcript.take(&chunk("user_message_chunk", "ours")), [], "it is on the record already");
    transcript.replay(true);
    let mut lines = transcript.take(&chunk("user_message_chunk", "do it"));
    lines.extend(transcript.take(&chunk("agent_message_chunk", "done")));
    lines.extend(transcript.end_turn());
    assert_eq!(told(&lines), [line_of("user", "do it", "message"), line_of("assistant", "done", "message")]);
    assert!(lines.iter().all(|line| Map::from(line.metadata.clone())["replayed"] == true));
}

#[test]
fn a_text_without_an_end_becomes_messages_all_the_same() {
    let mut transcript = Transcript::default();
    let piece = "x".repeat(100 << 10);
    let lines: Vec<Line> = (0..10).flat_map(|_| transcript.take(&chunk("agent_message_chunk", &piece))).collect();
    assert_eq!(lines.len(), 3);
    let result = all(vec![update(
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "cat", "status": "completed",
        "rawOutput": "y".repeat(2 << 20)}),
    )]);
    assert!(result[1].content.to_string().ends_with("[the rest is left out: it is too long]"));
}
