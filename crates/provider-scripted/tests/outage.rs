//! Agents whose store is away, or whose session is somebody else's by now.

#[cfg(test)]
mod support;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::session::SessionStatus;
use serde_json::json;
use support::{Deck, pass};

#[tokio::test(start_paused = true)]
async fn an_outage_delays_and_loses_nothing() {
    let deck = Deck::new();
    let id =
        deck.spawn(json!({"script": [{"say": "1"}, {"wait": {"ms": 100}}, {"say": "2"}, {"say": "3"}]}), None).await;
    pass(50).await;
    deck.store.world().away = true;
    pass(60_000).await;
    let tried = deck.store.world().failed_calls;
    assert!((5..30).contains(&tried), "again and again, ever more slowly: {tried}");
    deck.store.world().away = false;
    deck.store.world().lost_answers = 1;
    pass(10_000).await;
    assert_eq!(deck.journal(id), ["→ running", "assistant: 1", "assistant: 2", "assistant: 3", "→ completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_an_outage_stops_at_once_and_is_reported_afterwards() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"wait": {"ms": 100}}, {"say": "never"}]}), None).await;
    pass(50).await;
    deck.store.world().away = true;
    pass(10_000).await;
    deck.step_in(id, Intervention::Kill).await;
    pass(10_000).await;
    // A second one comes while the first is still being reported.
    deck.step_in(id, Intervention::Kill).await;
    pass(10_000).await;
    assert_eq!(deck.status(id), SessionStatus::Running);
    deck.store.world().away = false;
    pass(10_000).await;
    let expected = ["→ running", "#2 delivered", "→ killed", "#1 consumed", "#2 consumed"];
    assert_eq!(deck.journal(id), expected);
    assert_eq!(deck.provider.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_in_an_outage_is_prompt() {
    let deck = Deck::new();
    deck.spawn(json!({"script": [{"say": "1"}], "repeat": 100, "pace": 10}), None).await;
    pass(50).await;
    deck.store.world().away = true;
    pass(20_000).await;
    let before = tokio::time::Instant::now();
    deck.provider.shutdown().await;
    assert!(before.elapsed().as_millis() < 10);
    assert_eq!(deck.provider.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_somebody_else_has_ended_stops_its_agent() {
    let deck = Deck::new();
    let busy = deck.spawn(json!({"script": [{"say": "tick"}, {"wait": {"ms": 1_000}}], "repeat": 100}), None).await;
    let idle = deck.spawn(json!({}), None).await;
    pass(1_500).await;
    deck.report(busy, SessionStatus::Failed).await;
    deck.report(idle, SessionStatus::Completed).await;
    let told = (deck.journal(busy).len(), deck.journal(idle).len());
    pass(60_000).await;
    assert_eq!(deck.provider.running(), 0);
    assert_eq!((deck.journal(busy).len(), deck.journal(idle).len()), told);
    assert_eq!(deck.status(busy), SessionStatus::Failed);
}
