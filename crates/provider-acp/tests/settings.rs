//! Sessions are set before their first prompt, taken up, and their usage is counted over all that take up each other.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use flightdeck_domain::action::Origin;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::ProviderSessionId;
use flightdeck_domain::usage::{AccountKey, Budget, Cost};
use flightdeck_domain::use_cases::{EnforceBudgets, ReadUsage, SetBudget};
use flightdeck_provider_acp::{AgentConfig, Settings};
use serde_json::json;
use support::{Deck, config, pause};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_set_by_the_configuration_and_by_its_context() {
    let settings = Settings {
        authenticate: Some("key".to_owned()),
        model: Some("small".to_owned()),
        mcp_servers: vec![json!({"name": "db", "command": "db-mcp", "args": [], "env": []})],
        ..Settings::default()
    };
    let deck = Deck::new(vec![AgentConfig { settings, ..config("tester", &[]) }]);
    let id = deck.spawn("set").await;
    deck.until_told(id, "assistant: auth=key mcp=1 llm=small").await;
    let context = json!({"model": "large", "mode": "plan", "options": {"fast": true}});
    let id = deck.spawn_as("tester", "set", context).await.expect("spawned");
    deck.until_told(id, "assistant: auth=key mcp=1 llm=large mode=plan fast=true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_does_not_let_itself_be_set_to_fails_with_what_it_says() {
    let deck = Deck::one();
    let cases = [
        (json!({"mode": "bad"}), "mode bad was refused: Invalid params: no such thing; it offers ask, plan"),
        (json!({"model": "bad"}), "model bad was refused: Invalid params: no such thing; it offers small, large"),
        (
            json!({"authenticate": "bad"}),
            "authenticate by bad: Invalid params: no such thing (it can be authenticated by key)",
        ),
        (json!({"mcpServers": [{"name": "web", "url": "http://x"}]}), "it cannot use MCP servers over http, as web is"),
    ];
    for (context, expected) in cases {
        let id = deck.spawn_as("tester", "x", context).await.expect("spawned");
        let reason = deck.until(id, SessionStatus::Failed).await.status_reason.expect("a reason").to_string();
        assert!(reason.ends_with(expected), "{reason}");
    }
}

#[test]
fn the_agents_of_the_configuration_are_what_it_can_be_asked_for() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let types = |names: &[&str]| {
        let deck = Deck::new(names.iter().map(|name| config(name, &[])).collect());
        let offers = deck.providers.offers().into_iter().find(|offer| offer.name.as_str() == "acp");
        let offer = offers.expect("it is told");
        (offer.spawns, offer.agent_types.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(types(&["tester", "coder"]), (true, vec!["coder".to_owned(), "tester".to_owned()]));
    assert_eq!(types(&[]), (false, vec![]), "none is configured");
}

async fn own(deck: &Deck, id: SessionId) -> ProviderSessionId {
    deck.session(id).await.provider_session_id.expect("the agent's own id")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_own_id_is_kept_and_totals_go_on_over_sessions_that_take_up_each_other() {
    let deck = Deck::one();
    let cost = |amount: f64| {
        let update = json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": "USD"}});
        format!(
            "raw {}",
            json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update": update}})
        )
    };
    let mut context = json!({});
    let mut sum = Cost::ZERO;
    for amount in [0.011_34, 0.022_68, 0.039_69] {
        let id = deck.spawn_as("tester", &cost(amount), context).await.expect("spawned");
        deck.until(id, SessionStatus::Idle).await;
        let used = ReadUsage::new(&deck.ports).session(id).await.expect("read").expect("there");
        sum = sum.saturating_add(used.own.cost);
        context = json!({"resume": own(&deck, id).await.as_str()});
    }
    assert_eq!(sum.to_string(), "0.03969");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_answer_use_up_a_budget_and_pause_the_agent() {
    let deck = Deck::one();
    let id = deck.spawn("").await;
    deck.until(id, SessionStatus::Idle).await;
    let budget = Budget::new(None, Some(100)).expect("a budget");
    let origin = Origin::new(Actor::local_cli(), "req-4".parse().expect("valid"));
    let set = SetBudget::new(&deck.ports).execute(AccountKey::Subtree(id), Some(budget), origin).await;
    assert!(set.is_ok());
    let answer = json!({"jsonrpc": "2.0", "id": "$P", "result": {"stopReason": "end_turn",
        "usage": {"totalTokens": 10_000, "inputTokens": 9_000, "outputTokens": 1_000}}});
    let script = format!("raw {}\nunanswered", answer.to_string().replace("\"$P\"", "$P"));
    deck.inject(id, Delivery::Queue, &script).await;
    while EnforceBudgets::new(&deck.ports, &deck.providers).execute().await.expect("done") == 0 {
        pause().await;
    }
    deck.until(id, SessionStatus::Paused).await;
    let used = ReadUsage::new(&deck.ports).session(id).await.expect("read").expect("there");
    assert_eq!(used.own.tokens(), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_acts_while_a_turn_goes_on() {
    let deck = Deck::one();
    let id = deck.spawn("").await;
    deck.until(id, SessionStatus::Idle).await;
    let origin = Origin::new(Actor::local_cli(), "req-6".parse().expect("valid"));
    let budget = Budget::new(Cost::try_from(0.25).ok(), None).expect("a budget");
    let set = SetBudget::new(&deck.ports).execute(AccountKey::Subtree(id), Some(budget), origin).await;
    assert!(set.is_ok());
    let update =
        json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": 0.5, "currency": "USD"}});
    let line = json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update": update}});
    deck.inject(id, Delivery::Queue, &format!("raw {line}\nwait 3600000")).await;
    while EnforceBudgets::new(&deck.ports, &deck.providers).execute().await.expect("done") == 0 {
        pause().await;
    }
    assert_eq!(
        deck.session(id).await.status,
        SessionStatus::Running,
        "the turn goes on, and the pause waits for its end"
    );
}
