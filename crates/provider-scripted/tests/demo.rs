//! The demo's fleet.

#[cfg(test)]
mod support;

use std::collections::BTreeSet;

use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::AgentProvider;
use flightdeck_domain::session::SessionStatus;
use flightdeck_provider_scripted::demo;
use support::{Deck, pass};

#[tokio::test(start_paused = true)]
async fn sixteen_agents_in_four_trees_are_worth_watching() {
    let deck = Deck::new();
    for agent in demo::fleet().unwrap() {
        deck.provider.check(&agent.session.agent_type, &agent.session.context).await.unwrap();
        deck.try_spawn(agent.session, Some(agent.prompt.as_str())).await.unwrap();
    }
    pass(10_000).await;
    let early = |status| deck.store.world().sessions.values().filter(|s| s.status == status).count();
    let seen = [SessionStatus::Waiting, SessionStatus::Failed, SessionStatus::Completed].map(early);
    assert_eq!(seen, [1, 1, 1], "within seconds one asks, one has failed, one is done");
    pass(50_000).await;
    let early = deck.store.world().messages.values().map(Vec::len).sum::<usize>();
    assert!((40..400).contains(&early), "{early} messages in the first minute");
    let roots: BTreeSet<SessionId> = deck.store.world().sessions.values().map(|session| session.root_id).collect();
    assert_eq!(roots.len(), 4);

    pass(180_000).await;
    assert_eq!(deck.store.world().sessions.len(), 16);
    let running = deck.store.world().sessions.values().filter(|s| s.status == SessionStatus::Running).count();
    assert!(running >= 3, "{running} still at work after four minutes");

    let mut allowed = 0;
    for _ in 0..90 {
        pass(10_000).await;
        allowed += deck.allow_all().await;
    }
    assert_eq!(allowed, 3, "agents of three trees ask");
    let count = |status| deck.store.world().sessions.values().filter(|s| s.status == status).count();
    let ends = [SessionStatus::Failed, SessionStatus::Idle, SessionStatus::Completed].map(count);
    assert_eq!(ends, [2, 6, 8]);
    assert!(deck.store.world().sessions.values().all(|s| s.mission_id.is_some()), "missions are inherited");

    let lead = deck.store.world().sessions.values().find(|s| s.agent_type.as_str() == "lead").unwrap().id;
    deck.inject(lead, "go ahead", Delivery::Queue).await;
    pass(60_000).await;
    let last = deck.journal(lead);
    assert!(last.iter().any(|line| line.contains("Understood: “go ahead”")));
    assert!(last.iter().any(|line| line.contains("5 % of reads")), "it goes on after the go");
    assert_eq!(deck.status(lead), SessionStatus::Idle);
}
