//! Conversations that agents take up, at the server and at a runner.

use serde_json::{Value, json};

use crate::Deck;
use crate::support::http::Client;
use crate::support::patience::until;
use crate::support::runner::Runner;

/// A server and a runner, each with agents that keep conversations: `near` and `far`.
fn counters() -> (Deck, Runner) {
    let deck = Deck::new();
    let work = deck.folder.path().join("work");
    std::fs::create_dir(&work).expect("made");
    std::fs::write(work.join("counter.py"), include_str!("counter.py")).expect("written");
    let path = std::env::var("PATH").unwrap_or_default();
    let env = json!({"PATH": path});
    let settings = json!({"command": "python3", "args": ["counter.py"], "cwd": work, "usage": "session", "env": env});
    deck.configure("near", &json!({"kind": "acp", "settings": settings}));
    deck.configure("far", &json!({"kind": "acp", "settings": settings, "labels": ["far"]}));
    let runner = deck.runner("one", &["--label", "far"]);
    (deck, runner)
}

/// Whoever is kept to a mission takes up a conversation of this mission, and no other.
pub(crate) fn a_conversation_is_taken_up_by_those_alone_who_may_see_it() {
    let (deck, mut runner) = counters();
    runner.start();
    let key = |mission: &str| {
        let made = deck.post("/keys", &json!({"name": mission, "role": "operator", "missions": [mission]}));
        made["key"].as_str().expect("a key").to_owned()
    };
    let (apollo, gemini) = (deck.server.client(&key("apollo")), deck.server.client(&key("gemini")));
    for provider in ["far", "near"] {
        let spawn = |client: &Client, mission: &str, context: Value| {
            let body = json!({"taskId": "T", "agentType": "c", "provider": provider, "missionId": mission,
                "context": context, "prompt": "go"});
            client.post("/agents/spawn", &body)
        };
        let (status, first) = spawn(&apollo, "apollo", json!({}));
        assert_eq!(status, 201, "{first}");
        let id = first["agentId"].as_str().expect("an id");
        deck.is(id, "idle");
        let own = deck.session(id)["providerSessionId"].clone();
        let (status, told) = spawn(&gemini, "gemini", json!({"resume": own}));
        assert_eq!(status, 403, "{provider}: {told}");
        let (status, told) = spawn(&apollo, "apollo", json!({"resume": own}));
        assert_eq!(status, 201, "{provider}: {told}");
    }
}

/// An agent that tells running totals takes a conversation up: what the sessions before it have used is not counted again,
/// whether they were at a runner or at the server.
pub(crate) fn a_conversation_that_is_taken_up_counts_only_what_it_adds() {
    let (deck, mut runner) = counters();
    runner.start();
    let used = |provider: &str, resumes: Option<&str>| {
        let context = resumes.map_or(json!({}), |own| json!({"resume": own}));
        let body = json!({"taskId": "T", "agentType": "c", "provider": provider, "context": context, "prompt": "go"});
        let spawned = deck.post("/agents/spawn", &body);
        let id = spawned["agentId"].as_str().expect("an id").to_owned();
        deck.is(&id, "idle");
        let usage = until("the usage is told", || {
            let usage = deck.admin().get(&format!("/agents/{id}/usage")).1;
            (usage["own"]["inputTokens"] != 0).then_some(usage)
        });
        let own = deck.session(&id)["providerSessionId"].as_str().expect("its own id").to_owned();
        deck.post(&format!("/agents/{id}/kill"), &json!({}));
        (own, usage["own"]["inputTokens"].as_u64().expect("a number"))
    };
    for first in ["far", "near"] {
        let (own, tokens) = used(first, None);
        assert_eq!(tokens, 100, "{first}");
        for again in ["far", "far", "near", "far"] {
            assert_eq!(used(again, Some(&own)), (own.clone(), 100), "{first}, then {again}: {}", runner.log());
        }
    }
}
