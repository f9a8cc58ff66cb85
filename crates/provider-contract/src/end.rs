//! How agents end by themselves.

use flightdeck_domain::action::ActionRefused;
use flightdeck_domain::approval::{Approval, ApprovalStatus};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ports::OperatorActionError;
use flightdeck_domain::session::SessionStatus;

use crate::fixture::{BYE, Behaviour, FAULT, Fixture};
use crate::stage::Stage;

/// An agent that ends in order is `completed`, after its last words; then nothing can be said to it.
pub async fn one_that_ends_in_order_is_completed(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Ends).await;
    stage.until_status(id, SessionStatus::Completed).await;
    stage.assert_gone(id).await;
    assert!(stage.text(id).await.contains(BYE), "its last words are lost");
    let refused = stage.act(id, stage.message(Delivery::Queue, "note-1")).await;
    let ended = matches!(refused, Err(OperatorActionError::Refused(ActionRefused::Ended { .. })));
    assert!(ended, "{refused:?}");
}

/// An agent that ends with an error is `failed`, and the reason tells the error.
pub async fn one_that_ends_with_an_error_is_failed_with_it(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Fails).await;
    let session = stage.until_status(id, SessionStatus::Failed).await;
    let reason = session.status_reason.expect("a reason");
    assert!(reason.as_str().contains(FAULT), "{reason}");
    stage.assert_gone(id).await;
}

/// An agent that crashes is `failed` with a reason, nothing is left of it, and what waits for it is undeliverable.
pub async fn a_crash_is_failed_with_a_reason(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let (waiting, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    fixture.crash(id).await;
    let session = stage.until_status(id, SessionStatus::Failed).await;
    assert!(session.status_reason.is_some(), "nobody knows why");
    stage.assert_gone(id).await;
    assert!(matches!(stage.receipt(&waiting).await, Receipt::Undeliverable { .. }));
    stage.assert_silent(id).await;
}

/// A crash closes the permission requests of its session.
pub async fn a_crash_closes_open_requests(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    stage.until_status(id, SessionStatus::Waiting).await;
    fixture.crash(id).await;
    stage.until_status(id, SessionStatus::Failed).await;
    stage.until_none_is_open(id).await;
    let closed = stage.requests(id).await;
    assert_eq!(closed.iter().map(Approval::status).collect::<Vec<_>>(), [ApprovalStatus::Expired]);
    let offered = asked.options.iter().next().expect("an option");
    assert!(stage.decide(&asked, offered).await.is_err(), "it can still be decided");
}
