//! Nothing runs after a stop: what was let through before is waited for, and what comes after is denied, whatever state the
//! session was thought to be in.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and bodies read better as literals"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::{FleetIntervention, Intervention, Origin};
use flightdeck_domain::command::CommandKind;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{HookCall, HookReceiver};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{MissionId, Reason, RequestId};
use flightdeck_domain::use_cases::{InterveneFleet, InterveneScope, Providers, ScopedRequest};
use serde_json::{Value, json};
use support::{Desk, after, before, body, call, prompt, stop, within};

const WHY: &str = "wrong branch";

/// Not let through, and told why.
fn assert_denied(answer: &Value, why: &str) {
    let output = &answer["hookSpecificOutput"];
    assert_eq!(output["permissionDecision"], "deny", "{answer}");
    let reason = output["permissionDecisionReason"].as_str().expect("a reason");
    assert!(reason.contains(why), "{reason:?} does not say {why:?}");
}

/// Not let through, told why, and to stop.
fn assert_stopped(answer: &Value, why: &str) {
    assert_denied(answer, why);
    assert_eq!(answer["continue"], false, "{answer}");
    assert!(answer["stopReason"].as_str().expect("a reason").contains(why), "{answer}");
}

fn origin() -> Origin {
    Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid")).because(Reason::new(WHY).ok())
}

async fn kill_all(desk: &Desk) {
    let fleet = InterveneFleet::new(&desk.ports, &Providers::default());
    fleet.execute(FleetIntervention::KillAll, origin()).await.expect("done");
}

async fn scoped(desk: &Desk, session_id: SessionId, wish: Wish, reach: Reach) {
    let scope = InterveneScope::new(&desk.ports, &Providers::default());
    scope.execute(ScopedRequest { session_id, reach, wish, drop_queued: false }, origin()).await.expect("done");
}

fn held(desk: &Desk, body: Value) -> tokio::task::JoinHandle<Value> {
    let hooks = Arc::clone(&desk.hooks);
    tokio::spawn(async move { hooks.take(call(body)).await.expect("taken") })
}

async fn child(desk: &Desk) -> flightdeck_domain::session::Session {
    desk.sessions().await.into_iter().rfind(|session| session.parent_id.is_some()).expect("a sub-agent")
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_held_and_then_killed_is_denied_and_closed() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Pause).await;
    let call = held(&desk, before("toolu_1", "deploy"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.because(id, Intervention::Kill, WHY).await;
    assert_stopped(&call.await.expect("no panic"), WHY);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Killed, vec![]));
    let told = desk.told(id).await;
    assert_eq!(told[1..], ["assistant: Bash: deploy", "tool: denied: Stopped by an operator: wrong branch"]);
    assert_stopped(&desk.hook(before("toolu_2", "deploy")).await, WHY);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_held_and_then_interrupted_is_denied_and_the_pause_stays() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Pause).await;
    let call = held(&desk, before("toolu_1", "deploy"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.because(id, Intervention::Interrupt { drop_queued: false }, WHY).await;
    assert_stopped(&call.await.expect("no panic"), WHY);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Paused, vec![]));
    let began = tokio::time::Instant::now();
    assert_stopped(&desk.hook(before("toolu_2", "deploy")).await, WHY);
    assert_eq!(began.elapsed().as_secs(), 0, "the turn is over, and nothing of it is held any more");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_killed_while_a_call_runs_that_was_let_through() {
    let desk = Desk::new();
    let other = desk.replica();
    desk.hook(prompt("go")).await;
    for id in ["toolu_1", "toolu_2"] {
        assert_eq!(desk.hook(before(id, "sleep 9")).await, json!({}));
    }
    let id = desk.top().await.id;
    desk.because(id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.hook(before("toolu_3", "ls")).await, WHY);
    assert_eq!(desk.top().await.status, SessionStatus::Running, "two calls run");
    assert_eq!(other.hook(after("toolu_1", "sleep 9", "")).await["continue"], false);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Running, vec![CommandKind::Kill]));
    assert_eq!(other.hook(after("toolu_2", "sleep 9", "")).await["continue"], false);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Killed, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_no_place_to_stop_at() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "false")).await;
    let id = desk.top().await.id;
    desk.because(id, Intervention::Kill, WHY).await;
    let failed =
        json!({"tool_name": "Bash", "tool_input": {"command": "false"}, "tool_use_id": "toolu_1", "error": "1"});
    assert_eq!(desk.hook(body("PostToolUseFailure", failed)).await["continue"], false);
    assert_eq!(desk.top().await.status, SessionStatus::Running, "Claude Code goes on there whatever it is told");
    let batch =
        json!({"tool_calls": [{"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_response": "Exit code 1"}]});
    assert_eq!(desk.hook(body("PostToolBatch", batch)).await["continue"], false);
    assert_eq!(desk.top().await.status, SessionStatus::Killed);
}

