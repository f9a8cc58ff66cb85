//! How agents come up.

use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;

use crate::fixture::{Behaviour, Fixture, LINES};
use crate::stage::{Stage, assert_once_in_order};

/// An agent that is started reports `running`, from `spawning`, and its session then has a start.
pub async fn a_spawn_goes_from_spawning_to_running(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Says).await;
    stage.until_status(id, SessionStatus::Idle).await;
    let reached: Vec<SessionStatus> = stage.statuses(id).await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(reached.first(), Some(&SessionStatus::Running), "{reached:?}");
    assert!(stage.session(id).await.started_at.is_some());
}

/// The prompt is in the conversation once, with the role `user`, before all that the agent says.
pub async fn the_prompt_is_the_first_message_of_the_user(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    let prompt = fixture.wants(Behaviour::Says).prompt;
    let messages = stage.messages(id).await;
    let of_user: Vec<_> = messages.iter().filter(|message| message.role == MessageRole::User).collect();
    assert_eq!(of_user.len(), 1, "{of_user:?}");
    assert_eq!(of_user[0].content, prompt);
    let first = messages.iter().find(|message| message.role != MessageRole::System).expect("the prompt");
    assert_eq!(first.id, of_user[0].id, "something was said before it");
}

/// A start that fails is refused before there is a session, or its session is `failed` with a reason. It never stays
/// `spawning`.
pub async fn one_that_cannot_be_started_is_failed_with_the_reason(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let new = stage.new_session(Behaviour::CannotStart, None);
    let id = new.session_id.expect("given");
    if let Err(refused) = stage.try_start(Behaviour::CannotStart, new).await {
        assert!(!refused.to_string().is_empty(), "nobody knows why");
        let session = stage.find(id).await;
        assert!(session.is_none_or(|session| session.status == SessionStatus::Failed), "it was refused: {refused}");
        return;
    }
    let session = stage.until_status(id, SessionStatus::Failed).await;
    assert!(session.status_reason.is_some(), "nobody knows why");
    assert!(session.started_at.is_none(), "it never ran");
    stage.assert_gone(id).await;
}

/// A spawn that is repeated under the same session id, at once or later, starts one agent.
pub async fn a_spawn_that_is_repeated_starts_one_agent(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let new = stage.new_session(Behaviour::Says, None);
    let id = new.session_id.expect("given");
    let (one, other) =
        tokio::join!(stage.try_start(Behaviour::Says, new.clone()), stage.try_start(Behaviour::Says, new.clone()));
    assert_eq!((one.expect("spawned"), other.expect("spawned before")), (id, id));
    // What the use case does not do, a program that repeats its requests may.
    let session = stage.session(id).await;
    let provider = fixture.providers().get(&session.provider).expect("the provider");
    provider.spawn(&session, Some(fixture.wants(Behaviour::Says).prompt)).await.expect("started before");
    stage.try_start(Behaviour::Says, new).await.expect("spawned before");
    stage.until_status(id, SessionStatus::Idle).await;
    stage.let_pass().await;
    assert_once_in_order(&stage.text(id).await, &LINES);
    let of_user = stage.messages(id).await.iter().filter(|message| message.role == MessageRole::User).count();
    assert_eq!(of_user, 1, "the prompt was told twice");
}
