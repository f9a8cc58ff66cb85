//! How messages of operators reach agents.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Command, Delivery, Receipt};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::session::SessionStatus;
use serde_json::Value;

use crate::fixture::{Behaviour, Fixture, LINES, TICK};
use crate::stage::{Stage, assert_once_in_order, count};

/// The receipts that a command had, as the fleet feed tells of them.
async fn receipts(fixture: &dyn Fixture, command: &Command) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), FeedPosition::ZERO);
    loop {
        let events = fixture.ports().feed.after(after, 1_000).await.expect("read");
        let Some(last) = events.last() else { return all };
        after = last.position;
        let of_session = |event: &&flightdeck_domain::feed::FleetEvent| {
            event.kind == FleetEventKind::Receipt && event.session_id == Some(command.session_id)
        };
        for event in events.iter().filter(of_session) {
            let data: Value = event.data.to_string().parse().expect("JSON");
            if data["commandSeq"] == command.seq.get() {
                all.push(data["receipt"]["state"].as_str().expect("a state").to_owned());
            }
        }
    }
}

/// Messages that are queued while the agent is idle are delivered, then consumed, and answered in the order in which they were
/// sent.
pub async fn queued_messages_are_delivered_and_consumed_in_order(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    let (first, command) = stage.inject(id, Delivery::Queue, "note-1").await;
    let (second, _) = stage.inject(id, Delivery::Queue, "note-2").await;
    let (third, _) = stage.inject(id, Delivery::Queue, "note-3").await;
    for message in [&first, &second, &third] {
        stage.until_answered(message).await;
    }
    assert_eq!(receipts(fixture, &command).await, ["delivered", "consumed"]);
    stage.until_status(id, SessionStatus::Idle).await;
    assert_once_in_order(&stage.text(id).await, &["note-1", "note-2", "note-3"]);
}

/// A message that is queued while a turn runs waits for its end.
pub async fn a_queued_message_waits_for_the_end_of_the_turn(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
    assert_once_in_order(&stage.text(id).await, &[&LINES[..], &["note-1"]].concat());
}

/// A message that comes while the agent starts is answered after its first turn.
pub async fn a_message_that_comes_while_it_starts_waits_for_its_turn(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Says).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
    assert_once_in_order(&stage.text(id).await, &[&LINES[..], &["note-1"]].concat());
}

/// A message that steers reaches the turn that runs, and the turn goes on.
pub async fn a_steering_message_reaches_the_running_turn(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let (message, _) = stage.inject(id, Delivery::Steer, "note-1").await;
    stage.until_answered(&message).await;
    let before = count(&stage.text(id).await, TICK);
    stage.until("the turn goes on", async || (count(&stage.text(id).await, TICK) > before + 2).then_some(())).await;
    assert!(stage.statuses(id).await.iter().all(|(_, status)| *status == SessionStatus::Running), "its turn ended");
}

/// A message that interrupts does not wait for the end of a turn, which may never come.
pub async fn an_interrupting_message_is_delivered_at_once(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let (queued, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    let (urgent, _) = stage.inject(id, Delivery::Interrupt, "note-2").await;
    stage.until_answered(&urgent).await;
    // What was queued is not lost for it.
    assert_ne!(stage.receipt(&queued).await.as_str(), "refused");
}

/// An agent that is handed the same command twice acts once.
pub async fn a_command_that_is_handed_over_twice_acts_once(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    let (message, command) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.hand_over(&command, Some(message.clone())).await;
    stage.until_answered(&message).await;
    stage.hand_over(&command, Some(message)).await;
    stage.hand_over(&command, None).await;
    let pause = stage.act(id, Intervention::Pause).await.expect("accepted").committed.command.expect("a command");
    stage.hand_over(&pause, None).await;
    stage.until_status(id, SessionStatus::Paused).await;
    stage.do_to(id, Intervention::Resume, SessionStatus::Idle).await;
    stage.hand_over(&pause, None).await;
    // Whatever came before it is obeyed.
    let (last, _) = stage.inject(id, Delivery::Queue, "note-2").await;
    stage.until_answered(&last).await;
    assert_once_in_order(&stage.text(id).await, &["note-1", "note-2"]);
    let paused = stage.statuses(id).await.iter().filter(|(_, status)| *status == SessionStatus::Paused).count();
    assert_eq!(paused, 1, "it was paused twice");
}

/// A command that is on record and that nobody handed over is found by the agent, at the end of its turn at the latest.
pub async fn a_command_that_nobody_handed_over_is_found(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let committed = stage.commit_only(id, stage.message(Delivery::Queue, "note-1")).await;
    stage.act(id, Intervention::Interrupt { drop_queued: false }).await.expect("accepted");
    stage.until_answered(&committed.message.expect("a message")).await;
}

/// What waits for an agent that is killed is undeliverable.
pub async fn what_waits_for_one_that_is_killed_is_undeliverable(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let (waiting, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.act(id, Intervention::Kill).await.expect("accepted");
    stage.until_killed(id).await;
    assert!(matches!(stage.receipt(&waiting).await, Receipt::Undeliverable { .. }));
    assert_eq!(count(&stage.text(id).await, "note-1"), 0, "it was answered");
}