#[tokio::test(start_paused = true)]
async fn a_shell_in_the_background_keeps_its_session_from_being_killed() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "sleep 9")).await;
    let mut begun = after("toolu_1", "sleep 9", "");
    begun["tool_response"]["backgroundTaskId"] = "b1".into();
    desk.hook(begun).await;
    desk.because(desk.top().await.id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.hook(before("toolu_2", "ls")).await, WHY);
    assert_eq!(desk.top().await.status, SessionStatus::Running, "the shell runs on");
    let notice = "<task-notification>\n<task-id>b1</task-id>\n<status>completed</status>\n</task-notification>";
    assert_eq!(desk.hook(prompt(notice)).await["continue"], false);
    assert_eq!(desk.top().await.status, SessionStatus::Killed);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_not_killed_while_a_call_of_its_sub_agent_runs() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    desk.hook(within("a1", before("toolu_1", "sleep 9"))).await;
    desk.because(desk.top().await.id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.hook(before("toolu_2", "ls")).await, WHY);
    assert_eq!(desk.top().await.status, SessionStatus::Running);
    assert_eq!(desk.hook(within("a1", after("toolu_1", "sleep 9", ""))).await["continue"], false);
    let statuses: Vec<_> = desk.sessions().await.into_iter().map(|session| session.status).collect();
    assert_eq!(statuses, [SessionStatus::Killed, SessionStatus::Killed]);
    assert_stopped(&desk.hook(within("a1", before("toolu_3", "ls"))).await, WHY);
}

#[tokio::test(start_paused = true)]
async fn a_sub_agent_goes_the_way_of_the_one_above() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    desk.because(desk.top().await.id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.hook(within("a1", before("toolu_1", "ls"))).await, WHY);
    assert_eq!(child(&desk).await.status, SessionStatus::Killed);
    assert_eq!(desk.told(child(&desk).await.id).await.len(), 3, "the call, and that it was denied");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_turn_with_all_that_was_asked_for_in_it() {
    let desk = Desk::new();
    let turn = |mut body: Value, turn: &str| {
        body["prompt_id"] = turn.into();
        body
    };
    desk.hook(turn(prompt("go"), "p1")).await;
    let id = desk.top().await.id;
    desk.because(id, Intervention::Interrupt { drop_queued: false }, WHY).await;
    // Of one answer of the model: its calls come one after the other.
    for call in ["toolu_1", "toolu_2", "toolu_3"] {
        assert_stopped(&desk.hook(turn(before(call, "deploy"), "p1")).await, WHY);
        assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Idle, vec![]));
    }
    assert_eq!(desk.hook(turn(prompt("again"), "p2")).await, json!({}));
    assert_eq!(desk.hook(turn(before("toolu_4", "ls"), "p2")).await, json!({}), "another turn");
    assert_eq!(desk.top().await.status, SessionStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_is_consumed_when_the_calls_of_the_turn_have_ended() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "sleep 9")).await;
    let id = desk.top().await.id;
    desk.because(id, Intervention::Interrupt { drop_queued: false }, WHY).await;
    assert_stopped(&desk.hook(before("toolu_2", "ls")).await, WHY);
    let running = (SessionStatus::Running, vec![CommandKind::Interrupt]);
    assert_eq!((desk.top().await.status, desk.pending(id).await), running);
    assert_eq!(desk.hook(after("toolu_1", "sleep 9", "")).await["continue"], false);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Idle, vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_reaches_the_sub_agent_that_the_turn_waits_for() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let agent = json!({"tool_name": "Agent", "tool_input": {}, "tool_use_id": "toolu_1"});
    desk.hook(body("PreToolUse", agent.clone())).await;
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    let id = desk.top().await.id;
    desk.because(id, Intervention::Interrupt { drop_queued: false }, WHY).await;
    assert_stopped(&desk.hook(within("a1", before("toolu_2", "ls"))).await, WHY);
    assert_eq!(desk.pending(id).await, [CommandKind::Interrupt]);
    assert_eq!(desk.hook(body("PostToolUse", agent)).await["continue"], false);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Idle, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_a_dialog_is_a_refusal_that_breaks_the_turn_off() {
    for (intervention, status) in [
        (Intervention::Kill, SessionStatus::Killed),
        (Intervention::Interrupt { drop_queued: false }, SessionStatus::Idle),
    ] {
        let desk = Desk::new();
        desk.hook(prompt("go")).await;
        desk.hook(before("toolu_1", "git push")).await;
        let dialog = json!({"tool_name": "Bash", "tool_input": {"command": "git push"}});
        let answer = held(&desk, body("PermissionRequest", dialog));
        tokio::time::sleep(Duration::from_secs(5)).await;
        desk.because(desk.top().await.id, intervention, WHY).await;
        let answer = answer.await.expect("no panic");
        let decision = &answer["hookSpecificOutput"]["decision"];
        assert_eq!((&decision["behavior"], &decision["interrupt"]), (&json!("deny"), &json!(true)), "{answer}");
        assert!(decision["message"].as_str().expect("a message").contains(WHY));
        assert_eq!((answer["continue"].clone(), desk.top().await.status), (json!(false), status));
        let told = desk.told(desk.top().await.id).await;
        assert!(told.iter().any(|line| line.starts_with("tool: denied: ")), "{told:?}");
    }
}

