//! What a script makes of a session when nobody steps in.

#[cfg(test)]
mod support;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{AgentProvider, SpawnError};
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::{NewSession, SpawnSessionError};
use serde_json::{Value, json};
use support::{Deck, pass, session};

#[tokio::test(start_paused = true)]
async fn a_whole_script_gives_the_whole_transcript() {
    let deck = Deck::new();
    let script = json!([
        {"say": "hello"},
        {"think": "hm"},
        {"tool": {"name": "bash", "input": {"cmd": "ls"}, "output": "a.rs", "ms": 300}},
        {"wait": {"ms": 500}},
    ]);
    let id = deck.spawn(json!({"script": script, "repeat": 2}), Some("look around")).await;
    pass(1_599).await;
    assert_eq!(deck.status(id), SessionStatus::Running);
    pass(2).await;
    let round = ["assistant: hello", "assistant: hm", "tool: bash {\"cmd\":\"ls\"}", "tool: a.rs"];
    let expected = [&["user: look around", "→ running"], round.as_slice(), &round, &["→ completed"]].concat();
    assert_eq!(deck.journal(id), expected);
    let world = deck.store.world();
    let metadata: Vec<String> = world.messages[&id].iter().skip(2).take(4).map(|m| m.metadata.to_string()).collect();
    assert_eq!(
        metadata,
        [
            "{}",
            r#"{"type":"thought"}"#,
            r#"{"type":"tool_call","name":"bash","input":{"cmd":"ls"}}"#,
            r#"{"type":"tool_result","name":"bash","failed":false}"#,
        ]
    );
    assert_eq!(deck.provider.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_pace_lies_between_steps_only() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"say": "a"}, {"say": "b"}], "pace": 1_000, "repeat": 2}), None).await;
    pass(500).await;
    assert_eq!(deck.journal(id), ["→ running", "assistant: a"]);
    pass(2_000).await;
    assert_eq!(deck.journal(id).len(), 4);
    pass(1_000).await;
    assert_eq!(deck.journal(id).last().unwrap(), "→ completed");
}

#[tokio::test(start_paused = true)]
async fn without_a_script_it_greets_repeats_the_prompt_and_idles() {
    let deck = Deck::new();
    let id = deck.spawn(json!({}), Some("count the sheep")).await;
    pass(600_000).await;
    let expected = [
        "user: count the sheep",
        "→ running",
        "assistant: Hello. I am a scripted agent without a script.",
        "assistant: You asked: “count the sheep”",
        "→ idle",
    ];
    assert_eq!(deck.journal(id), expected);
    assert_eq!(deck.provider.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_script_can_fail() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"fail": "disk full"}, {"say": "never"}]}), None).await;
    pass(1).await;
    assert_eq!(deck.journal(id), ["→ running", "→ failed"]);
    assert_eq!(deck.store.world().sessions[&id].status_reason.as_ref().unwrap().as_str(), "disk full");
}

