//! An operator steps in, and the answers to hooks say so.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and bodies read better as literals"
)]

mod support;

use std::time::Duration;

use flightdeck_domain::action::{FleetIntervention, Intervention, Origin};
use flightdeck_domain::approval::{ApprovalOption, ApprovalState, ExpiryReason};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{ApprovalFilter, ApprovalQuery};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{Reason, RequestId};
use flightdeck_domain::use_cases::{DecideApproval, InterveneFleet, Providers};
use serde_json::{Value, json};
use support::{Desk, after, before, body, call, prompt, stop, within};

fn context(event: &str, text: &str) -> Value {
    json!({"hookSpecificOutput": {"hookEventName": event, "additionalContext": format!("Message from the operator: {text}")}})
}

#[tokio::test(start_paused = true)]
async fn a_message_arrives_at_the_next_hook_and_is_consumed_by_the_one_after() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    for (delivery, hook, event) in [
        (Delivery::Steer, before("toolu_1", "ls"), "PreToolUse"),
        (Delivery::Queue, after("toolu_1", "ls", "a"), "PostToolUse"),
        (Delivery::Interrupt, prompt("on"), "UserPromptSubmit"),
    ] {
        desk.inject(id, event, delivery).await;
        assert_eq!(desk.hook(hook).await, context(event, event));
        assert_eq!(desk.receipts(id).await.last(), Some(&Receipt::Delivered));
    }
    assert_eq!(desk.hook(before("toolu_2", "ls")).await, json!({}), "nothing is told twice");
    assert_eq!(desk.receipts(id).await, [Receipt::Consumed, Receipt::Consumed, Receipt::Consumed]);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_a_hook_that_takes_it() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.inject(id, "look here", Delivery::Queue).await;
    assert_eq!(desk.hook(body("Notification", json!({"message": "hm"}))).await, json!({}));
    assert_eq!(desk.receipts(id).await, [Receipt::Accepted]);
    assert_eq!(desk.hook(after("toolu_1", "ls", "a")).await, context("PostToolUse", "look here"));
}

#[tokio::test(start_paused = true)]
async fn a_message_at_the_end_of_a_turn_keeps_the_agent_working() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.inject(id, "and the tests", Delivery::Queue).await;
    let answer = desk.hook(stop("done")).await;
    assert_eq!(answer, json!({"decision": "block", "reason": "Message from the operator: and the tests"}));
    assert_eq!(desk.top().await.status, SessionStatus::Running);
    assert_eq!(desk.hook(stop("tests too")).await, json!({}));
    assert_eq!((desk.top().await.status, desk.receipts(id).await), (SessionStatus::Idle, vec![Receipt::Consumed]));
}

#[tokio::test(start_paused = true)]
async fn a_message_for_a_sub_agent_reaches_the_sub_agent() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    let child = desk.sessions().await.pop().expect("a child").id;
    desk.inject(child, "deeper", Delivery::Queue).await;
    assert_eq!(desk.hook(before("toolu_1", "ls")).await, json!({}));
    let answer = desk.hook(within("a1", body("SubagentStop", json!({"last_assistant_message": "found"})))).await;
    assert_eq!(answer["decision"], "block");
    assert_eq!(desk.hook(within("a1", body("SubagentStop", json!({})))).await, json!({}));
    assert_eq!(desk.receipts(child).await, [Receipt::Consumed]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupting_message_takes_the_place_of_the_tool_call() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.inject(id, "not that", Delivery::Interrupt).await;
    let answer = desk.hook(before("toolu_1", "rm -rf /")).await;
    assert_eq!(answer["hookSpecificOutput"]["permissionDecision"], "deny");
    let why = answer["hookSpecificOutput"]["permissionDecisionReason"].as_str().expect("a reason");
    assert_eq!(why, "Message from the operator: not that");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_next_tool_call_until_it_is_resumed() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Pause).await;
    assert_eq!(desk.hook(after("toolu_0", "ls", "a")).await, json!({}), "only a tool call is held");
    assert_eq!(desk.top().await.status, SessionStatus::Running);
    let hooks = std::sync::Arc::clone(&desk.hooks);
    let held = tokio::spawn(async move {
        flightdeck_domain::ports::HookReceiver::take(&*hooks, call(before("toolu_1", "ls"))).await
    });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!held.is_finished());
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Paused, vec![]));
    desk.inject(id, "you may", Delivery::Queue).await;
    desk.step_in(id, Intervention::Resume).await;
    let answer = held.await.expect("no panic").expect("taken");
    assert_eq!(answer, context("PreToolUse", "you may"));
    assert_eq!((desk.top().await.status, desk.pending(id).await.len()), (SessionStatus::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_lasts_denies_the_call_before_the_agent_stops_waiting() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Pause).await;
    let began = tokio::time::Instant::now();
    let answer = desk.hook(before("toolu_1", "ls")).await;
    assert_eq!(began.elapsed().as_secs(), 50, "the hold, and no longer");
    assert_eq!(answer["hookSpecificOutput"]["permissionDecision"], "deny");
    let why = answer["hookSpecificOutput"]["permissionDecisionReason"].as_str().expect("a reason");
    assert!(why.starts_with("Paused by an operator"), "{why}");
    assert_eq!(desk.top().await.status, SessionStatus::Paused);
    assert_eq!(desk.hook(stop("I was stopped")).await, json!({}));
    assert_eq!(desk.top().await.status, SessionStatus::Paused, "the end of a turn resumes nobody");
}

