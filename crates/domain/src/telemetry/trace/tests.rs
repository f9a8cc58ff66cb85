use serde_json::json;

use super::*;
use crate::fixtures::{at, new_message, session, session_id};
use crate::ids::Seq;
use crate::message::{Author, Message, MessageRole, NewMessage};
use crate::session::SessionStatus;
use crate::text::{JsonObject, MessageContent, ProviderName};

fn message(seq: u64, role: MessageRole, text: &str, metadata: serde_json::Value) -> Message {
    let new = NewMessage {
        role,
        content: MessageContent::new(text).expect("valid"),
        metadata: JsonObject::trusted(metadata),
        created_at: at(i64::try_from(seq).expect("small") * 10),
        ..new_message(u128::from(seq))
    };
    new.at_seq(Seq::new(seq), session_id(1), ProviderName::internal())
}

fn steps(messages: &[Message], with_text: bool) -> Vec<Step> {
    messages.iter().map(|message| Step::of(message, with_text)).collect()
}

fn ended(status: SessionStatus) -> Ended {
    Ended { status, until: Seq::new(100), at: at(1_000) }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn conversation() -> Vec<Message> {
    use MessageRole::{Assistant, System, Tool, User};
    let used = |out: u64| json!({"usage": {"model": "opus", "inputTokens": 10, "outputTokens": out, "cacheReadTokens": 5, "costUsd": 0.5}});
    vec![
        message(1, System, "session started", json!({"type": "session"})),
        message(2, User, "do it", json!({})),
        message(3, Assistant, "Bash", json!({"type": "tool_call", "data": {"tool_name": "Bash", "tool_use_id": "t1"}})),
        message(4, Assistant, "x", json!({"type": "tool_call", "name": "Read", "toolCallId": "t2"})),
        message(5, Tool, "ok", json!({"type": "tool_result", "data": {"tool_name": "Bash", "tool_use_id": "t1"}})),
        message(6, Tool, "no", json!({"type": "tool_error", "toolCallId": "t2"})),
        message(7, Assistant, "done", used(7)),
        message(8, User, "and this", json!({})),
        message(
            9,
            Tool,
            "1",
            json!({"type": "tool_result", "source": "telemetry", "name": "Grep", "durationMs": 4_000, "failed": false}),
        ),
        message(10, Assistant, "done again", used(1)),
    ]
}

#[test]
fn turns_and_their_calls_stand_below_the_session_and_it_below_its_parent() {
    let child = Session { parent_id: Some(session_id(9)), root_id: session_id(8), ..session(1) };
    let used = Totals { input_tokens: 20, cache_read_tokens: 10, output_tokens: 8, reports: 2, ..Totals::default() };
    let all = spans(&child, ended(SessionStatus::Completed), used, &steps(&conversation(), false));
    let names: Vec<&str> = all.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        ["turn", "execute_tool Bash", "execute_tool Read", "turn", "execute_tool Grep", "invoke_agent worker"]
    );
    assert!(all.iter().all(|span| span.trace == TraceId::of_tree(session_id(8)) && span.begin <= span.end));
    let [first, bash, read, second, grep, whole] = &all[..] else { panic!("six") };
    assert_eq!(whole.parent, Some(SpanId::of_session(session_id(9))));
    assert_eq!((first.parent, second.parent), (Some(whole.id), Some(whole.id)));
    assert_eq!((bash.parent, read.parent, grep.parent), (Some(first.id), Some(first.id), Some(second.id)));
    assert_eq!((first.begin, first.end), (at(20), at(80)), "from the prompt to the next one");
    assert_eq!((second.begin, second.end), (at(80), at(1_000)), "to the end");
    assert_eq!((bash.begin, bash.end), (at(30), at(50)));
    assert_eq!((grep.begin, grep.end), (at(86), at(90)), "by the time that it took");
    assert_eq!((bash.end_state, read.end_state), (EndState::Unknown, EndState::Bad("tool_error")));
    assert_eq!((grep.end_state, whole.end_state), (EndState::Good, EndState::Good));
    assert_eq!(attribute(bash, "gen_ai.tool.call.id"), Some(&"t1".into()));
    assert_eq!(attribute(first, "gen_ai.usage.input_tokens"), Some(&Value::Number(15)), "with what was cached");
    assert_eq!(attribute(first, "gen_ai.response.model"), Some(&"opus".into()));
    assert_eq!(attribute(whole, "gen_ai.usage.output_tokens"), Some(&Value::Number(8)));
    assert_eq!(attribute(whole, "gen_ai.agent.name"), Some(&"worker".into()));
}

#[test]
fn ids_follow_from_what_a_span_is_about() {
    let all = || spans(&session(1), ended(SessionStatus::Completed), Totals::default(), &steps(&conversation(), false));
    let ids =
        |spans: &[Span]| spans.iter().map(|span| format!("{:?}", span.id)).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ids(&all()), ids(&all()));
    assert_eq!(ids(&all()).len(), 6, "each its own");
    let other = spans(&session(2), ended(SessionStatus::Completed), Totals::default(), &steps(&conversation(), false));
    assert!(ids(&all()).is_disjoint(&ids(&other)));
    assert_eq!(format!("{:?}", TraceId::of_tree(session_id(255))), "000000000000000000000000000000ff");
    assert_ne!(TraceId::of_tree(session_id(0)).0, [0; 16]);
}

#[test]
fn words_are_in_a_span_only_where_they_are_wanted() {
    let all = |with_text| {
        spans(&session(1), ended(SessionStatus::Idle), Totals::default(), &steps(&conversation(), with_text))
    };
    let without = format!("{:?}", all(false));
    for word in ["do it", "done", "and this"] {
        assert!(!without.contains(word), "{word}");
    }
    let with = all(true);
    assert_eq!(attribute(&with[0], "input.value"), Some(&"do it".into()));
    assert_eq!(attribute(&with[0], "output.value"), Some(&"done".into()));
    let Some(Value::Text(messages)) = attribute(&with[0], "gen_ai.output.messages") else { panic!("a text") };
    assert_eq!(messages, r#"[{"role":"assistant","parts":[{"type":"text","content":"done"}]}]"#);
    assert_eq!(attribute(&with[1], "gen_ai.tool.call.result"), Some(&"ok".into()));
}

#[test]
fn a_session_that_goes_on_has_no_span_yet_and_a_bad_end_is_told() {
    let idle = spans(&session(1), ended(SessionStatus::Idle), Totals::default(), &steps(&conversation(), false));
    assert!(idle.iter().all(|span| span.id != SpanId::of_session(session_id(1))));
    for status in [SessionStatus::Failed, SessionStatus::Killed, SessionStatus::Lost] {
        let all = spans(&session(1), ended(status), Totals::default(), &[]);
        assert_eq!(all.len(), 1, "system messages alone are no turn");
        assert_eq!(all[0].end_state, EndState::Bad(status.as_str()));
        assert_eq!(attribute(&all[0], "gen_ai.usage.input_tokens"), None, "nothing is known of its usage");
    }
}

#[test]
fn only_the_server_tells_of_an_end() {
    let status = |metadata| Step::of(&message(1, MessageRole::System, "x", metadata), false).is_end;
    let told = |to: &str| json!({"type": "status", "from": "running", "to": to});
    assert!(status(Author::server(told("idle")).as_map().clone().into()));
    assert!(status(Author::server(told("failed")).as_map().clone().into()));
    assert!(!status(Author::server(told("paused")).as_map().clone().into()));
    assert!(!status(told("idle")), "an agent says so");
}
