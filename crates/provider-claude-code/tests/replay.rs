//! Bodies of hooks, played back: the tree, the conversations and the answers that they give.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and bodies read better as literals"
)]

mod support;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{HookCall, HookError};
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::text::{AgentType, MissionId, TaskId};
use flightdeck_domain::use_cases::{NewSession, RegisterSession};
use serde_json::{Value, json};
use support::{CLAUDE, Desk, after, before, body, call, prompt, stop, within};

/// One turn with a tool and a sub-agent, from the start to the end.
fn whole_session() -> Vec<Value> {
    let agent = json!({"description": "find callers", "prompt": "Who calls it?", "subagent_type": "Explore"});
    let usage = json!({"input_tokens": 8320, "output_tokens": 120, "cache_read_input_tokens": 9, "cache_creation_input_tokens": 1});
    let found = json!({"status": "completed", "agentId": "a1", "content": [{"type": "text", "text": "Three callers."}],
        "totalTokens": 8450, "usage": usage});
    vec![
        body("SessionStart", json!({"source": "startup", "model": "claude-sonnet-4-5"})),
        prompt("Rename the function"),
        before("toolu_1", "rg rename"),
        after("toolu_1", "rg rename", "src/lib.rs:7"),
        body("PreToolUse", json!({"tool_name": "Agent", "tool_input": agent, "tool_use_id": "toolu_2"})),
        within("a1", body("SubagentStart", json!({}))),
        within("a1", before("toolu_3", "rg callers")),
        within(
            "a1",
            body(
                "PostToolUseFailure",
                json!({"tool_name": "Bash", "tool_input": {"command": "rg callers"},
            "tool_use_id": "toolu_3", "error": "rg: not found", "is_interrupt": false}),
            ),
        ),
        within(
            "a1",
            body("SubagentStop", json!({"stop_hook_active": false, "last_assistant_message": "Three callers."})),
        ),
        body(
            "PostToolUse",
            json!({"tool_name": "Agent", "tool_input": agent, "tool_response": found, "tool_use_id": "toolu_2"}),
        ),
        body("Notification", json!({"message": "Claude is waiting", "notification_type": "idle_prompt"})),
        stop("Renamed."),
        body("SessionEnd", json!({"reason": "prompt_input_exit"})),
    ]
}

