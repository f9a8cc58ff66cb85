use serde_json::json;

use super::*;
use crate::fixtures::at;
use crate::ids::{AuditSeq, FeedPosition};
use crate::operator::Actor;
use crate::ports::{MockSecretSealer, MockSinkSender};
use crate::provider_config::{ConfigName, CredentialDigest, SealedCredential, SettingsSchema};
use crate::sink::fixtures::{name, sink};
use crate::text::RequestId;
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

fn credential(text: &str) -> CredentialName {
    CredentialName::new(text).expect("valid")
}

fn new() -> NewSink {
    NewSink {
        form: SinkForm::Webhook,
        enabled: true,
        settings: JsonObject::trusted(json!({"url": "https://x.example"})),
        filter: SinkFilter::default(),
        transcript: false,
        most_tries: 5,
        credentials: BTreeMap::from([(credential("secret"), Secret::new("hush".to_owned()).ok())]),
        begins: None,
    }
}

fn origin() -> Origin {
    Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"))
}

fn sender() -> MockSinkSender {
    let mut sender = MockSinkSender::new();
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["url"],
        "properties": {"url": {"type": "string"}}});
    sender.expect_schema().returning(move |_| SettingsSchema::new(schema.clone()).expect("known words"));
    sender.expect_credentials().returning(|_| vec![credential("secret")]);
    sender.expect_check().returning(|_, _, credentials| {
        let missing = ConfigFault::new("credentials.secret", "is missing");
        if credentials.is_empty() { vec![missing] } else { Vec::new() }
    });
    sender
}

fn ports(mocks: MockPorts, sender: MockSinkSender) -> Ports {
    let mut sealer = MockSecretSealer::new();
    sealer.expect_seal().returning(|owner: &ConfigName, _, _| {
        let owned = |text: &str| text.to_owned();
        assert_eq!(owner.as_str(), "sink/ops");
        let digest = CredentialDigest(owned("d"));
        Ok(SealedCredential { key_id: owned("k"), nonce: owned("00"), ciphertext: owned("c0ffee"), digest })
    });
    sealer.expect_open().returning(|_, _, _| Ok(Secret::new("hush".to_owned()).expect("valid")));
    mocks.ports().with_sealer(Arc::new(sealer)).with_sink_sender(Arc::new(sender))
}

async fn told(new: NewSink) -> Vec<String> {
    let mut mocks = MockPorts::default();
    mocks.sinks.expect_sink().returning(|_| Ok(None));
    match ManageSinks::new(&ports(mocks, sender()), None).set(name("ops"), new, Expected::Absent, origin()).await {
        Err(ManageSinkError::Invalid(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_new_sink_is_sealed_and_begins_at_the_head_unless_it_is_told_otherwise() {
    for (begins, expected) in [(None, 77), (Some(Begins::Head), 77), (Some(Begins::Start), 0)] {
        let mut mocks = MockPorts::default();
        mocks.sinks.expect_sink().returning(|_| Ok(None));
        mocks.feed.expect_head().returning(|| Ok(FeedPosition::new(77)));
        mocks.sinks.expect_change_sink().times(1).returning(|change| {
            assert_eq!((change.expected, change.by.at), (Expected::Absent, at(0)));
            assert!(!format!("{change:?}").contains("hush"));
            Ok(change.decide(None).outcome.expect("allowed").into_sink())
        });
        let manage = ManageSinks::new(&ports(mocks, sender()), None);
        let made = manage.set(name("ops"), NewSink { begins, ..new() }, Expected::Absent, origin()).await;
        assert_eq!(made.expect("made").progress.cursor, expected, "{begins:?}");
    }
}

#[tokio::test]
async fn a_changed_sink_goes_on_where_it_is() {
    let mut mocks = MockPorts::default();
    mocks.sinks.expect_sink().returning(|_| Ok(Some(sink("ops"))));
    mocks.sinks.expect_change_sink().times(1).returning(|change| {
        assert_eq!(change.draft.as_ref().and_then(|draft| draft.begins), None);
        Ok(change.decide(Some(&sink("ops"))).outcome.expect("allowed").into_sink())
    });
    let manage = ManageSinks::new(&ports(mocks, sender()), None);
    manage.set(name("ops"), new(), Expected::Revision(1), origin()).await.expect("changed");
}

#[tokio::test]
async fn bad_sinks_are_refused_at_the_field() {
    let settings = JsonObject::trusted(json!({}));
    assert_eq!(told(NewSink { settings, ..new() }).await, ["settings.url: is missing"]);
    assert_eq!(told(NewSink { most_tries: 0, ..new() }).await, ["maxTries: 1 to 100 is allowed"]);
    assert_eq!(told(NewSink { most_tries: 101, ..new() }).await, ["maxTries: 1 to 100 is allowed"]);
    let credentials = BTreeMap::from([(credential("token"), Secret::new("hush".to_owned()).ok())]);
    assert_eq!(
        told(NewSink { credentials, ..new() }).await,
        ["credentials.token: the form webhook does not take it; it takes secret"]
    );
    assert_eq!(told(NewSink { credentials: BTreeMap::new(), ..new() }).await, ["credentials.secret: is missing"]);
    let missions = (0..51).filter_map(|n| crate::text::MissionId::new(format!("m{n}")).ok()).collect();
    let filter = SinkFilter { missions, ..SinkFilter::default() };
    assert_eq!(told(NewSink { filter, ..new() }).await, ["filter.missions: at most 50 are allowed"]);
    let filter = SinkFilter { needs_person: true, ..SinkFilter::default() };
    for (wrong, field) in [
        (NewSink { form: SinkForm::Syslog, filter, ..new() }, "filter"),
        (NewSink { form: SinkForm::CloudEvents, transcript: true, ..new() }, "transcript"),
    ] {
        let told = told(wrong).await;
        assert!(
            told.len() == 1 && told[0].starts_with(&format!("{field}: ")) && told[0].contains("audit log"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_trial_is_on_record_before_it_is_sent_and_does_not_repeat_the_credential() {
    let mut mocks = MockPorts::default();
    let sealed = |text: &str| text.to_owned();
    let digest = CredentialDigest(sealed("d"));
    let secret = SealedCredential { key_id: sealed("k"), nonce: sealed("0"), ciphertext: sealed("0"), digest };
    let mut ops = sink("ops");
    ops.enabled = false;
    ops.credentials.insert(credential("secret"), secret);
    mocks.sinks.expect_sink().returning(move |_| Ok(Some(ops.clone())));
    let mut order = mockall::Sequence::new();
    let recorded = |entry: &crate::audit::AuditDraft| entry.action == ActionName::SinkTest;
    mocks.actions.expect_record().withf(recorded).times(1).in_sequence(&mut order).returning(|_| Ok(AuditSeq::new(1)));
    let mut sender = sender();
    sender.expect_send().times(1).in_sequence(&mut order).returning(|message| {
        assert_eq!(message.credentials[&credential("secret")].reveal(), "hush");
        assert!(message.id.starts_with("test-"));
        Err(SendFailed::new("it says: bad key hush"))
    });
    let error = ManageSinks::new(&ports(mocks, sender), None).test(name("ops"), origin()).await.expect_err("failed");
    assert_eq!(error.to_string(), "the receiver did not accept the message: it says: bad key (credential secret)");
}

#[tokio::test]
async fn without_a_sender_nothing_is_set() {
    let manage = ManageSinks::new(&MockPorts::default().ports(), None);
    let error = manage.set(name("ops"), new(), Expected::Absent, origin()).await.expect_err("refused");
    assert!(matches!(error, ManageSinkError::NotSetUp));
}
