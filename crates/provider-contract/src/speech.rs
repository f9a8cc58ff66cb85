//! What agents say.

use flightdeck_domain::session::SessionStatus;

use crate::fixture::{BYE, Behaviour, Fixture, LINES, MANY};
use crate::stage::{Stage, assert_once_in_order};

/// What an agent says is in the conversation in the order in which it was said, once, with dense places.
pub async fn what_is_said_is_kept_in_order_and_once(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    assert_once_in_order(&stage.text(id).await, &LINES);
}

/// When its turn ends the agent is `idle`, after all that it has said in the turn, and says nothing more by itself.
pub async fn an_agent_is_idle_when_its_turn_has_ended(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    let (idle, _) = *stage.statuses(id).await.last().expect("it was running");
    let said = stage.said(id).await;
    let last = said.iter().rfind(|message| message.content.as_str().contains(LINES[9])).expect("its last line");
    assert!(last.seq < idle, "it is idle before it has said everything");
    stage.assert_silent(id).await;
}

/// Of five thousand messages none is lost, doubled or out of order.
pub async fn very_much_is_kept_whole(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::SaysMuch).await;
    stage
        .until("it has said everything", async || {
            let status = stage.session(id).await.status;
            matches!(status, SessionStatus::Idle | SessionStatus::Completed).then_some(())
        })
        .await;
    let text = stage.text(id).await;
    let said: Vec<&str> = text.split_inclusive(';').filter(|line| line.contains('#')).collect();
    assert_eq!(said.len(), MANY);
    for (place, line) in said.iter().enumerate() {
        let expected = format!("#{};", place % 100);
        assert!(line.ends_with(&expected), "message {place} is {line:?}");
    }
}

/// Bytes that nobody can read end neither the agent nor its turn, and lose nothing of what comes after them.
pub async fn unreadable_bytes_end_nothing(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::WritesGarbage).await;
    stage.until_said(id, BYE).await;
    stage.until_status(id, SessionStatus::Idle).await;
    stage.assert_runs(id).await;
}
