//! What raises an alarm, and what does not.

use serde_json::json;

use super::*;
use crate::fixtures::{at, message_id, session_id};
use crate::ids::Seq;
use crate::message::{Message, MessageRole, NewMessage};
use crate::text::{JsonObject, MessageContent, ProviderName};

fn message(role: MessageRole, content: &str, metadata: serde_json::Value) -> Message {
    let new = NewMessage {
        id: message_id(1),
        role,
        content: MessageContent::new(content).expect("valid"),
        metadata: serde_json::from_value::<JsonObject>(metadata).expect("an object"),
        created_at: at(0),
    };
    new.at_seq(Seq::new(1), session_id(1), ProviderName::internal())
}

/// One call with its result, as ACP agents have it.
fn call(n: u32, input: &str, output: &str) -> Vec<Message> {
    let id = format!("call-{n}");
    let called = json!({"type": "tool_call", "toolCallId": id, "name": "bash", "input": {"cmd": input}});
    let result = json!({"type": "tool_result", "toolCallId": id, "name": "bash", "status": "completed"});
    vec![message(MessageRole::Tool, "bash", called), message(MessageRole::Tool, output, result)]
}

fn seen(watch: &mut Watch, messages: &[Message], second: i64) -> Vec<Alarm> {
    let signs = messages.iter().flat_map(Sign::of);
    signs.flat_map(|sign| watch.see(sign, &limits(), at(second))).collect()
}

fn limits() -> GuardLimits {
    GuardLimits { repeats: Some(10), cost_per_hour: Some(Cost::from_nanos(10_000_000_000)), ..GuardLimits::default() }
}

fn stages(alarms: &[Alarm]) -> Vec<Stage> {
    alarms.iter().map(|alarm| alarm.stage).collect()
}

#[test]
fn the_same_call_with_the_same_result_is_warned_of_and_then_paused_once() {
    let mut watch = Watch::default();
    let raised: Vec<(u32, Alarm)> = (1..=1_500)
        .flat_map(|n| seen(&mut watch, &call(n, "ls", "a.rs"), 0).into_iter().map(move |it| (n, it)))
        .collect();
    let when: Vec<(u32, Stage)> = raised.iter().map(|(n, alarm)| (*n, alarm.stage)).collect();
    assert_eq!(when, [(5, Stage::Warn), (10, Stage::Pause)]);
    assert_eq!(raised[1].1.why().as_str(), "it made the same call of bash with the same result 10 times");
    assert_ne!(raised[0].1.key, raised[1].1.key);
}

#[test]
fn other_inputs_or_other_results_are_no_loop() {
    let mut watch = Watch::default();
    for n in 0..500 {
        assert_eq!(seen(&mut watch, &call(n, &format!("ls {n}"), "a.rs"), 0), [], "another input");
        assert_eq!(seen(&mut watch, &call(n, "date", &n.to_string()), 0), [], "another result");
    }
}

#[test]
fn a_loop_of_several_calls_is_seen_and_a_rare_repetition_is_not() {
    let mut watch = Watch::default();
    let alarms: Vec<Alarm> = (0..40)
        .zip(["read", "write", "test"].into_iter().cycle())
        .flat_map(|(n, tool)| seen(&mut watch, &call(n, tool, "ok"), 0))
        .collect();
    assert_eq!(stages(&alarms).iter().filter(|stage| **stage == Stage::Pause).count(), 3, "each of the three");
    let mut watch = Watch::default();
    for n in 0..2_000 {
        let input = if n % 50 == 0 { "status".to_owned() } else { format!("work {n}") };
        assert_eq!(seen(&mut watch, &call(n, &input, "ok"), 0), [], "four among two hundred");
    }
}

#[test]
fn messages_of_hooks_and_of_agents_of_ones_own_are_known_too() {
    let hooks = |n: u32| {
        let called = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": n.to_string()});
        let result = json!({"tool_name": "Bash", "tool_use_id": n.to_string()});
        vec![
            message(MessageRole::Assistant, "Bash: ls", json!({"type": "tool_call", "data": called})),
            message(MessageRole::Tool, "a.rs", json!({"type": "tool_result", "data": result})),
        ]
    };
    let plain = |_: u32| vec![message(MessageRole::Tool, "ls: a.rs", json!({}))];
    let makers: [&dyn Fn(u32) -> Vec<Message>; 2] = [&hooks, &plain];
    for make in makers {
        let mut watch = Watch::default();
        let alarms: Vec<Alarm> = (0..20).flat_map(|n| seen(&mut watch, &make(n), 0)).collect();
        assert_eq!(stages(&alarms), [Stage::Warn, Stage::Pause]);
    }
    let said = |_: u32| vec![message(MessageRole::Assistant, "the same words", json!({}))];
    let replayed = |_: u32| vec![message(MessageRole::Tool, "ls", json!({"replayed": true}))];
    let quiet: [&dyn Fn(u32) -> Vec<Message>; 2] = [&said, &replayed];
    for make in quiet {
        let mut watch = Watch::default();
        assert!((0..50).all(|n| seen(&mut watch, &make(n), 0).is_empty()));
    }
}

#[test]
fn spending_is_warned_of_and_paused_and_counts_an_hour() {
    let spends = |dollars: u32| {
        vec![message(MessageRole::System, "used", json!({"usage": {"inputTokens": 1, "costUsd": dollars}}))]
    };
    let mut watch = Watch::default();
    assert_eq!(seen(&mut watch, &spends(7), 0), []);
    let warned = seen(&mut watch, &spends(1), 60);
    assert_eq!(stages(&warned), [Stage::Warn]);
    assert_eq!(warned[0].why().as_str(), "it spent 8.00 USD within an hour, and 10.00 USD is the line");
    assert_eq!(stages(&seen(&mut watch, &spends(3), 120)), [Stage::Pause]);
    assert_eq!(seen(&mut watch, &spends(3), 180), [], "an operator may let it go on");
    assert_eq!(seen(&mut watch, &spends(1), 3_900), [], "the first hour is over");
    assert_eq!(stages(&seen(&mut watch, &spends(20), 4_000)), [Stage::Pause], "it is not warned of what is done");
}

#[test]
fn without_a_line_nothing_is_raised() {
    let mut watch = Watch::default();
    let off = GuardLimits::default();
    assert!(off.is_off() && !limits().is_off());
    for n in 0..300 {
        for sign in call(n, "ls", "a").iter().flat_map(Sign::of).chain([Sign::Spent(Cost::from_nanos(u64::MAX / 400))])
        {
            assert_eq!(watch.see(sign, &off, at(0)), []);
        }
    }
    assert!(watch.is_bounded());
}
