//! How agents ask for permission.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::message::Message;
use flightdeck_domain::session::SessionStatus;

use crate::fixture::{Behaviour, Fixture, TITLE};
use crate::stage::{Stage, count};

const ALLOW: ApprovalOption = ApprovalOption::AllowOnce;
const REJECT: ApprovalOption = ApprovalOption::RejectOnce;

/// What is asked for is in the conversation before anybody can decide it, and the session waits.
pub async fn what_is_asked_for_is_on_record_before_it_is_decided(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    // The prompt, which may hold the same words, does not count.
    let tells = |message: &Message| message.role.to_string() != "user" && message.content.as_str().contains(TITLE);
    assert!(stage.messages(id).await.iter().any(tells), "the conversation does not tell what is asked for");
    assert_eq!(asked.title.as_str(), TITLE);
    assert_eq!(asked.options.iter().collect::<Vec<_>>(), [ALLOW, REJECT]);
    stage.until_status(id, SessionStatus::Waiting).await;
    stage.assert_silent(id).await;
}

/// The decision reaches the agent, which goes on with its turn.
pub async fn the_decision_reaches_the_agent(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    for (option, other) in [(ALLOW, REJECT), (REJECT, ALLOW)] {
        let id = stage.start(Behaviour::Asks).await;
        let asked = stage.until_asked(id).await;
        stage.decide(&asked, option).await.expect("decided");
        stage.until_said(id, fixture.says_when(option)).await;
        stage.until_status(id, SessionStatus::Idle).await;
        assert_eq!(count(&stage.text(id).await, fixture.says_when(other)), 0, "it heard another decision");
    }
}

/// Of decisions that race the first one counts, and the agent hears no other.
pub async fn the_first_decision_counts(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    let (allow, reject) = tokio::join!(stage.decide(&asked, ALLOW), stage.decide(&asked, REJECT));
    let (won, lost) = match (&allow, &reject) {
        (Ok(()), Err(_)) => (ALLOW, REJECT),
        (Err(_), Ok(())) => (REJECT, ALLOW),
        both => panic!("one decision counts: {both:?}"),
    };
    stage.until_said(id, fixture.says_when(won)).await;
    assert!(stage.decide(&asked, lost).await.is_err(), "decided again");
    stage.until_status(id, SessionStatus::Idle).await;
    let text = stage.text(id).await;
    assert_eq!((count(&text, fixture.says_when(won)), count(&text, fixture.says_when(lost))), (1, 0), "{text}");
    let closed = stage.requests(id).await;
    assert_eq!(closed.iter().map(Approval::status).collect::<Vec<_>>(), [ApprovalStatus::Decided]);
}

/// An interrupt takes back what the turn asks for: the agent is idle, and nobody can decide it any more.
pub async fn an_interrupt_takes_open_requests_back(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    stage.until_status(id, SessionStatus::Waiting).await;
    let interrupt = stage.wish(id, Intervention::Interrupt { drop_queued: false }).await;
    stage.until_done(interrupt).await;
    stage.until_status(id, SessionStatus::Idle).await;
    stage.until_none_is_open(id).await;
    assert!(stage.decide(&asked, ALLOW).await.is_err(), "it can still be decided");
    let (message, _) = stage.inject(id, Delivery::Queue, "note-1").await;
    stage.until_answered(&message).await;
    assert_eq!(count(&stage.text(id).await, fixture.says_when(ALLOW)), 0, "it did what was taken back");
}

/// A decision does not end a pause: the agent goes on with it when it is resumed.
pub async fn a_decision_does_not_end_a_pause(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    stage.until_status(id, SessionStatus::Waiting).await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    let before = stage.text(id).await;
    stage.decide(&asked, REJECT).await.expect("decided");
    stage.let_pass().await;
    assert_eq!((stage.session(id).await.status, stage.text(id).await), (SessionStatus::Paused, before));
    let resume = stage.wish(id, Intervention::Resume).await;
    stage.until_done(resume).await;
    stage.until_said(id, fixture.says_when(REJECT)).await;
    stage.until_status(id, SessionStatus::Idle).await;
}
