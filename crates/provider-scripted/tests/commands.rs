//! How agents obey, and what they say of it.

#[cfg(test)]
mod support;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ports::{AgentProvider, DeliverError};
use flightdeck_domain::session::SessionStatus;
use serde_json::{Value, json};
use support::{Deck, inject, pass};

fn counting() -> Value {
    json!({"script": [{"say": "1"}, {"wait": {"ms": 1_000}}, {"say": "2"}, {"wait": {"ms": 1_000}}, {"say": "3"}]})
}

#[tokio::test(start_paused = true)]
async fn a_pause_really_stops_and_a_resume_goes_on_where_it_stood() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.step_in(id, Intervention::Pause).await;
    pass(1).await;
    assert_eq!(deck.since(id, 2), ["#1 delivered", "→ paused", "#1 consumed"], "stopped before it says so");
    pass(3_600_000).await;
    assert_eq!(deck.journal(id).len(), 5, "nothing while paused");
    deck.step_in(id, Intervention::Resume).await;
    pass(590).await;
    assert_eq!(deck.since(id, 5), ["#2 delivered", "→ running", "#2 consumed"], "600 ms of the wait are left");
    pass(20).await;
    assert_eq!(deck.since(id, 8), ["assistant: 2"]);
    pass(1_000).await;
    assert_eq!(deck.since(id, 9), ["assistant: 3", "→ completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_script_without_waits_is_paused_between_steps() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"say": "tick"}], "repeat": 500}), None).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    deck.step_in(id, Intervention::Pause).await;
    pass(1).await;
    let told = deck.journal(id).len();
    assert!((5..400).contains(&told), "{told}");
    assert_eq!(deck.status(id), SessionStatus::Paused);
    pass(10_000).await;
    assert_eq!(deck.journal(id).len(), told);
    deck.step_in(id, Intervention::Resume).await;
    pass(1).await;
    let ticks = deck.journal(id).iter().filter(|line| *line == "assistant: tick").count();
    assert_eq!((ticks, deck.status(id)), (500, SessionStatus::Completed));
}

#[tokio::test(start_paused = true)]
async fn an_idle_agent_is_idle_again_after_a_pause() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"idle": true}]}), None).await;
    pass(1).await;
    for intervention in [Intervention::Pause, inject("now?", Delivery::Interrupt)] {
        deck.step_in(id, intervention).await;
        pass(1).await;
    }
    assert_eq!(deck.status(id), SessionStatus::Paused, "an interrupt does not end a pause");
    deck.step_in(id, Intervention::Resume).await;
    pass(1).await;
    let lines: Vec<_> =
        deck.journal(id).into_iter().filter(|line| line.starts_with('→') || line.contains(": ")).collect();
    assert_eq!(
        lines,
        [
            "→ running",
            "→ idle",
            "→ paused",
            "operator: now?",
            "→ idle",
            "→ running",
            "assistant: Understood: “now?”",
            "→ idle"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_kill_cuts_a_wait() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.step_in(id, Intervention::Kill).await;
    pass(1).await;
    assert_eq!(deck.since(id, 2), ["#1 delivered", "→ killed", "#1 consumed"], "consumed is never before killed");
    pass(60_000).await;
    assert_eq!(deck.journal(id).len(), 5, "nothing after death");
    assert_eq!(deck.store.world().sessions[&id].status_reason.as_ref().unwrap().as_str(), "because");
    assert_eq!(deck.provider.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_kill_ends_a_pause_an_idleness_and_a_tool() {
    let tool = json!({"script": [{"tool": {"name": "bash", "output": "x", "ms": 10_000}}]});
    for (context, pause) in [(counting(), true), (json!({}), false), (tool, false)] {
        let deck = Deck::new();
        let id = deck.spawn(context, None).await;
        pass(10).await;
        if pause {
            deck.step_in(id, Intervention::Pause).await;
            pass(10).await;
            assert_eq!(deck.status(id), SessionStatus::Paused);
        }
        deck.inject(id, "too late", Delivery::Queue).await;
        deck.step_in(id, Intervention::Kill).await;
        let told = deck.journal(id).len();
        pass(60_000).await;
        assert_eq!(deck.status(id), SessionStatus::Killed);
        let after = deck.since(id, told);
        assert!(after.iter().all(|line| !line.contains(": ")), "no message after the kill: {after:?}");
        let inject_seq = if pause { 2 } else { 1 };
        assert!(matches!(deck.receipt(id, inject_seq), Receipt::Undeliverable { .. }));
        assert_eq!(deck.receipt(id, inject_seq + 1), Receipt::Consumed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_steering_message_is_answered_at_the_next_step_boundary() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.inject(id, "left", Delivery::Steer).await;
    pass(590).await;
    assert_eq!(deck.since(id, 2), ["operator: left", "#1 delivered"], "the wait is not cut");
    pass(20).await;
    assert_eq!(deck.since(id, 4), ["assistant: Understood: “left”", "#1 consumed", "assistant: 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_queued_message_waits_for_the_end_of_the_script() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.inject(id, "and then?", Delivery::Queue).await;
    pass(5_000).await;
    let expected = ["assistant: 2", "assistant: 3", "assistant: Understood: “and then?”", "#1 consumed", "→ completed"];
    assert_eq!(deck.since(id, 4), expected);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_cuts_the_wait_and_is_answered_at_once() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.inject(id, "stop that", Delivery::Interrupt).await;
    pass(1).await;
    let expected =
        ["operator: stop that", "#1 delivered", "assistant: Understood: “stop that”", "#1 consumed", "assistant: 2"];
    assert_eq!(deck.since(id, 2), expected);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_cuts_a_tool_which_says_so() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"tool": {"name": "bash", "output": "done", "ms": 9_000}}]}), None).await;
    pass(400).await;
    deck.inject(id, "stop that", Delivery::Interrupt).await;
    pass(1).await;
    let expected =
        ["tool: interrupted by an operator", "assistant: Understood: “stop that”", "#1 consumed", "→ completed"];
    assert_eq!(deck.since(id, 4), expected);
}

#[tokio::test(start_paused = true)]
async fn a_turn_ends_idle_and_a_message_starts_the_next() {
    let deck = Deck::new();
    let id = deck.spawn(json!({"script": [{"say": "a"}, {"turn": "end"}, {"say": "b"}, {"idle": true}]}), None).await;
    pass(100_000).await;
    assert_eq!(deck.journal(id), ["→ running", "assistant: a", "→ idle"]);
    deck.inject(id, "go", Delivery::Queue).await;
    pass(1).await;
    let answer = "assistant: Understood: “go”";
    assert_eq!(
        deck.since(id, 3),
        ["operator: go", "#1 delivered", "→ running", answer, "#1 consumed", "assistant: b", "→ idle"]
    );
    deck.inject(id, "and?", Delivery::Steer).await;
    pass(1).await;
    assert_eq!(deck.since(id, 12), ["→ running", "assistant: Understood: “and?”", "#2 consumed", "→ idle"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_command_twice_acts_once() {
    let deck = Deck::new();
    let id = deck.spawn(json!({}), None).await;
    pass(1).await;
    let done = deck.inject(id, "once", Delivery::Queue).await.committed;
    let command = done.command.unwrap();
    deck.provider.deliver(&command, done.message.clone()).await.unwrap();
    pass(1).await;
    deck.provider.deliver(&command, done.message).await.unwrap();
    pass(60_000).await;
    let answers = deck.journal(id).iter().filter(|line| line.starts_with("assistant: Understood")).count();
    assert_eq!(answers, 1);
    for (intervention, status) in [(Intervention::Pause, "→ paused"), (Intervention::Resume, "→ idle")] {
        let told = deck.journal(id).len();
        let command = deck.step_in(id, intervention).await.committed.command.unwrap();
        pass(1).await;
        deck.provider.deliver(&command, None).await.unwrap();
        pass(1).await;
        assert_eq!(deck.since(id, told).iter().filter(|line| *line == status).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_overtaking_commands_the_later_written_counts() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    let pause = deck.commit_only(id, Intervention::Pause).await.command.unwrap();
    let resume = deck.commit_only(id, Intervention::Resume).await.command.unwrap();
    deck.provider.deliver(&resume, None).await.unwrap();
    pass(1).await;
    deck.provider.deliver(&pause, None).await.unwrap();
    pass(1).await;
    assert_eq!(deck.status(id), SessionStatus::Running);
    assert_eq!(deck.receipt(id, 2), Receipt::Consumed);
    let Receipt::Refused { reason } = deck.receipt(id, 1) else { panic!("{:?}", deck.receipt(id, 1)) };
    assert_eq!(reason.as_str(), "command 2 came after it and was obeyed already");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_handed_over_is_found_in_the_queue() {
    let deck = Deck::new();
    let busy = deck.spawn(counting(), None).await;
    let idle = deck.spawn(json!({"script": [{"idle": true}]}), None).await;
    pass(1).await;
    deck.commit_only(busy, Intervention::Kill).await;
    deck.commit_only(idle, inject("hello?", Delivery::Queue)).await;
    pass(1_000).await;
    assert_eq!(deck.status(busy), SessionStatus::Killed, "told with its next message");
    pass(40_000).await;
    assert!(deck.journal(idle).contains(&"assistant: Understood: “hello?”".to_owned()), "told with a sign of life");
    assert_eq!(deck.receipt(idle, 1), Receipt::Consumed);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_run_here_takes_no_command() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(1).await;
    let kill = deck.commit_only(id, Intervention::Kill).await.command.unwrap();
    let restarted = flightdeck_provider_scripted::ScriptedProvider::new(&deck.ports);
    let refused = restarted.deliver(&kill, None).await;
    assert!(matches!(refused, Err(DeliverError::NotRunning(session)) if session == id));
    pass(60_000).await;
    let refused = deck.provider.deliver(&kill, None).await;
    assert!(matches!(refused, Err(DeliverError::NotRunning(_))), "nor one that has ended");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_turn_and_a_message_starts_the_next() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.step_in(id, Intervention::Interrupt { drop_queued: false }).await;
    pass(1).await;
    assert_eq!(deck.since(id, 2), ["#1 delivered", "→ idle", "#1 consumed"], "idle before it says so");
    pass(3_600_000).await;
    assert_eq!(deck.journal(id).len(), 5, "nothing until a prompt comes");
    deck.step_in(id, inject("go on", Delivery::Queue)).await;
    pass(10).await;
    let after = deck.since(id, 5);
    assert_eq!(after[..4], ["operator: go on", "#2 delivered", "→ running", "assistant: Understood: “go on”"]);
    pass(2_000).await;
    assert_eq!(deck.status(id), SessionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_loses_no_message_that_waits() {
    let deck = Deck::new();
    let id = deck.spawn(counting(), None).await;
    pass(400).await;
    deck.step_in(id, inject("first this", Delivery::Queue)).await;
    pass(1).await;
    deck.step_in(id, Intervention::Interrupt { drop_queued: false }).await;
    pass(10).await;
    let told = deck.journal(id);
    assert!(told.contains(&"assistant: Understood: “first this”".to_owned()), "{told:?}");
    assert_eq!(deck.status(id), SessionStatus::Running, "the message started the next turn at once");
}
