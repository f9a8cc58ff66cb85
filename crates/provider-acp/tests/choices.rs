//! An operator has an agent at work use another model or another mode.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::session::{Choice, SessionStatus};
use flightdeck_domain::text::ChoiceName;
use serde_json::json;
use support::{Deck, config, pause};

fn choice(model: &str, mode: &str) -> Intervention {
    let name = |text: &str| (!text.is_empty()).then(|| ChoiceName::new(text).expect("valid"));
    Intervention::Configure(Choice { model: name(model), mode: name(mode) })
}

async fn choose(deck: &Deck, id: SessionId, model: &str, mode: &str) -> CommandSeq {
    deck.act(id, choice(model, mode)).await.expect("accepted").committed.command.expect("a command").seq
}

async fn receipt(deck: &Deck, id: SessionId, seq: CommandSeq) -> Receipt {
    deck.ports.commands.command(id, seq).await.expect("read").expect("there").receipt
}

async fn settled(deck: &Deck, id: SessionId, seq: CommandSeq) -> Receipt {
    loop {
        let receipt = receipt(deck, id, seq).await;
        if !receipt.is_pending() {
            return receipt;
        }
        pause().await;
    }
}

async fn refusal(deck: &Deck, id: SessionId, seq: CommandSeq) -> String {
    let Receipt::Refused { reason } = settled(deck, id, seq).await else { panic!("it was not refused") };
    reason.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_agent_is_set_to_what_is_chosen_and_says_so() {
    let deck = Deck::one();
    let id = deck.spawn("say ready").await;
    deck.until(id, SessionStatus::Idle).await;
    let seq = choose(&deck, id, "large", "plan").await;
    assert_eq!(settled(&deck, id, seq).await, Receipt::Consumed);
    let said = deck.messages(id).await.pop().expect("told");
    assert_eq!(said.content.as_str(), "it works with model large and mode plan from now on");
    let about = serde_json::to_value(&said.metadata).expect("JSON");
    assert_eq!(about, json!({"type": "configured", "model": "large", "mode": "plan", "flightdeck": "agent"}));
    deck.inject(id, Delivery::Queue, "set").await;
    deck.until_told(id, "assistant: mcp=0 llm=large mode=plan").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_does_not_take_is_refused_with_what_it_offers() {
    let deck = Deck::one();
    let id = deck.spawn("say ready").await;
    deck.until(id, SessionStatus::Idle).await;
    let seq = choose(&deck, id, "large", "bad").await;
    let why = refusal(&deck, id, seq).await;
    assert!(why.contains("mode bad was refused: Invalid params: no such thing; it offers ask, plan"), "{why}");
    assert!(why.ends_with("; model large was set before"), "{why}");
    let seq = choose(&deck, id, "bad", "plan").await;
    let why = refusal(&deck, id, seq).await;
    assert_eq!(why, "model bad was refused: Invalid params: no such thing; it offers small, large");
    deck.inject(id, Delivery::Queue, "set").await;
    deck.until_told(id, "assistant: mcp=0 llm=large").await;
}

/// What is said after a choice is for the agent as it was chosen, also when both come in a turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_in_a_turn_goes_before_the_messages_that_come_after_it() {
    let deck = Deck::one();
    let id = deck.spawn("say begun\nwait 400").await;
    deck.until(id, SessionStatus::Running).await;
    let seq = choose(&deck, id, "large", "").await;
    let next = deck.inject(id, Delivery::Queue, "set").await;
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: mcp=0 llm=large").await;
    assert_eq!(receipt(&deck, id, seq).await, Receipt::Consumed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_refuses_a_choice_in_a_turn_is_asked_again_after_it() {
    let deck = Deck::one();
    let id = deck.spawn("say begun\nstubborn 400\nsay done").await;
    deck.until(id, SessionStatus::Running).await;
    let seq = choose(&deck, id, "large", "plan").await;
    let next = deck.inject(id, Delivery::Queue, "set").await;
    assert_eq!(settled(&deck, id, seq).await, Receipt::Consumed);
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: mcp=0 llm=large mode=plan").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_while_the_agent_starts_waits_until_it_is_ready() {
    let deck = Deck::new(vec![config("tester", &["slow-start"])]);
    let id = deck.spawn("set").await;
    let seq = choose(&deck, id, "", "plan").await;
    assert_eq!(settled(&deck, id, seq).await, Receipt::Consumed);
    deck.until_told(id, "assistant: mcp=0 mode=plan").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_agent_takes_a_choice_and_stays_paused() {
    let deck = Deck::one();
    let id = deck.spawn("say ready").await;
    deck.until(id, SessionStatus::Idle).await;
    deck.act(id, Intervention::Pause).await.expect("accepted");
    deck.until(id, SessionStatus::Paused).await;
    let seq = choose(&deck, id, "", "plan").await;
    assert_eq!(settled(&deck, id, seq).await, Receipt::Consumed);
    let session = deck.ports.sessions.get(id).await.expect("read").expect("there");
    assert_eq!(session.status, SessionStatus::Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_of_a_killed_agent_is_undeliverable() {
    let deck = Deck::one();
    let id = deck.spawn("deaf 3600000").await;
    deck.until(id, SessionStatus::Running).await;
    let seq = choose(&deck, id, "large", "").await;
    deck.act(id, Intervention::Kill).await.expect("accepted");
    deck.until(id, SessionStatus::Killed).await;
    assert!(matches!(settled(&deck, id, seq).await, Receipt::Undeliverable { .. }));
}
