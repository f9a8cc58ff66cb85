//! How agents pause, go on, and break their turns off.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::{Choice, SessionStatus};
use flightdeck_domain::text::ChoiceName;

use crate::fixture::{Behaviour, Fixture, LINES, TICK};
use crate::stage::{Stage, assert_once_in_order, count};

/// `paused` is said when the agent stands still: it says nothing more, and takes nothing in, until it is resumed.
pub async fn paused_is_said_when_it_is_so(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    let pause = stage.wish(id, Intervention::Pause).await;
    stage.until_status(id, SessionStatus::Paused).await;
    stage.until_done(pause).await;
    stage.assert_runs(id).await;
    stage.assert_silent(id).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.let_pass().await;
    assert!(stage.receipt(&message).await.is_pending(), "it was taken in");
    let (paused, _) = *stage.statuses(id).await.last().expect("paused");
    let after: Vec<_> = stage.messages(id).await.into_iter().filter(|message| message.seq > paused).collect();
    assert!(after.iter().all(|message| message.role == MessageRole::Operator), "{after:?}");
}

/// An agent that is resumed goes on where it was paused: nothing that it has to say is lost or said twice.
pub async fn a_resume_goes_on_where_it_was_paused(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    let resume = stage.wish(id, Intervention::Resume).await;
    stage.until_done(resume).await;
    stage.until_answered(&message).await;
    stage.until_status(id, SessionStatus::Idle).await;
    assert_once_in_order(&stage.text(id).await, &[&LINES[..], &["note-1"]].concat());
}

/// A pause that comes while the agent starts has its effect, and the agent begins when it is resumed.
pub async fn a_pause_while_it_starts_has_its_effect(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Says).await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    stage.assert_silent(id).await;
    let resume = stage.wish(id, Intervention::Resume).await;
    stage.until_done(resume).await;
    stage.until_said(id, LINES[9]).await;
    stage.until_status(id, SessionStatus::Idle).await;
    assert_once_in_order(&stage.text(id).await, &LINES);
}

/// An agent that is idle pauses at once, and is idle again afterwards.
pub async fn an_idle_agent_is_idle_again_after_a_pause(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    stage.do_to(id, Intervention::Resume, SessionStatus::Idle).await;
}

/// An agent that pauses within a turn stands still in the middle of its work, and goes on with it.
pub async fn a_turn_that_never_ends_is_paused_within(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    stage.assert_silent(id).await;
    stage.do_to(id, Intervention::Resume, SessionStatus::Running).await;
    let before = count(&stage.text(id).await, TICK);
    stage.until("it goes on", async || (count(&stage.text(id).await, TICK) > before).then_some(())).await;
}

/// An interrupt ends the turn; the agent is idle when the operation is done, and a message begins the next turn.
pub async fn an_interrupt_ends_the_turn(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let interrupt = stage.wish(id, Intervention::Interrupt { drop_queued: false }).await;
    stage.until_done(interrupt).await;
    stage.until_status(id, SessionStatus::Idle).await;
    stage.assert_silent(id).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
}

/// A model and a mode that every agent under test takes.
fn choice() -> Intervention {
    let name = |text: &str| Some(ChoiceName::new(text).expect("valid"));
    Intervention::Configure(Choice { model: name("large"), mode: name("plan") })
}

async fn choose(stage: &Stage<'_>, id: SessionId) -> Command {
    stage.act(id, choice()).await.expect("accepted").committed.command.expect("a command")
}

/// An agent takes another model and mode while it works, and its status stays what it is.
pub async fn a_choice_is_taken_by_an_agent_at_work(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    let chosen = choose(&stage, id).await;
    assert_eq!(stage.until_obeyed(&chosen).await, Receipt::Consumed);
    stage.until_status(id, SessionStatus::Idle).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
}

/// What is said after a choice is taken in after it, and both have their receipts.
pub async fn a_choice_goes_before_what_is_said_after_it(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    let chosen = choose(&stage, id).await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
    assert_eq!(stage.until_obeyed(&chosen).await, Receipt::Consumed);
    let at = |command: &Command| command.updated_at;
    let queue = &stage.fixture.ports().commands;
    let chosen = queue.command(id, chosen.seq).await.expect("read").expect("there");
    let said = queue.command(id, chosen.seq.next()).await.expect("read").expect("there");
    assert!(at(&chosen) <= at(&said), "{chosen:?} {said:?}");
    assert_once_in_order(&stage.text(id).await, &[&LINES[..], &["note-1"]].concat());
}