async fn assert_whole(desk: &Desk) {
    let sessions = desk.sessions().await;
    let [top, child] = sessions.as_slice() else { panic!("two sessions: {sessions:?}") };
    assert_eq!((child.parent_id, child.root_id), (Some(top.id), top.id));
    assert_eq!((top.status, child.status), (SessionStatus::Completed, SessionStatus::Completed));
    let told = (top.provider.as_str(), top.task_id.as_str(), top.agent_type.as_str(), child.agent_type.as_str());
    assert_eq!(told, ("claude-code", "shop", "claude-code", "Explore"));
    assert_eq!(top.provider_session_id.as_ref().map(ToString::to_string).as_deref(), Some(CLAUDE));
    assert_eq!(top.status_reason.as_ref().map(ToString::to_string).as_deref(), Some("prompt_input_exit"));
    assert_eq!(
        desk.told(top.id).await,
        [
            "system: session started (startup)",
            "user: Rename the function",
            "assistant: Bash: rg rename",
            "tool: src/lib.rs:7",
            "assistant: Agent: find callers",
            "tool: Three callers.",
            "system: Claude is waiting",
            "assistant: Renamed.",
        ]
    );
    assert_eq!(
        desk.told(child.id).await,
        [
            "system: sub-agent started",
            "assistant: Bash: rg callers",
            "tool: rg: not found",
            "assistant: Three callers."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_sub_agent_is_told_as_it_went() {
    let desk = Desk::new();
    for body in whole_session() {
        assert_eq!(desk.hook(body).await, json!({}));
    }
    assert_whole(&desk).await;
    let usage = desk.ports.usage.of_session(desk.top().await.id).await.expect("read").expect("there");
    assert_eq!((usage.own.tokens(), usage.own.cache_write_tokens), (8_450, 1));
}

#[tokio::test(start_paused = true)]
async fn each_body_twice_and_by_two_replicas_is_the_same() {
    let desk = Desk::new();
    let other = desk.replica();
    for body in whole_session() {
        desk.hook(body.clone()).await;
        other.hook(body).await;
    }
    assert_whole(&desk).await;
}

#[tokio::test(start_paused = true)]
async fn the_statuses_are_those_of_the_turn() {
    use SessionStatus::{Idle, Running};
    let desk = Desk::new();
    let mut seen = Vec::new();
    for body in [
        body("SessionStart", json!({"source": "startup"})),
        prompt("go"),
        before("toolu_1", "ls"),
        stop("done"),
        body("SessionStart", json!({"source": "compact"})),
        body("StopFailure", json!({"error": "rate_limit", "last_assistant_message": "API Error: Rate limit reached"})),
    ] {
        desk.hook(body).await;
        seen.push(desk.top().await.status);
    }
    assert_eq!(seen, [Idle, Running, Running, Idle, Idle, Idle]);
}

#[tokio::test(start_paused = true)]
async fn the_same_prompt_later_is_another_message() {
    let desk = Desk::new();
    for body in [prompt("continue"), stop("one"), prompt("continue"), stop("two")] {
        desk.hook(body).await;
    }
    let named = |id: &str| body("UserPromptSubmit", json!({"prompt": "continue", "prompt_id": id}));
    let into = body("UserPromptSubmit", json!({"prompt": "and the tests", "prompt_id": "p1"}));
    for body in [named("p1"), into, named("p2"), named("p1")] {
        desk.hook(body).await;
    }
    let told = desk.told(desk.top().await.id).await;
    assert_eq!(told.iter().filter(|line| *line == "user: continue").count(), 4, "{told:?}");
    assert!(told.iter().any(|line| line == "user: and the tests"), "what is said into a turn comes under its id");
}

#[tokio::test(start_paused = true)]
async fn unknown_events_and_fields_are_kept() {
    let desk = Desk::new();
    let answer = desk.hook(body("TeleportStarted", json!({"to": {"planet": "Mars"}, "steps": [1, 2]}))).await;
    assert_eq!(answer, json!({}));
    desk.hook(body(
        "PreToolUse",
        json!({"tool_name": "Bash", "tool_input": {}, "tool_use_id": "t", "effort": "xhigh"}),
    ))
    .await;
    let said = desk.said(desk.top().await.id).await;
    assert_eq!(said[0].content.as_str(), "hook TeleportStarted");
    assert_eq!(said[0].metadata.as_map()["data"]["to"]["planet"], "Mars");
    assert_eq!(said[1].metadata.as_map()["data"]["effort"], "xhigh");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_hook_is_refused() {
    let desk = Desk::new();
    for (bad, field) in [
        (json!({}), "hook_event_name"),
        (json!({"hook_event_name": "Stop"}), "session_id"),
        (json!({"hook_event_name": "Stop", "session_id": ""}), "session_id"),
    ] {
        let Err(HookError::Invalid { field: named, .. }) = desk.try_hook(call(bad)).await else { panic!("taken") };
        assert_eq!(named, field);
    }
    assert!(desk.sessions().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_is_another_one_when_it_is_resumed() {
    let desk = Desk::new();
    let end = body("SessionEnd", json!({"reason": "other"}));
    for body in [prompt("one"), end.clone(), end.clone(), after("toolu_9", "late", "late")] {
        desk.hook(body).await;
    }
    assert_eq!(desk.sessions().await.len(), 1, "what comes late begins nothing");
    for body in [body("SessionStart", json!({"source": "resume"})), prompt("two"), before("toolu_1", "ls")] {
        desk.hook(body).await;
    }
    let sessions = desk.sessions().await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(desk.told(sessions[1].id).await.len(), 3);
    assert_eq!(sessions[0].provider_session_id, sessions[1].provider_session_id);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_that_of_its_sub_agents() {
    let desk = Desk::new();
    for body in [
        prompt("one"),
        within("a1", body("SubagentStart", json!({}))),
        within("a2", before("toolu_1", "ls")),
        body("SessionEnd", json!({"reason": "logout"})),
    ] {
        desk.hook(body).await;
    }
    let sessions = desk.sessions().await;
    assert_eq!(sessions.len(), 3);
    assert!(sessions.iter().all(|session| session.status == SessionStatus::Completed), "{sessions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bound_key_puts_its_sessions_below_its_own_and_touches_no_other() {
    let desk = Desk::new();
    let other = |id: &str| {
        let mut body = prompt("hello");
        body["session_id"] = id.into();
        call(body)
    };
    desk.try_hook(other("owner")).await.expect("taken");
    let owner = desk.top().await.id;
    let bound = |call: HookCall| HookCall { bound_to: Some(owner), ..call };
    let mission = MissionId::new("apollo").ok();
    let task_id = TaskId::new("FD-7").ok();
    desk.try_hook(HookCall { task_id, ..bound(other("child")) }).await.expect("taken");
    let child = desk.sessions().await.into_iter().find(|session| session.id != owner).expect("a child");
    assert_eq!((child.parent_id, child.mission_id.clone(), child.task_id.as_str()), (Some(owner), None, "FD-7"));
    let elsewhere = HookCall { mission_id: mission, ..bound(other("elsewhere")) };
    let denied = desk.try_hook(elsewhere).await;
    assert!(matches!(&denied, Err(HookError::Place(refused)) if refused.field() == "missionId"), "{denied:?}");
    assert_eq!(desk.sessions().await.len(), 2);
    desk.try_hook(other("stranger")).await.expect("taken");
    let denied = desk.try_hook(bound(other("stranger"))).await;
    assert!(matches!(denied, Err(HookError::OutsideSubtree { bound_to }) if bound_to == owner), "{denied:?}");
    let unknown = SessionId::new(uuid::Uuid::from_u128(7));
    let orphan = desk.try_hook(HookCall { bound_to: Some(unknown), ..other("orphan") }).await;
    assert!(matches!(orphan, Err(HookError::Register(_))), "{orphan:?}");
    assert_eq!(desk.top().await.desired_status, DesiredStatus::Running);
}

/// Ids follow from Claude Code's own, so whoever knows those can register a session under one before its hooks come.
#[tokio::test(start_paused = true)]
async fn a_session_that_somebody_put_under_an_id_of_hooks_is_not_touched() {
    let desk = Desk::new();
    desk.hook(prompt("one")).await;
    let top = desk.top().await.id;
    let stolen = SessionId::new(uuid::Uuid::new_v5(top.as_uuid(), b"agent/a1"));
    let new = NewSession::new(TaskId::new("FD-1").expect("valid"), AgentType::new("squatter").expect("valid"));
    let registered = RegisterSession::new(&desk.ports)
        .execute(NewSession { session_id: Some(stolen), ..new }, SessionStatus::Running)
        .await
        .expect("registered");
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    desk.hook(within("a1", before("toolu_1", "cat secrets"))).await;
    let squatter = desk.ports.sessions.get(stolen).await.expect("read").expect("there");
    assert_eq!(squatter, registered.session, "not even a sign of life");
    assert!(desk.said(stolen).await.is_empty());
    let own = desk.sessions().await.into_iter().find(|session| session.parent_id == Some(top)).expect("a sub-agent");
    assert!(desk.told(own.id).await.iter().any(|line| line.contains("cat secrets")));
}

/// What holds or stops the key's own session holds for what it may not touch, too.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_weaker_than_a_stop() {
    let desk = Desk::new();
    desk.hook(prompt("one")).await;
    let own = desk.top().await.id;
    let mut other = before("toolu_1", "ls");
    other["session_id"] = "another".into();
    let elsewhere =
        || HookCall { bound_to: Some(own), mission_id: MissionId::new("gemini").ok(), ..call(other.clone()) };
    assert!(matches!(desk.try_hook(elsewhere()).await, Err(HookError::Place(_))));
    desk.step_in(own, flightdeck_domain::action::Intervention::Kill).await;
    let answer = desk.try_hook(elsewhere()).await.expect("answered");
    assert_eq!(answer["continue"], false, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn long_outputs_are_cut_and_kept() {
    let desk = Desk::new();
    let long = "é".repeat(1_200_000);
    desk.hook(after("toolu_1", "cat", &long)).await;
    let input = json!({"file_path": "/a", "content": long});
    desk.hook(body("PreToolUse", json!({"tool_name": "Write", "tool_input": input, "tool_use_id": "toolu_2"}))).await;
    let said = desk.said(desk.top().await.id).await;
    assert!(said[0].content.as_str().ends_with('…'));
    assert_eq!(said[1].content.as_str(), "Write: /a");
    assert_eq!(said[1].metadata.as_map()["data"]["tool_name"], "Write");
}

fn assistant(id: &str, model: &str, input: u64) -> String {
    let usage = json!({"input_tokens": input, "output_tokens": 10, "cache_read_input_tokens": 4});
    json!({"type": "assistant", "message": {"id": id, "model": model, "usage": usage}}).to_string()
}

#[tokio::test]
async fn what_was_used_comes_from_the_transcripts_and_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let projects = folder.path().join("projects/-home-ana-shop");
    let agents = projects.join(CLAUDE).join("subagents");
    std::fs::create_dir_all(&agents).expect("made");
    let own = projects.join(format!("{CLAUDE}.jsonl"));
    let with = |mut body: Value| {
        body["transcript_path"] = own.display().to_string().into();
        body
    };
    let write = |path: &std::path::Path, lines: &[String]| {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        std::fs::write(path, format!("{before}{}\n", lines.join("\n"))).expect("written");
    };
    let desk = Desk::new();
    let other = desk.replica();
    desk.hook(with(prompt("go"))).await;
    write(&own, &[assistant("m1", "opus", 100), assistant("m1", "opus", 100)]);
    desk.hook(with(within("a1", body("SubagentStart", json!({}))))).await;
    write(&agents.join("agent-a1.jsonl"), &[assistant("s1", "haiku", 50), assistant("s2", "haiku", 60)]);
    for desk in [&desk, &other] {
        desk.hook(with(within("a1", body("SubagentStop", json!({"last_assistant_message": "found"}))))).await;
    }
    let response = json!({"agentId": "a1", "usage": {"input_tokens": 60, "output_tokens": 10}});
    let result = json!({"tool_name": "Agent", "tool_use_id": "toolu_1", "tool_response": response});
    desk.hook(with(body("PostToolUse", result))).await;
    for desk in [&desk, &other] {
        desk.hook(with(stop("done"))).await;
    }
    write(&own, &[assistant("m2", "sonnet", 7), json!({"type": "cost-state", "totalCostUSD": 0.25}).to_string()]);
    desk.hook(with(body("SessionEnd", json!({"reason": "other"})))).await;

    let sessions = desk.sessions().await;
    let usage = desk.ports.usage.of_session(sessions[0].id).await.expect("read").expect("there");
    assert_eq!((usage.own.tokens(), usage.subtree.totals.tokens()), (114 + 21, 114 + 21 + 64 + 74));
    assert_eq!(usage.subtree.totals.cost.nanos(), 250_000_000);
    let told = desk.told(sessions[0].id).await;
    let used: Vec<_> = told.iter().filter(|line| line.starts_with("system: used") || line.contains("cost")).collect();
    let expected = ["system: used 114 tokens of opus", "system: used 21 tokens of sonnet"];
    assert_eq!(used, [expected[0], expected[1], "system: cost $0.25, sub-agents included"]);
}