#[tokio::test(start_paused = true)]
async fn a_bad_script_leaves_no_trace() {
    let deck = Deck::new();
    let refused = deck.try_spawn(session(json!({"script": [{"say": "a"}, {"sya": "b"}]})), None).await;
    let Err(SpawnSessionError::Provider(SpawnError::Invalid { field, problem })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(field, "context.script");
    assert!(problem.starts_with("step 2: unknown variant `sya`, expected one of"), "{problem}");
    assert!(deck.store.world().sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_is_in_the_tree_and_plays_its_own_script() {
    let deck = Deck::new();
    let child = json!({"agentType": "tester", "taskId": "FD-2", "prompt": "test it", "script": [{"say": "tested"}]});
    let parent = deck.spawn(json!({"script": [{"spawn": child}, {"say": "next"}]}), None).await;
    pass(1).await;
    assert_eq!(
        deck.journal(parent),
        ["→ running", "system: spawned tester for FD-2", "assistant: next", "→ completed"]
    );
    let sessions = deck.store.world().sessions.clone();
    let child = sessions.values().find(|session| session.parent_id == Some(parent)).unwrap();
    assert_eq!((child.agent_type.as_str(), child.task_id.as_str()), ("tester", "FD-2"));
    assert_eq!(child.context.to_string(), r#"{"script":[{"say":"tested"}]}"#);
    assert_eq!(deck.journal(child.id), ["user: test it", "→ running", "assistant: tested", "→ completed"]);
}

#[tokio::test(start_paused = true)]
async fn each_text_says_what_it_used_and_so_do_those_of_children() {
    let deck = Deck::new();
    let child = |script: Value| json!({"spawn": {"agentType": "tester", "taskId": "FD-2", "script": script}});
    let mut own = child(json!([{"say": "tested"}]));
    own["spawn"]["usage"] = json!({"outputTokens": 7});
    let script = json!([{"think": "hm"}, child(json!([{"say": "tested"}])), own]);
    let parent = deck.spawn(json!({"script": script, "usage": {"inputTokens": 5, "costUsd": 0.5}}), Some("go")).await;
    pass(1).await;
    let world = deck.store.world();
    let used = |id: SessionId| {
        let said = world.messages[&id].iter().filter_map(|message| Usage::of(&message.metadata));
        said.map(|usage| (usage.input_tokens(), usage.output_tokens())).collect::<Vec<_>>()
    };
    assert_eq!(used(parent), [(5, 0)], "the thought, and neither the prompt nor what the server tells");
    assert_eq!(world.messages[&parent][2].metadata.as_map()["type"], "thought");
    let mut children: Vec<_> =
        world.sessions.values().filter(|it| it.parent_id == Some(parent)).map(|it| used(it.id)).collect();
    children.sort();
    assert_eq!(children, [[(0, 7)], [(5, 0)]]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_child_is_told_and_the_parent_goes_on() {
    let deck = Deck::new();
    let top = deck.spawn(json!({}), None).await;
    let child = json!({"agentType": "tester", "taskId": "FD-2"});
    let context = json!({"script": [{"wait": {"ms": 1_000}}, {"spawn": child}, {"say": "on"}, {"wait": {"ms": 1_000}}, {"spawn": child}]});
    let parent = NewSession { parent_id: Some(top), ..session(context) };
    let parent = deck.try_spawn(parent, None).await.unwrap();
    pass(500).await;
    // An operator wants the top dead; it has not been seen dead yet.
    deck.store.world().sessions.get_mut(&top).unwrap().desired_status = DesiredStatus::Killed;
    pass(1_000).await;
    let fenced = format!(
        "system: could not spawn tester for FD-2: session {top} above it is killed or being killed; nothing may spawn under it"
    );
    assert_eq!(deck.journal(parent), ["→ running".to_owned(), fenced, "assistant: on".to_owned()]);
    {
        let mut world = deck.store.world();
        world.sessions.get_mut(&top).unwrap().desired_status = DesiredStatus::Running;
        world.kill_switch = true;
    }
    pass(1_000).await;
    let told = deck.since(parent, 3);
    assert!(told[0].contains("the kill switch is engaged"), "{told:?}");
    assert_eq!(told[1], "→ completed");
    assert_eq!(deck.store.world().sessions.len(), 2, "no child came to be");
}

#[tokio::test(start_paused = true)]
async fn an_agent_of_a_session_is_started_once() {
    let deck = Deck::new();
    let id = deck.spawn(json!({}), None).await;
    let stored = deck.store.world().sessions[&id].clone();
    deck.provider.spawn(&stored, None).await.unwrap();
    pass(1).await;
    assert_eq!((deck.provider.running(), deck.journal(id).len()), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_stops_all_without_a_word_and_starts_none() {
    let deck = Deck::new();
    let mut ids = Vec::new();
    for context in [json!({}), json!({"script": [{"wait": {"ms": 60_000}}]})] {
        ids.push(deck.spawn(context, None).await);
    }
    pass(1).await;
    let before = tokio::time::Instant::now();
    deck.provider.shutdown().await;
    assert!(before.elapsed().as_millis() < 10, "prompt");
    assert_eq!(deck.provider.running(), 0);
    pass(120_000).await;
    assert_eq!((deck.status(ids[0]), deck.status(ids[1])), (SessionStatus::Idle, SessionStatus::Running));
    assert!(matches!(deck.try_spawn(session(json!({})), None).await, Err(SpawnSessionError::Provider(_))));
}
