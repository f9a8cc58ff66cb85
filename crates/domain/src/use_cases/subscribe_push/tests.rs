use super::*;
use crate::fixtures::at;
use crate::ids::{FeedPosition, KeyId};
use crate::mission_set::MissionSet;
use crate::operator::{Actor, Role};
use crate::ports::{MockSecretSealer, MockSinkSender};
use crate::provider_config::{CredentialDigest, SealedCredential, Secret, SettingsSchema};
use crate::session::SessionPlace;
use crate::sink::fixtures::sink;
use crate::text::{MissionId, RequestId};
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

const ENDPOINT: &str = "https://push.example/send/1";

fn principal(key: &str) -> Principal {
    let missions = MissionSet::new([MissionId::new("apollo").expect("valid")]).ok();
    let key_id = KeyId::new(key).expect("valid");
    Principal { key_id, role: Role::Viewer, bound_to: None, place: SessionPlace::default(), missions }
}

fn subscription() -> PushSubscription {
    let secret = |text: &str| Secret::new(text.to_owned()).expect("valid");
    PushSubscription {
        endpoint: ENDPOINT.to_owned(),
        p256dh: "p".to_owned(),
        auth: secret("a"),
        server_key: secret("k"),
    }
}

fn subscribed(key: &str, endpoint: &str) -> Sink {
    let settings = JsonObject::trusted(json!({"endpoint": endpoint, "key": key}));
    let name = PushSubscription::sink(endpoint).expect("a name");
    Sink { name, form: SinkForm::WebPush, settings, ..sink("ops") }
}

fn origin() -> Origin {
    Origin::new(Actor::system(), RequestId::from(uuid::Uuid::nil()))
}

fn ports(mocks: MockPorts) -> Ports {
    let mut sender = MockSinkSender::new();
    sender.expect_schema().returning(|_| SettingsSchema::new(json!({"type": "object"})).expect("known words"));
    let names = [PushSubscription::AUTH, PushSubscription::SERVER_KEY];
    let names = names.map(|name| CredentialName::new(name).expect("valid"));
    sender.expect_credentials().returning(move |_| names.to_vec());
    sender.expect_check().returning(|_, _, _| Vec::new());
    let mut sealer = MockSecretSealer::new();
    sealer.expect_seal().returning(|_, _, _| {
        let owned = |text: &str| text.to_owned();
        let digest = CredentialDigest(owned("d"));
        Ok(SealedCredential { key_id: owned("k"), nonce: owned("00"), ciphertext: owned("c0ffee"), digest })
    });
    mocks.ports().with_sealer(Arc::new(sealer)).with_sink_sender(Arc::new(sender))
}

#[tokio::test]
async fn a_subscription_sends_what_its_subscriber_may_see_and_needs_a_person() {
    let mut mocks = MockPorts::default();
    mocks.sinks.expect_sink().returning(|_| Ok(None));
    mocks.sinks.expect_sinks().returning(|| Ok(Vec::new()));
    mocks.feed.expect_head().returning(|| Ok(FeedPosition::new(9)));
    mocks.sinks.expect_change_sink().times(1).returning(|change| {
        let draft = change.draft.clone().expect("a draft");
        assert_eq!((draft.form, draft.filter.needs_person, draft.transcript), (SinkForm::WebPush, true, false));
        assert_eq!(draft.filter.missions.iter().map(MissionId::as_str).collect::<Vec<_>>(), ["apollo"]);
        assert_eq!((draft.begins, change.expected), (Some(9), Expected::Absent));
        assert_eq!(draft.settings.as_map()["contact"], "https://deck.example");
        assert_eq!((draft.credentials.len(), change.by.at), (2, at(0)));
        Ok(subscribed("0123456789ab", ENDPOINT))
    });
    let url = PublicUrl::new("https://deck.example").ok();
    let push = SubscribePush::new(&ports(mocks), url);
    let (sink, is_new) =
        push.subscribe(&principal("0123456789ab"), subscription(), origin()).await.expect("subscribed");
    assert!(is_new && sink.subscriber() == Some("0123456789ab"));
}

#[tokio::test]
async fn a_key_has_so_many_subscriptions_and_no_more() {
    let mut mocks = MockPorts::default();
    mocks.sinks.expect_sink().returning(|_| Ok(None));
    let of = |n| subscribed("0123456789ab", &format!("https://push.example/{n}"));
    mocks.sinks.expect_sinks().returning(move || Ok((0..PushSubscription::MOST_OF_A_KEY).map(of).collect()));
    mocks.sinks.expect_change_sink().never();
    let push = SubscribePush::new(&ports(mocks), None);
    let refused = push.subscribe(&principal("0123456789ab"), subscription(), origin()).await;
    assert!(refused.expect_err("too many").to_string().contains("at most 20"));
}

#[tokio::test]
async fn only_who_has_subscribed_ends_a_subscription() {
    let mut mocks = MockPorts::default();
    mocks.sinks.expect_sink().returning(|_| Ok(Some(subscribed("0123456789ab", ENDPOINT))));
    mocks.sinks.expect_sinks().returning(|| Ok(vec![subscribed("0123456789ab", ENDPOINT), sink("ops")]));
    mocks.sinks.expect_change_sink().times(1).returning(|change| {
        assert!(change.draft.is_none());
        Ok(subscribed("0123456789ab", ENDPOINT))
    });
    let push = SubscribePush::new(&ports(mocks), None);
    let (own, other) = (principal("0123456789ab"), principal("ba9876543210"));
    assert!(!push.unsubscribe(&other, ENDPOINT, origin()).await.expect("asked"));
    assert!(push.unsubscribe(&own, ENDPOINT, origin()).await.expect("asked"));
    assert_eq!((push.of(&own).await.expect("read").len(), push.of(&other).await.expect("read").len()), (1, 0));
}
