//! What agents write is malformed, misplaced or unknown, and no agent ends and no turn hangs by it.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::AgentProvider;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::ProviderSessionId;
use serde_json::{Value, json};
use support::{Deck, pause};

fn update(update: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update": update}}).to_string()
}

fn chunk(text: &str) -> String {
    update(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}))
}

fn permission(id: &Value, call: &Value) -> String {
    let options = json!([{"optionId": "yes", "name": "Yes", "kind": "allow_once"},
                         {"optionId": "no", "name": "No", "kind": "reject_once"}]);
    let params = json!({"sessionId": "$S", "toolCall": call, "options": options});
    json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params}).to_string()
}

/// Everything that the conversation holds besides changes of status, as `role: text`.
async fn conversation(deck: &Deck, id: SessionId) -> Vec<String> {
    let messages = deck.messages(id).await;
    let kind = |metadata: Value| metadata["type"].as_str().unwrap_or_default().to_owned();
    let wanted = messages.iter().filter(|message| {
        let kind = kind(serde_json::to_value(&message.metadata).expect("JSON"));
        kind != "status" && kind != "agent_session"
    });
    wanted.map(|message| format!("{}: {}", message.role, message.content)).collect()
}

async fn ends_with(script: &str, reason: &str) -> Vec<String> {
    let deck = Deck::one();
    let id = deck.spawn(script).await;
    let idle = deck.until(id, SessionStatus::Idle).await;
    assert_eq!(idle.status_reason.expect("a reason").as_str(), reason, "{script}");
    let next = deck.inject(id, Delivery::Queue, "hello").await;
    deck.until_receipt(id, next, "consumed").await;
    conversation(&deck, id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_malformed_or_unknown_ends_the_turn() {
    let answers = [
        (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn","_meta":{"x":"cut \ud83d"}}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn","_meta":{"x":"caf\xe9"}}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":"$P","result":{"stopReason":"end_turn"}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":$P.0,"result":{"stopReason":"end_turn"},"error":null}"#, "end_turn"),
        (r#"[{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn"}}]"#, "end_turn"),
        (r#"\xef\xbb\xbf{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn","n":NaN}}"#, "end_turn"),
        (r#"log: {"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn"}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"max_coffee"}}"#, "max_coffee"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":{}}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":null}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":7}}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":$P}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":null,"result":{"stopReason":"end_turn"}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":8,"result":{"stopReason":"end_turn"}}"#, "end_turn"),
        (r#"{"jsonrpc":"2.0","id":$P,"error":{"code":-32603,"message":"bad \udc1d"}}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":$P,"error":"bad"}"#, "error"),
        (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn""#, "error"),
    ];
    for (answer, reason) in answers {
        ends_with(&format!("raw {answer}\nunanswered"), reason).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_understood_is_told() {
    let told = ends_with("raw {\"jsonrpc\":\"2.0\",\"id\":$P,\"result\":{\"stop\":1}}\nunanswered", "error").await;
    let expected = "system: the agent ended its turn with an answer that could not be understood: {\"stop\":1}";
    assert!(told.contains(&expected.to_owned()), "{told:?}");
    let broken = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sess"#;
    let unknown = update(&json!({"sessionUpdate": "agent_message_chunl", "content": {"type": "text", "text": "lost"}}));
    let empty = update(&json!({"sessionUpdate": "tool_call"}));
    let told = ends_with(&format!("raw {broken}\nraw {unknown}\nraw {empty}\nsay on"), "end_turn").await;
    let begins = [
        "system: the agent wrote a line of 58 bytes that could not be read: {\"jsonrpc\":\"2.0\"",
        "system: the agent told something that is not known here (the next one of this kind is not told): ",
        "system: the agent told something that could not be understood: {\"sessionUpdate\":\"tool_call\"}",
        "assistant: on",
    ];
    for begin in begins {
        assert!(told.iter().any(|line| line.starts_with(begin)), "{begin}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_in_the_log() {
    let deck = Deck::one();
    let id = deck.spawn("raw warning: caf\\xe9\nlog on stderr\nraw {\"level\":30}\nsay on").await;
    deck.until(id, SessionStatus::Idle).await;
    assert_eq!(conversation(&deck, id).await[1..], ["assistant: on"]);
    // What comes from standard error takes a way of its own.
    let log = loop {
        let log = deck.provider.log(id).await.expect("read").expect("kept").text;
        if log.lines().count() >= 3 {
            break log;
        }
        pause().await;
    };
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["on stderr", "warning: caf\u{fffd}", "{\"level\":30}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_outside_of_a_turn_is_a_message_at_once_and_of_no_turn() {
    let deck = Deck::one();
    let late = chunk("found 3 bugs");
    let id = deck.spawn(&format!("say done\nafter-ms 50 {late}")).await;
    deck.until_told(id, "assistant: found 3 bugs").await;
    assert_eq!(deck.session(id).await.status, SessionStatus::Idle);
    let next = deck.inject(id, Delivery::Queue, "and now").await;
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: You said: and now").await;
    // Before silence has made it a message, the next turn does.
    let id = deck.spawn(&format!("after-ms 20 {late}")).await;
    deck.until(id, SessionStatus::Idle).await;
    let shown = || deck.shown.0.lock().expect("nobody panicked").iter().any(|shown| shown == "message: found 3 bugs");
    while !shown() {
        pause().await;
    }
    let next = deck.inject(id, Delivery::Queue, "and now").await;
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: You said: and now").await;
    assert!(deck.told(id).await.contains(&"assistant: found 3 bugs".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_call_outside_of_a_turn_is_told_at_once() {
    let deck = Deck::one();
    let call = update(&json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "ls", "status": "pending"}));
    let id = deck.spawn(&format!("say done\nafter-ms 50 {call}")).await;
    deck.until_told(id, "tool: ls").await;
    assert_eq!(deck.session(id).await.status, SessionStatus::Idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_is_asked_for_outside_of_a_turn_and_the_session_is_idle_again() {
    let deck = Deck::one();
    let call = json!({"toolCallId": "t", "title": "push", "rawInput": {"command": "git push"}});
    let id = deck.spawn(&format!("say done\nafter-ms 50 {}", permission(&json!("a"), &call))).await;
    let asked = deck.until_asked(id).await;
    deck.until(id, SessionStatus::Waiting).await;
    assert_eq!(asked.title.as_str(), "push: git push");
    assert!(deck.told(id).await.contains(&"tool: push {\"command\":\"git push\"}".to_owned()), "before the decision");
    deck.decide(&asked, ApprovalOption::AllowOnce).await;
    deck.until_told(id, "assistant: decided: yes").await;
    deck.until(id, SessionStatus::Idle).await;
    // A turn that begins and ends meanwhile takes nothing back.
    let id = deck.spawn(&format!("say done\nafter-ms 50 {}", permission(&json!("a"), &call))).await;
    let asked = deck.until_asked(id).await;
    let next = deck.inject(id, Delivery::Queue, "and now").await;
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: You said: and now").await;
    deck.decide(&asked, ApprovalOption::RejectOnce).await;
    deck.until_told(id, "assistant: decided: no").await;
    deck.until(id, SessionStatus::Idle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_seen_and_one_that_cannot_be_understood_is_answered() {
    let deck = Deck::one();
    let call = json!({"toolCallId": "t", "title": "deploy #CUT", "rawInput": {"command": "deploy"}});
    let line = permission(&json!(1.5), &call).replace("#CUT", "# \\udc1d");
    let id = deck.spawn(&format!("raw {line}\nwait 3600000")).await;
    let asked = deck.until_asked(id).await;
    assert_eq!(asked.title.as_str(), "deploy # \u{fffd}");
    deck.act(id, Intervention::Kill).await.expect("accepted");
    deck.until(id, SessionStatus::Killed).await;
    // Nothing to choose from, no such kind, no options at all, cut.
    let strange = [
        r#"{"jsonrpc":"2.0","id":9,"method":"session/request_permission","params":{"options":[]}}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"session/request_permission","params":{"options":[{"optionId":"a","kind":"b"}]}}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"session/request_permission","params":7}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"session/request_permission"}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"session/request_permission","params":{"opt"#,
    ];
    for line in strange {
        let id = deck.spawn(&format!("raw {line}\nsay asked")).await;
        deck.until_told(id, "assistant: decided: nothing").await;
        deck.until(id, SessionStatus::Idle).await;
        let told = conversation(&deck, id).await;
        let tells = |line: &String| line.contains("no option to choose from") || line.contains("could not be read");
        assert!(told.iter().any(tells), "{line}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_on_the_record_before_it_is_decided_and_a_rejected_one_is_closed() {
    let deck = Deck::one();
    // Some name the tool alone, and say in the content what it is to do.
    let content = json!([{"type": "content", "content": {"type": "text", "text": "rm -rf build"}}]);
    let call = json!({"toolCallId": "t", "title": "Bash", "content": content});
    let id = deck.spawn(&format!("raw {}\nwait 3600000", permission(&json!("a"), &call))).await;
    let asked = deck.until_asked(id).await;
    assert_eq!(asked.title.as_str(), "Bash: rm -rf build");
    assert_eq!(deck.told(id).await[1..], ["tool: Bash\nrm -rf build"]);
    deck.decide_because(&asked, ApprovalOption::RejectOnce, "not today").await;
    deck.until_told(id, "tool: rejected by an operator: not today").await;
    let closed = deck.messages(id).await;
    let about = closed.iter().find(|message| message.content.as_str().starts_with("rejected")).expect("closed");
    let about = serde_json::to_value(&about.metadata).expect("JSON");
    assert_eq!(
        (&about["type"], &about["failed"], &about["toolCallId"]),
        (&json!("tool_result"), &json!(true), &json!("t"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_another_session_is_a_session_below_and_no_part_of_this_one() {
    let deck = Deck::one();
    let of_child = |value: &Value| update(value).replace("$S", "child-1");
    let prompt = of_child(&json!({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "look"}}));
    let words =
        of_child(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "found"}}));
    let id = deck.spawn(&format!("say begun\nraw {prompt}\nraw {words}\nsay done")).await;
    deck.until(id, SessionStatus::Idle).await;
    assert_eq!(deck.told(id).await[1..], ["assistant: begundone"]);
    let child = deck.child(id).await.expect("a session");
    assert_eq!((child.status, child.provider.as_str()), (SessionStatus::Completed, "acp"));
    assert_eq!(child.provider_session_id.as_ref().map(ProviderSessionId::as_str), Some("child-1"));
    assert_eq!(deck.told(child.id).await, ["user: look", "assistant: found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_agent_asks_by_itself_and_dies_with_the_whole() {
    let deck = Deck::one();
    let call = json!({"toolCallId": "t", "title": "push"});
    let asks = permission(&json!("a"), &call).replace("$S", "child-1");
    let id = deck.spawn(&format!("raw {asks}\nwait 3600000")).await;
    let child = loop {
        if let Some(child) = deck.child(id).await {
            break child.id;
        }
        pause().await;
    };
    let asked = deck.until_asked(child).await;
    assert_eq!(asked.session_id, child);
    deck.until(child, SessionStatus::Waiting).await;
    assert_eq!(deck.session(id).await.status, SessionStatus::Running);
    deck.act(id, Intervention::Kill).await.expect("accepted");
    deck.until(child, SessionStatus::Killed).await;
    deck.until(id, SessionStatus::Killed).await;
    assert_eq!(deck.provider.running(), 0);
}
