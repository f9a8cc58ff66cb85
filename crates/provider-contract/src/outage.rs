//! What becomes of agents whose store is away for a moment.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::session::SessionStatus;

use crate::fixture::{Behaviour, Fixture, LINES};
use crate::stage::{Stage, assert_once_in_order};

/// A store that is away for a moment loses nothing of what is said, and doubles nothing, also when it only lost its answers.
pub async fn a_store_that_is_away_for_a_moment_loses_nothing(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    fixture.unplug().await;
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    fixture.plug_in().await;
    stage.until_answered(&message).await;
    stage.until_status(id, SessionStatus::Idle).await;
    assert_once_in_order(&stage.text(id).await, &[&LINES[..], &["note-1"]].concat());
}

/// A kill that comes while the store is away is reported when it is back, and by then nothing is left of the agent.
pub async fn a_kill_outlives_an_outage(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    fixture.unplug().await;
    stage.act(id, Intervention::Kill).await.expect("accepted");
    fixture.plug_in().await;
    stage.until_killed(id).await;
    stage.assert_silent(id).await;
}

/// A decision that is made while the store is away reaches the agent when it is back.
pub async fn a_decision_outlives_an_outage(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    stage.until_status(id, SessionStatus::Waiting).await;
    fixture.unplug().await;
    stage.decide(&asked, ApprovalOption::AllowOnce).await.expect("decided");
    fixture.plug_in().await;
    stage.until_said(id, fixture.says_when(ApprovalOption::AllowOnce)).await;
    stage.until_status(id, SessionStatus::Idle).await;
}
