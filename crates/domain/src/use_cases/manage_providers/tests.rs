use serde_json::json;

use super::*;
use crate::fixtures::at;
use crate::operator::Actor;
use crate::ports::{MockProviderKind, MockSecretSealer, ProviderKind};
use crate::provider_config::{CredentialDigest, SealedCredential, SettingsSchema};
use crate::text::RequestId;
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

fn name(text: &str) -> ConfigName {
    ConfigName::new(text).expect("valid")
}

fn robots() -> ProviderName {
    ProviderName::new("robots").expect("valid")
}

fn credential(text: &str) -> CredentialName {
    CredentialName::new(text).expect("valid")
}

fn new(settings: serde_json::Value) -> NewProviderConfig {
    NewProviderConfig {
        kind: robots(),
        display_name: None,
        enabled: true,
        settings: JsonObject::trusted(settings),
        credentials: BTreeMap::from([(credential("TOKEN"), Secret::new("hush".to_owned()).ok())]),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
    }
}

fn origin() -> Origin {
    Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"))
}

/// A kind with one setting, whose trial says what it was given.
fn kind(takes_credentials: bool) -> MockProviderKind {
    let mut kind = MockProviderKind::new();
    kind.expect_kind().returning(robots);
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["command"],
        "properties": {"command": {"type": "string"}}});
    kind.expect_schema().returning(move || SettingsSchema::new(schema.clone()).expect("known words"));
    kind.expect_takes_credentials().return_const(takes_credentials);
    kind.expect_check().returning(|_, _| Vec::new());
    kind.expect_of_file().returning(Vec::new);
    kind.expect_test().returning(|_, credentials| {
        let told = credentials.values().map(Secret::reveal).collect::<String>();
        Err(TrialFailed(format!("it says: bad key {told}")))
    });
    kind
}

fn providers(kind: MockProviderKind) -> Providers {
    let kind: Arc<dyn ProviderKind> = Arc::new(kind);
    Providers::default().with_kind(kind).without_kind(ProviderName::runner(), "there are none")
}

fn sealed(config: &ConfigName, name: &CredentialName, secret: &Secret) -> SealedCredential {
    SealedCredential {
        key_id: "k".to_owned(),
        nonce: "00".to_owned(),
        ciphertext: format!("{}{}", config.as_str().len() + name.as_str().len(), secret.reveal().len()),
        digest: CredentialDigest("d".to_owned()),
    }
}

fn ports(mocks: MockPorts) -> Ports {
    let mut sealer = MockSecretSealer::new();
    sealer.expect_seal().returning(|config, name, secret| Ok(sealed(config, name, secret)));
    sealer.expect_open().returning(|_, _, _| Ok(Secret::new("hush".to_owned()).expect("valid")));
    mocks.ports().with_sealer(Arc::new(sealer))
}

fn stored(mocks: &mut MockPorts, config: Option<ProviderConfig>) {
    mocks.provider_configs.expect_provider_config().returning(move |_| Ok(config.clone()));
}

