//! How agents ask for permission.

#[cfg(test)]
mod support;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::{ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::session::SessionStatus;
use serde_json::{Value, json};
use support::{Deck, pass};

fn asking() -> Value {
    json!({"script": [{"ask": {"title": "push", "detail": {"cmd": "git push"}}}, {"say": "done"}]})
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_asks_waits_for_the_answer_and_says_what_it_was() {
    for (option, answer) in [(ApprovalOption::AllowOnce, "I may"), (ApprovalOption::RejectAlways, "I may not")] {
        let deck = Deck::new();
        let id = deck.spawn(asking(), None).await;
        pass(3_600_000).await;
        assert_eq!(deck.journal(id), ["→ running", "? push", "→ waiting"], "however long it takes");
        assert!(deck.store.world().heartbeats > 100, "it shows that it lives");
        let [asked] = deck.asked(id).try_into().expect("one");
        assert_eq!(asked.detail.to_string(), r#"{"cmd":"git push"}"#);
        deck.decide(asked.id, option).await;
        pass(1_000).await;
        let said = format!("assistant: {answer} ({option} by cli: because): push");
        assert_eq!(deck.since(id, 3), ["→ running", &said, "assistant: done", "→ completed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_request_was_withdrawn_for_it_goes_on_without() {
    let deck = Deck::new();
    let id = deck.spawn(asking(), None).await;
    pass(10).await;
    deck.withdraw(deck.asked(id)[0].id).await;
    pass(1_000).await;
    let said = "assistant: It was taken back, so I leave it: push";
    assert_eq!(deck.since(id, 3), ["→ running", said, "assistant: done", "→ completed"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_takes_back_what_is_asked() {
    let deck = Deck::new();
    let id = deck.spawn(asking(), None).await;
    pass(10).await;
    let asked = deck.asked(id).remove(0);
    deck.step_in(id, Intervention::Interrupt { drop_queued: false }).await;
    pass(3_600_000).await;
    assert_eq!(deck.status(id), SessionStatus::Idle);
    assert_eq!(deck.store.world().approvals[&asked.id].status(), ApprovalStatus::Expired);
    deck.inject(id, "go on", Delivery::Queue).await;
    pass(1_000).await;
    let said = deck.journal(id).into_iter().filter(|line| line.starts_with("assistant: ")).collect::<Vec<_>>();
    let left = "assistant: It was taken back, so I leave it: push";
    assert_eq!(said, ["assistant: Understood: “go on”", left, "assistant: done"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_agent_can_be_paused_spoken_to_and_killed() {
    let deck = Deck::new();
    let id = deck.spawn(asking(), None).await;
    pass(10).await;
    deck.inject(id, "why?", Delivery::Interrupt).await;
    pass(10).await;
    assert!(deck.journal(id).contains(&"assistant: Understood: “why?”".to_owned()));
    assert_eq!(deck.status(id), SessionStatus::Waiting);
    deck.step_in(id, Intervention::Pause).await;
    pass(10).await;
    assert_eq!(deck.status(id), SessionStatus::Paused);
    let asked = deck.asked(id).remove(0);
    deck.decide(asked.id, ApprovalOption::AllowOnce).await;
    pass(10_000).await;
    assert_eq!(deck.status(id), SessionStatus::Paused, "a decision does not end a pause");
    deck.step_in(id, Intervention::Resume).await;
    pass(1_000).await;
    assert_eq!(deck.status(id), SessionStatus::Completed);

    let id = deck.spawn(asking(), None).await;
    pass(10).await;
    let asked = deck.asked(id).remove(0);
    deck.step_in(id, Intervention::Kill).await;
    pass(10).await;
    assert_eq!((deck.status(id), deck.provider.running()), (SessionStatus::Killed, 0));
    assert_eq!(deck.store.world().approvals[&asked.id].status(), ApprovalStatus::Expired);
}

#[tokio::test(start_paused = true)]
async fn an_outage_while_asking_delays_and_loses_nothing() {
    let deck = Deck::new();
    let id = deck.spawn(asking(), None).await;
    pass(10).await;
    deck.store.world().away = true;
    pass(60_000).await;
    let asked = deck.asked(id).remove(0);
    deck.decide(asked.id, ApprovalOption::AllowOnce).await;
    pass(60_000).await;
    deck.store.world().away = false;
    pass(10_000).await;
    assert_eq!(deck.status(id), SessionStatus::Completed);
}
