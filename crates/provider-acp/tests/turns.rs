//! What an agent says becomes the conversation; turns begin and end; messages are delivered.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use flightdeck_domain::action::{ActionRefused, Intervention};
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{IdGenerator, OperatorActionError, SpawnError};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::use_cases::SpawnSessionError;
use flightdeck_provider_acp::AgentConfig;
use serde_json::json;
use support::{Deck, config, pause};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_becomes_the_conversation_and_its_stop_reason_ends_the_turn() {
    let deck = Deck::one();
    let script =
        "think let me see\nsay Looking around.\ntool ls a.rs\nplan read it\nprint not a message\nsay Done.\nusage 7";
    let id = deck.spawn(script).await;
    let idle = deck.until(id, SessionStatus::Idle).await;
    assert_eq!(idle.status_reason.expect("a reason").as_str(), "end_turn");
    let expected = [
        format!("user: {script}"),
        "assistant: let me see".into(),
        "assistant: Looking around.".into(),
        "tool: ls {\"of\":\"ls\"}".into(),
        "tool: a.rs".into(),
        "assistant: [ ] read it".into(),
        "assistant: Done.".into(),
    ];
    assert_eq!(deck.told(id).await, expected);
    let texts: Vec<String> = deck.messages(id).await.iter().map(|message| message.content.to_string()).collect();
    assert!(texts.iter().any(|text| text.starts_with("test-agent 1 opened session s")), "{texts:?}");
    assert!(texts.iter().any(|text| text == "context 7 of 1000 tokens"), "{texts:?}");
    let end = deck.inject(id, Delivery::Queue, "stop max_tokens").await;
    deck.until_receipt(id, end, "consumed").await;
    deck.until(id, SessionStatus::Idle).await;
    while deck.session(id).await.status_reason.expect("a reason").as_str() != "max_tokens" {
        pause().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_said_is_shown_before_it_is_a_message() {
    let deck = Deck::one();
    let id = deck.spawn("say once upon\nwait 3600000").await;
    let shown = || deck.shown.0.lock().expect("nobody panicked").first().cloned();
    while shown().is_none() {
        pause().await;
    }
    assert_eq!(shown().as_deref(), Some("message: once "));
    assert_eq!(deck.told(id).await.len(), 1, "of the record there is the prompt alone");
    deck.act(id, Intervention::Kill).await.expect("accepted");
    deck.until(id, SessionStatus::Killed).await;
    assert_eq!(deck.told(id).await[1..], ["assistant: once upon"], "what was said is kept at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gets_its_folder_and_the_variables_that_are_named() {
    let deck = Deck::one();
    let id = deck.spawn("env GIVEN\nenv CARGO_MANIFEST_DIR\ncwd").await;
    deck.until(id, SessionStatus::Idle).await;
    let cwd = std::env::temp_dir().canonicalize().expect("there");
    let expected = ["assistant: yesnone".to_owned() + &cwd.display().to_string()];
    assert_eq!(deck.told(id).await[1..], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_message_waits_for_the_turn_and_outlives_a_cancel() {
    let deck = Deck::one();
    let id = deck.spawn("say working\nwait 3600000").await;
    deck.until_told(id, "user: say working\nwait 3600000").await;
    deck.until(id, SessionStatus::Running).await;
    let queued = deck.inject(id, Delivery::Queue, "later").await;
    let taken_back = deck.inject(id, Delivery::Queue, "never").await;
    let sent = deck.act(id, Intervention::Cancel { command: flightdeck_domain::ids::CommandSeq::new(2) }).await;
    assert!(sent.is_ok(), "what waits here is not delivered yet, so it can be taken back");
    let urgent = deck.inject(id, Delivery::Interrupt, "first").await;
    for place in [urgent, queued] {
        deck.until_receipt(id, place, "consumed").await;
    }
    deck.until_receipt(id, taken_back, "cancelled").await;
    deck.until_told(id, "assistant: You said: later").await;
    let told = deck.told(id).await;
    let said: Vec<&str> = told.iter().filter_map(|line| line.strip_prefix("assistant: ")).collect();
    assert_eq!(said, ["working", "You said: first", "You said: later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_turn_and_an_agent_that_is_deaf_to_it_is_told_of() {
    let deck = Deck::one();
    let id = deck.spawn("wait 3600000").await;
    deck.until(id, SessionStatus::Running).await;
    // The prompt may be on its way only; a cancel that comes before it would cut nothing.
    deck.act(id, Intervention::Interrupt { drop_queued: false }).await.expect("accepted");
    deck.until(id, SessionStatus::Idle).await;
    let deaf = deck.inject(id, Delivery::Queue, "say listen\ndeaf 1500\nsay at last").await;
    deck.until_receipt(id, deaf, "consumed").await;
    let urgent = deck.inject(id, Delivery::Interrupt, "and then").await;
    let overdue = |text: &str| text.starts_with("the agent did not end its turn within");
    while !deck.messages(id).await.iter().any(|message| overdue(message.content.as_str())) {
        pause().await;
    }
    deck.until_receipt(id, urgent, "consumed").await;
    deck.until_told(id, "assistant: You said: and then").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_the_agent_lost_is_sent_again() {
    let deck = Deck::new(vec![AgentConfig { cancel_time: Duration::from_secs(10), ..config("tester", &[]) }]);
    let id = deck.spawn("say ready").await;
    deck.until(id, SessionStatus::Idle).await;
    let busy = deck.inject(id, Delivery::Queue, "say begun\nmiss 500\nwait 3600000").await;
    deck.until_receipt(id, busy, "consumed").await;
    let urgent = deck.inject(id, Delivery::Interrupt, "and then").await;
    deck.until_receipt(id, urgent, "consumed").await;
    deck.until_told(id, "assistant: You said: and then").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_is_for_agents_that_can_and_is_refused_with_what_would_work() {
    let steers = AgentConfig { steer: true, ..config("steers", &[]) };
    let deck = Deck::new(vec![config("tester", &[]), steers]);
    let id = deck.spawn("wait 3600000").await;
    deck.until(id, SessionStatus::Running).await;
    let content = "now".parse().expect("valid");
    let steer = Intervention::Inject { message_id: SystemIds.message_id(), content, delivery: Delivery::Steer };
    let refused = deck.act(id, steer).await.expect_err("it cannot");
    let OperatorActionError::Refused(refused @ ActionRefused::Unable { .. }) = refused else { panic!("{refused:?}") };
    assert!(refused.to_string().contains("delivery queue brings it with the next turn"), "{refused}");
    let able = deck.spawn_as("steers", "say begun\nwait 300", json!({})).await.expect("spawned");
    deck.until(able, SessionStatus::Running).await;
    let now = deck.inject(able, Delivery::Steer, "now").await;
    deck.until_receipt(able, now, "consumed").await;
    deck.until_told(able, "assistant: You said: now").await;
    assert!(
        deck.told(able).await.contains(&"assistant: begun".to_owned()),
        "the texts of two prompts are two messages"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steering_message_is_consumed_only_when_the_agent_has_it_in_a_turn() {
    let deck = Deck::new(vec![AgentConfig { steer: true, ..config("tester", &[]) }]);
    let id = deck.spawn("ask first\ntool two y\nask second").await;
    let first = deck.until_asked(id).await;
    let place = deck.inject(id, Delivery::Steer, "now").await;
    deck.until_receipt_is(id, place, "delivered").await;
    deck.decide(&first, ApprovalOption::AllowOnce).await;
    deck.until_told(id, "tool: y").await;
    let second = deck.until_asked(id).await;
    // The agent has done something since it got the message, but for the prompt before.
    assert_eq!(deck.receipt(id, place).await.as_str(), "delivered");
    deck.decide(&second, ApprovalOption::AllowOnce).await;
    deck.until_receipt(id, place, "consumed").await;
    deck.until_told(id, "assistant: You said: now").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_fails_is_told_and_the_agent_lives_on() {
    let deck = Deck::one();
    let id = deck.spawn("").await;
    deck.until(id, SessionStatus::Idle).await;
    let place = deck.inject(id, Delivery::Queue, "error out of credit").await;
    let receipt = deck.until_receipt(id, place, "refused").await;
    assert!(receipt.reason().expect("a reason").as_str().contains("out of credit"), "{receipt:?}");
    let again = deck.inject(id, Delivery::Queue, "hello").await;
    deck.until_receipt(id, again, "consumed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_session_is_taken_up_with_what_was_said_in_it() {
    let deck = Deck::new(vec![config("tester", &[]), config("forgetful", &["forgetful"])]);
    let id = deck.spawn_as("tester", "hello", json!({"resume": "s42"})).await.expect("spawned");
    deck.until(id, SessionStatus::Idle).await;
    let expected = ["user: hello", "user: before", "assistant: I did.", "assistant: You said: hello"];
    assert_eq!(deck.told(id).await, expected);
    let cannot = deck.spawn_as("forgetful", "hello", json!({"resume": "s42"})).await.expect("spawned");
    let reason = failed(&deck, cannot).await;
    assert!(reason.contains("cannot take up an earlier session"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_not_run() {
    let deck = Deck::one();
    let refused = deck.spawn_as("rm -rf /", "x", json!({})).await.expect_err("not allowed");
    let SpawnSessionError::Provider(SpawnError::Invalid { field, problem }) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (field.as_ref(), problem.ends_with("the configuration allows tester")),
        ("agentType", true),
        "{problem}"
    );
    let wrong = deck.spawn_as("tester", "x", json!({"resume": 7})).await;
    let Err(SpawnSessionError::Provider(SpawnError::Invalid { field, .. })) = wrong else { panic!("{wrong:?}") };
    assert_eq!(field, "context.resume");
    let unknown = deck.spawn_as("tester", "x", json!({"temperature": 1})).await.expect_err("it would be ignored");
    let SpawnSessionError::Provider(SpawnError::Invalid { field, .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(field, "context.temperature");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_come_up_fails_with_the_reason_and_leaves_nothing() {
    let quick = |config: AgentConfig| AgentConfig { start_time: Duration::from_millis(200), ..config };
    let deck = Deck::new(vec![
        quick(config("mute", &["mute"])),
        quick(config("garbage", &["garbage"])),
        AgentConfig { command: "no-such-program".into(), ..config("missing", &[]) },
        config("slow", &["slow-start"]),
    ]);
    for (agent, expected) in [("mute", "it was not ready within"), ("missing", "there is no program no-such-program")] {
        let id = deck.spawn_as(agent, "x", json!({})).await.expect("spawned");
        let reason = failed(&deck, id).await;
        assert!(reason.contains(expected), "{agent}: {reason}");
    }
    // A line that is no message does no harm, and neither does taking one's time.
    for agent in ["garbage", "slow"] {
        let id = deck.spawn_as(agent, "hello", json!({})).await.expect("spawned");
        deck.until_told(id, "assistant: You said: hello").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_by_itself_is_completed_or_failed_and_its_log_is_kept() {
    use flightdeck_domain::ports::AgentProvider;
    let deck = Deck::one();
    let done = deck.spawn("say bye\nexit").await;
    deck.until(done, SessionStatus::Completed).await;
    let crashed = deck.spawn("say oh\nlog it broke\ncrash").await;
    let reason = failed(&deck, crashed).await;
    assert_eq!(reason, "the agent ended: exit code 3; it said: it broke");
    let told = deck.told(crashed).await;
    assert_eq!(told.last().map(String::as_str), Some("assistant: oh"), "what was said before is kept");
    let log = deck.provider.log(crashed).await.expect("read").expect("kept");
    assert_eq!((log.text.as_str(), log.truncated), ("it broke\n", false));
    assert_eq!(deck.processes(), Vec::<u32>::new());
}

async fn failed(deck: &Deck, id: SessionId) -> String {
    deck.until(id, SessionStatus::Failed).await.status_reason.expect("a reason").to_string()
}