async fn refused(named: &str, wanted: NewProviderConfig, kind: MockProviderKind) -> Vec<String> {
    let mut mocks = MockPorts::default();
    stored(&mut mocks, None);
    let manage = ManageProviders::new(&ports(mocks), &providers(kind));
    match manage.set(name(named), wanted, Expected::Absent, origin()).await {
        Err(ManageProviderError::Invalid(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_stored_is_sealed_and_checked() {
    let mut mocks = MockPorts::default();
    stored(&mut mocks, None);
    mocks.provider_configs.expect_change_provider_config().times(1).returning(|change| {
        assert_eq!((change.expected, change.by.at), (Expected::Absent, at(0)));
        assert!(!format!("{change:?}").contains("hush"));
        Ok(change.decide(None).outcome.expect("allowed").into_config())
    });
    let manage = ManageProviders::new(&ports(mocks), &providers(kind(true)));
    let made = manage.set(name("a"), new(json!({"command": "c"})), Expected::Absent, origin()).await.expect("made");
    assert_eq!(made.credentials[&credential("TOKEN")].key_id, "k");
}

#[tokio::test]
async fn bad_configurations_are_refused_at_the_field() {
    let good = || new(json!({"command": "c"}));
    assert_eq!(
        refused("a", new(json!({"command": 1})), kind(true)).await,
        ["settings.command: must be of the type string"]
    );
    let unknown = NewProviderConfig { kind: ProviderName::new("ropots").expect("valid"), ..good() };
    let told = refused("a", unknown, kind(true)).await;
    assert_eq!(told, ["kind: there is no kind \"ropots\"; this server has internal, robots"]);
    let missing = NewProviderConfig { kind: ProviderName::runner(), ..good() };
    let told = refused("a", missing, kind(true)).await;
    assert_eq!(told, ["kind: the kind runner is not installed on this server: there are none"]);
    let told = refused("a", good(), kind(false)).await;
    assert_eq!(told, ["credentials.TOKEN: the kind robots takes no credentials"]);
    assert!(refused("robots", good(), kind(true)).await[0].starts_with("name: robots is the name of a kind"));
    assert!(refused("a/b", good(), kind(true)).await[0].starts_with("name: is not a name"));
    let limits = ConfigLimits { at_once: Some(0), budget: None, ..ConfigLimits::default() };
    let told = refused("a", NewProviderConfig { limits, ..good() }, kind(true)).await;
    assert_eq!(told, ["limits.atOnce: 1 to 1000 is allowed"]);
}

fn config() -> ProviderConfig {
    let draft = ConfigDraft {
        kind: robots(),
        display_name: None,
        enabled: false,
        settings: JsonObject::default(),
        credentials: BTreeMap::from([(
            credential("TOKEN"),
            Some(sealed(&name("a"), &credential("TOKEN"), &Secret::new("hush".to_owned()).expect("valid"))),
        )]),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
    };
    let by = origin().at(at(0));
    let change = ConfigChange { name: name("a"), draft: Some(draft), expected: Expected::Absent, by };
    change.decide(None).outcome.expect("made").into_config()
}

#[tokio::test]
async fn a_configuration_of_the_file_cannot_be_changed() {
    let mut of_file = MockProviderKind::new();
    of_file.expect_kind().returning(robots);
    of_file.expect_of_file().returning(|| vec![ProviderConfig { changed: None, revision: 0, ..config() }]);
    let manage = ManageProviders::new(&ports(MockPorts::default()), &providers(of_file));
    let set = manage.set(name("a"), new(json!({})), Expected::Revision(0), origin()).await;
    assert!(matches!(set, Err(ManageProviderError::OfFile(_))), "{set:?}");
    let removed = manage.remove(name("a"), 0, origin()).await;
    assert!(matches!(removed, Err(ManageProviderError::OfFile(_))), "{removed:?}");
}

#[tokio::test]
async fn a_trial_is_on_record_before_it_begins_and_repeats_no_credential() {
    let mut mocks = MockPorts::default();
    stored(&mut mocks, Some(config()));
    mocks
        .actions
        .expect_record()
        .withf(|entry| entry.action == ActionName::ProviderTest && entry.target == AuditTarget::Provider(name("a")))
        .times(1)
        .returning(|_| Ok(crate::ids::AuditSeq::new(1)));
    let manage = ManageProviders::new(&ports(mocks), &providers(kind(true)));
    let failed = manage.test(name("a"), origin()).await.expect_err("it fails").to_string();
    assert_eq!(failed, "it says: bad key (credential TOKEN)");
}

#[tokio::test]
async fn a_trial_that_cannot_be_recorded_starts_nothing() {
    let mut mocks = MockPorts::default();
    stored(&mut mocks, Some(config()));
    mocks.actions.expect_record().returning(|_| Err(StoreUnavailable::new("the disk is full")));
    let mut never = MockProviderKind::new();
    never.expect_kind().returning(robots);
    never.expect_of_file().returning(Vec::new);
    let manage = ManageProviders::new(&ports(mocks), &providers(never));
    assert!(matches!(manage.test(name("a"), origin()).await, Err(ManageProviderError::Unavailable(_))));
}
