//! Browsers: they go, and their subscribers do.

use serde_json::json;

use super::*;
use crate::api_key::SecretHash;
use crate::ids::KeyId;
use crate::operator::Role;
use crate::session::SessionPlace;
use crate::text::{JsonObject, KeyName};

fn key() -> ApiKey {
    ApiKey {
        id: KeyId::new("0123456789ab").expect("valid"),
        secret_hash: SecretHash::of("hush"),
        role: Role::Viewer,
        name: KeyName::new("a browser").expect("valid"),
        bound_to: None,
        place: SessionPlace::default(),
        missions: None,
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
    }
}

fn browser() -> Play {
    let settings = JsonObject::trusted(json!({"endpoint": "https://push.example/1", "key": "0123456789ab"}));
    let play = Play::new(Sink { form: SinkForm::WebPush, settings, ..sink("push-1") });
    play.on(|it| it.key = Some(key()));
    play.events([status(1, SessionStatus::Idle), status(1, SessionStatus::Idle)]);
    play
}

#[tokio::test]
async fn a_browser_is_told_while_its_subscriber_has_a_key() {
    let play = browser();
    play.pass("r1").await;
    assert_eq!(play.on(|it| (it.sent.len(), it.removed.clone())), (2, None));
    play.on(|it| it.key = it.key.take().map(|key| ApiKey { revoked_at: Some(at(0)), ..key }));
    play.events([status(1, SessionStatus::Idle)]);
    play.pass("r1").await;
    let why = Some("the key of the subscriber is not good any more".to_owned());
    assert_eq!(play.on(|it| (it.sent.len(), it.removed.clone(), it.sink.is_none())), (2, why, true));
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_another_receiver_is_not() {
    let gone = || SendFailed { gone: true, ..SendFailed::new("410") };
    let play = browser();
    play.on(|it| it.answers = vec![gone()]);
    play.pass("r1").await;
    let why = Some("the browser has ended its subscription".to_owned());
    assert_eq!(play.on(|it| (it.sent.len(), it.removed.clone())), (0, why));
    let play = Play::new(sink("ops"));
    play.events([status(1, SessionStatus::Idle)]);
    play.on(|it| it.answers = vec![gone()]);
    play.pass("r1").await;
    assert_eq!(play.on(|it| (it.removed.clone(), it.sink.is_some())), (None, true));
}