/// A sub-agent that has announced its end.
async fn ended(mission: Option<MissionId>) -> (Desk, SessionId) {
    let desk = Desk::new();
    let taken = HookCall { mission_id: mission, ..call(prompt("go")) };
    desk.try_hook(taken).await.expect("taken");
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    desk.hook(within("a1", body("SubagentStop", json!({"last_assistant_message": "found"})))).await;
    assert_eq!(child(&desk).await.status, SessionStatus::Completed);
    let top = desk.top().await.id;
    (desk, top)
}

#[tokio::test(start_paused = true)]
async fn a_sub_agent_that_works_on_after_its_end_obeys_every_kind_of_kill() {
    for kind in ["all", "top", "subtree", "mission"] {
        let (desk, top) = ended(MissionId::new("apollo").ok()).await;
        match kind {
            "all" => kill_all(&desk).await,
            "top" => desk.because(top, Intervention::Kill, WHY).await,
            "subtree" => scoped(&desk, top, Wish::Kill, Reach::Subtree).await,
            _ => scoped(&desk, top, Wish::Kill, Reach::Mission).await,
        }
        let answer = desk.hook(within("a1", before("toolu_1", "deploy"))).await;
        assert_eq!((&answer["continue"], kind), (&json!(false), kind));
        assert_denied(&answer, "");
        let told = desk.told(top).await;
        assert!(told.iter().any(|line| line.contains("was not let through (Bash: deploy)")), "{kind}: {told:?}");
        assert_eq!(desk.sessions().await.len(), 2, "it is in the tree, where it was");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sub_agent_that_works_on_after_its_end_begins_anew_and_is_held() {
    let (desk, top) = ended(None).await;
    desk.because(top, Intervention::Pause, WHY).await;
    assert_denied(&desk.hook(within("a1", before("toolu_1", "deploy"))).await, WHY);
    assert_eq!((desk.sessions().await.len(), child(&desk).await.status), (3, SessionStatus::Paused));
    desk.step_in(top, Intervention::Resume).await;
    assert_eq!(desk.hook(within("a1", before("toolu_2", "deploy"))).await, json!({}));
    assert_eq!(child(&desk).await.status, SessionStatus::Running);
    desk.because(child(&desk).await.id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.hook(within("a1", before("toolu_3", "deploy"))).await, WHY);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_works_on_after_its_end_begins_anew() {
    let desk = Desk::new();
    for body in [prompt("go"), body("SessionEnd", json!({"reason": "other"})), before("toolu_1", "ls")] {
        assert_eq!(desk.hook(body).await, json!({}));
    }
    let sessions = desk.sessions().await;
    assert_eq!((sessions.len(), sessions[1].status), (2, SessionStatus::Running));
    assert_eq!(sessions[0].provider_session_id, sessions[1].provider_session_id);
    desk.because(sessions[1].id, Intervention::Kill, WHY).await;
    desk.hook(after("toolu_1", "ls", "")).await;
    assert_stopped(&desk.hook(before("toolu_2", "ls")).await, WHY);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_before_its_mission_was_killed_does_not_work_on() {
    let desk = Desk::new();
    let mission = || MissionId::new("apollo").ok();
    let other = |mut body: Value| {
        body["session_id"] = "another".into();
        body
    };
    let take = |body: Value| HookCall { mission_id: mission(), ..call(body) };
    for body in [prompt("go"), body("SessionEnd", json!({"reason": "other"})), other(prompt("go"))] {
        desk.try_hook(take(body)).await.expect("taken");
    }
    let live = desk.sessions().await.pop().expect("a session").id;
    scoped(&desk, live, Wish::Kill, Reach::Mission).await;
    assert_stopped(&desk.try_hook(take(before("toolu_1", "ls"))).await.expect("taken"), WHY);
    assert_eq!(desk.try_hook(take(prompt("once more"))).await.expect("taken"), json!({}), "a person asks anew");
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_begins_nothing_and_is_stopped_where_nothing_may_begin() {
    let desk = Desk::new();
    for body in [prompt("go"), body("SessionEnd", json!({"reason": "other"})), after("toolu_1", "ls", "")] {
        assert_eq!(desk.hook(body).await, json!({}));
    }
    kill_all(&desk).await;
    assert_eq!(desk.hook(after("toolu_2", "ls", "")).await["continue"], false);
    assert_eq!(desk.sessions().await.len(), 1);
}

/// A body of which nothing is known but what is given.
fn unread(fields: Value) -> HookCall {
    HookCall { unread: Some("it is 70 MB long".to_owned()), ..call(fields) }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_read_is_denied_where_anything_covers_it() {
    let desk = Desk::new();
    let claude = json!({"session_id": support::CLAUDE});
    assert_eq!(desk.try_hook(unread(json!({}))).await.expect("taken"), json!({}));
    assert_eq!(desk.try_hook(unread(claude.clone())).await.expect("taken"), json!({}));
    assert!(desk.sessions().await.is_empty(), "nobody knows what it is about");
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    assert_eq!(desk.try_hook(unread(claude.clone())).await.expect("taken"), json!({}));
    let told = desk.told(id).await;
    assert_eq!(told.last().map(String::as_str), Some("system: not all of a hook could be read: it is 70 MB long"));

    desk.because(id, Intervention::Pause, WHY).await;
    let began = tokio::time::Instant::now();
    let held = desk.try_hook(unread(claude.clone())).await.expect("taken");
    assert_denied(&held, "Paused");
    assert_eq!((began.elapsed().as_secs(), &held["decision"], held.get("continue")), (0, &json!("block"), None));
    let sub = json!({"session_id": support::CLAUDE, "agent_id": "a1"});
    assert_denied(&desk.try_hook(unread(sub)).await.expect("taken"), "Paused");
    // Of a body whose head could be read it is as of any other.
    let mut known = before("toolu_1", "ls");
    known.as_object_mut().expect("an object").remove("tool_input");
    assert_denied(&desk.try_hook(unread(known)).await.expect("taken"), WHY);

    desk.because(id, Intervention::Kill, WHY).await;
    assert_stopped(&desk.try_hook(unread(claude)).await.expect("taken"), "Stopped by an operator");
    let bound = HookCall { bound_to: Some(id), ..unread(json!({})) };
    assert_stopped(&desk.try_hook(bound).await.expect("taken"), "Stopped by an operator");
    assert_eq!(desk.try_hook(unread(json!({}))).await.expect("taken"), json!({}), "nobody knows whose it is");
    kill_all(&desk).await;
    assert_stopped(&desk.try_hook(unread(json!({}))).await.expect("taken"), "kill switch");
    assert_stopped(&desk.try_hook(call(json!({"no": "hook"}))).await.expect("taken"), "kill switch");
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_denied_elsewhere_are_closed() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "git push")).await;
    let calls = json!([{"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_response": "needs approval"}]);
    desk.hook(body("PostToolBatch", json!({"tool_calls": calls}))).await;
    desk.hook(before("toolu_2", "git push")).await;
    desk.hook(stop("I may not")).await;
    let told = desk.told(desk.top().await.id).await;
    assert_eq!(
        told[1..],
        [
            "assistant: Bash: git push",
            "tool: needs approval",
            "assistant: Bash: git push",
            "tool: no result was told: it was denied, or broken off",
            "assistant: I may not"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_dialog_closes_its_call() {
    use flightdeck_domain::approval::ApprovalOption;
    use flightdeck_domain::ports::{ApprovalFilter, ApprovalQuery};
    use flightdeck_domain::use_cases::DecideApproval;
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "git push")).await;
    let dialog = json!({"tool_name": "Bash", "tool_input": {"command": "git push"}});
    let answer = held(&desk, body("PermissionRequest", dialog));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let query = ApprovalQuery { filter: ApprovalFilter::default(), before: None, limit: 1 };
    let request = desk.ports.approvals.list(query).await.expect("read").approvals.pop().expect("a request");
    let decide = DecideApproval::new(&desk.ports);
    decide.execute(request.id, ApprovalOption::RejectOnce, origin()).await.expect("decided");
    answer.await.expect("no panic");
    let said = desk.said(desk.top().await.id).await;
    let closing = said.iter().find(|message| message.metadata.as_map()["type"] == "tool_denied").expect("closed");
    assert_eq!(closing.content.as_str(), "denied: An operator said no: wrong branch");
    assert_eq!(closing.metadata.as_map()["data"]["tool_use_id"], "toolu_1");
}

#[tokio::test(start_paused = true)]
async fn the_result_of_any_other_tool_says_nothing_of_usage() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let response = json!({"usage": {"input_tokens": 999_999, "output_tokens": 5}});
    let fields = json!({"tool_name": "mcp__shop__search", "tool_use_id": "toolu_1", "tool_response": response});
    desk.hook(body("PostToolUse", fields)).await;
    let usage = desk.ports.usage.of_session(desk.top().await.id).await.expect("read");
    assert_eq!(usage.map(|usage| usage.own.tokens()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_lets_nobody_go_on_who_is_stopped_or_held() {
    use flightdeck_domain::ports::{AppendError, HookError, MockMessageRepository, StoreUnavailable};
    use flightdeck_domain::use_cases::Ports;
    use flightdeck_provider_claude_code::ClaudeCode;
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    let mut full = MockMessageRepository::new();
    full.expect_before().returning(|_, _, _| Ok(None));
    full.expect_append().returning(|_, _, _| Err(AppendError::Unavailable(StoreUnavailable::new("the disk is full"))));
    let hooks = ClaudeCode::new(&Ports { messages: Arc::new(full), ..desk.ports.clone() });
    let tool = || call(before("toolu_1", "deploy"));
    assert!(matches!(hooks.take(tool()).await, Err(HookError::Unavailable(_))), "nobody knows of a reason to stop");
    let denied = hooks.take(HookCall { deny_when_away: true, ..tool() }).await.expect("answered");
    assert_denied(&denied, "cannot be asked");
    let prompted = hooks.take(HookCall { deny_when_away: true, ..call(prompt("on")) }).await.expect("answered");
    assert_eq!(prompted, json!({}), "only what is about to be done is denied");
    desk.step_in(id, Intervention::Pause).await;
    assert_denied(&hooks.take(tool()).await.expect("answered"), "Paused by an operator");
    desk.step_in(id, Intervention::Kill).await;
    assert_stopped(&hooks.take(tool()).await.expect("answered"), "Stopped by an operator");
}