#[tokio::test(start_paused = true)]
async fn a_kill_is_told_at_every_hook() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(within("a1", body("SubagentStart", json!({})))).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Kill).await;
    let stopped = json!({"continue": false, "stopReason": "Stopped by an operator"});
    assert_eq!(desk.hook(body("Notification", json!({"message": "hm"}))).await, stopped);
    assert_eq!(desk.top().await.status, SessionStatus::Running, "a notification stops nobody");
    let denied = desk.hook(before("toolu_1", "ls")).await;
    assert_eq!((&denied["continue"], &denied["stopReason"]), (&stopped["continue"], &stopped["stopReason"]));
    assert_eq!(denied["hookSpecificOutput"]["permissionDecision"], "deny", "alone, continue lets this call run");
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Killed, vec![]));
    let again = desk.hook(prompt("but")).await;
    assert_eq!(again["continue"], false);
    assert_eq!(desk.hook(within("a1", before("toolu_2", "ls"))).await["continue"], false);
    assert_eq!(desk.hook(body("SessionStart", json!({"source": "resume"}))).await["continue"], false);
    assert_eq!(desk.sessions().await.len(), 2, "nothing begins anew");
}

#[tokio::test(start_paused = true)]
async fn a_killed_session_that_ends_first_is_killed() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.step_in(desk.top().await.id, Intervention::Kill).await;
    desk.hook(body("SessionEnd", json!({"reason": "other"}))).await;
    assert_eq!(desk.top().await.status, SessionStatus::Killed);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_turn_and_not_the_session() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let id = desk.top().await.id;
    desk.step_in(id, Intervention::Interrupt { drop_queued: false }).await;
    assert_eq!(desk.hook(before("toolu_1", "ls")).await["continue"], false);
    assert_eq!((desk.top().await.status, desk.pending(id).await), (SessionStatus::Idle, vec![]));
    assert_eq!(desk.hook(prompt("again")).await, json!({}));
    assert_eq!(desk.top().await.status, SessionStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_behind_the_kill_switch() {
    let desk = Desk::new();
    let origin = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
    let fleet = InterveneFleet::new(&desk.ports, &Providers::default());
    fleet.execute(FleetIntervention::KillAll, origin).await.expect("done");
    let answer = desk.hook(prompt("go")).await;
    assert_eq!(answer["continue"], false);
    assert!(answer["stopReason"].as_str().is_some_and(|why| why.contains("kill switch")), "{answer}");
    assert!(desk.sessions().await.is_empty());
}

fn dialog(suggestions: &Value) -> Value {
    let input = json!({"command": "git push"});
    body("PermissionRequest", json!({"tool_name": "Bash", "tool_input": input, "permission_suggestions": suggestions}))
}

async fn asked(desk: &Desk) -> Vec<flightdeck_domain::approval::Approval> {
    let query = ApprovalQuery { filter: ApprovalFilter::default(), before: None, limit: 10 };
    desk.ports.approvals.list(query).await.expect("read").approvals
}

/// The answer to the dialog, when it is decided so while it is held.
async fn decided(option: ApprovalOption, reason: Option<&str>, suggestions: Value) -> (Desk, Value) {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    desk.hook(before("toolu_1", "git push")).await;
    let hooks = std::sync::Arc::clone(&desk.hooks);
    let held =
        tokio::spawn(
            async move { flightdeck_domain::ports::HookReceiver::take(&*hooks, call(dialog(&suggestions))).await },
        );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(desk.top().await.status, SessionStatus::Waiting);
    let request = asked(&desk).await.pop().expect("a request");
    assert_eq!(request.title.as_str(), "Bash: git push");
    let reason = reason.and_then(|words| Reason::new(words).ok());
    let origin = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid")).because(reason);
    DecideApproval::new(&desk.ports).execute(request.id, option, origin).await.expect("decided");
    let answer = held.await.expect("no panic").expect("taken");
    (desk, answer)
}

#[tokio::test(start_paused = true)]
async fn a_decision_goes_back_to_the_dialog() {
    let (desk, allowed) = decided(ApprovalOption::AllowOnce, None, json!([])).await;
    let output = &allowed["hookSpecificOutput"];
    assert_eq!(*output, json!({"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}));
    assert_eq!(desk.top().await.status, SessionStatus::Running);

    let (_, refused) = decided(ApprovalOption::RejectOnce, Some("not on a Friday"), json!([])).await;
    let decision = json!({"behavior": "deny", "message": "An operator said no: not on a Friday"});
    assert_eq!(refused["hookSpecificOutput"]["decision"], decision);

    let rules = json!([{"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "git push"}],
        "behavior": "allow", "destination": "localSettings"}]);
    let (_, always) = decided(ApprovalOption::AllowAlways, None, rules.clone()).await;
    let decision = json!({"behavior": "allow", "updatedPermissions": rules});
    assert_eq!(always["hookSpecificOutput"]["decision"], decision);
}

#[tokio::test(start_paused = true)]
async fn a_dialog_that_nobody_decides_is_left_to_the_terminal() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    assert_eq!(desk.hook(dialog(&json!([]))).await, json!({}));
    let request = asked(&desk).await.pop().expect("a request");
    let ApprovalState::Expired { why, .. } = request.state else { panic!("{request:?}") };
    assert_eq!(why, ExpiryReason::Withdrawn);
    assert!(!request.options.offers(ApprovalOption::AllowAlways), "there is no rule to keep");
    assert_eq!(desk.top().await.status, SessionStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn a_dialog_decided_at_the_terminal_is_withdrawn_and_the_next_one_asks_anew() {
    let desk = Desk::new();
    for round in ["toolu_1", "toolu_2"] {
        desk.hook(prompt(round)).await;
        desk.hook(before(round, "git push")).await;
        let hooks = std::sync::Arc::clone(&desk.hooks);
        let held = tokio::spawn(async move {
            flightdeck_domain::ports::HookReceiver::take(&*hooks, call(dialog(&json!([])))).await
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        desk.hook(after(round, "git push", "pushed")).await;
        assert_eq!(held.await.expect("no panic").expect("taken"), json!({}));
    }
    let requests = asked(&desk).await;
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests.iter().all(|request| request.state != ApprovalState::Open));
}

#[tokio::test(start_paused = true)]
async fn a_kill_ends_the_wait_for_a_decision() {
    let desk = Desk::new();
    desk.hook(prompt("go")).await;
    let hooks = std::sync::Arc::clone(&desk.hooks);
    let held =
        tokio::spawn(
            async move { flightdeck_domain::ports::HookReceiver::take(&*hooks, call(dialog(&json!([])))).await },
        );
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.step_in(desk.top().await.id, Intervention::Kill).await;
    assert_eq!(held.await.expect("no panic").expect("taken")["continue"], false);
}
