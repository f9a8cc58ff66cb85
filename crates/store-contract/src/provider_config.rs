//! Configurations of providers: [`flightdeck_domain::ports::ProviderConfigRepository`].

use std::collections::{BTreeMap, BTreeSet};

use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ports::{ConfigChangeError, SessionFilter};
use flightdeck_domain::provider_config::{
    Changed, ConfigChange, ConfigDraft, ConfigLimits, ConfigName, ConfigRefused, CredentialDigest, CredentialName,
    DisplayName, Expected, Label, ProviderConfig, Resealing, SealedCredential, StartedBy,
};
use flightdeck_domain::runner::WhenLost;
use flightdeck_domain::session::Registration;
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::usage::{Budget, Cost};
use serde_json::json;

use crate::given::{actor, at, by, object, registration};
use crate::state::State;
use crate::steps::{audit, newest_entry, register, session, sessions, together, verify};
use crate::{Harness, Store};

fn name(text: &str) -> ConfigName {
    ConfigName::new(text).expect("valid")
}

fn sealed(key: &str) -> SealedCredential {
    let digits = |text: &str| text.to_owned();
    SealedCredential {
        key_id: digits(key),
        nonce: digits("00ff"),
        ciphertext: digits("c0ffee"),
        digest: CredentialDigest(digits("d1")),
    }
}

fn credential(text: &str) -> CredentialName {
    CredentialName::new(text).expect("valid")
}

/// Something in every field.
fn draft() -> ConfigDraft {
    ConfigDraft {
        kind: ProviderName::acp(),
        display_name: Some(DisplayName::new("Claude \u{1F680} \"fast\"").expect("valid")),
        enabled: true,
        settings: object(json!({"command": "claude", "args": ["a\u{e9}"], "nested": {"n": 1.5e300, "no": null}})),
        credentials: BTreeMap::from([(credential("TOKEN"), Some(sealed("k1")))]),
        labels: BTreeSet::from([Label::new("gpu").expect("valid"), Label::new("zone=a").expect("valid")]),
        limits: ConfigLimits {
            at_once: Some(3),
            budget: Budget::new(Some(Cost::from_nanos(1_500_000_000)), Some(9_000)).ok(),
            when_lost: WhenLost { fail_after: Some(90), requeue: false },
        },
    }
}

/// The configuration of this name, made or changed at a second.
pub(crate) fn set(text: &str, expected: Expected, second: u32) -> ConfigChange {
    ConfigChange { name: name(text), draft: Some(draft()), expected, by: by(1, second) }
}

/// The configuration of this name, removed at a second.
pub(crate) fn remove(text: &str, revision: u64, second: u32) -> ConfigChange {
    ConfigChange { name: name(text), draft: None, expected: Expected::Revision(revision), by: by(1, second) }
}

/// Its credentials under another key.
pub(crate) fn resealing(text: &str, revision: u64, second: u32) -> Resealing {
    let credentials = BTreeMap::from([(credential("TOKEN"), sealed("k2"))]);
    Resealing { name: name(text), revision, credentials, by: by(1, second) }
}

async fn make(store: &dyn Store, text: &str) -> ProviderConfig {
    store.change_provider_config(set(text, Expected::Absent, 50)).await.expect("made")
}

fn refused(done: Result<ProviderConfig, ConfigChangeError>) -> ConfigRefused {
    match done {
        Err(ConfigChangeError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// Every field, full and empty, also after a change.
pub async fn a_configuration_reads_back_as_it_was_made(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.provider_config(name("claude")).await.expect("read"), None);
    let made = make(&*store, "claude").await;
    let expected = ProviderConfig {
        name: name("claude"),
        kind: ProviderName::acp(),
        display_name: draft().display_name,
        enabled: true,
        settings: draft().settings,
        credentials: BTreeMap::from([(credential("TOKEN"), sealed("k1"))]),
        labels: draft().labels,
        limits: draft().limits,
        revision: 1,
        changed: Some(Changed { by: actor(1), at: at(50) }),
    };
    assert_eq!(made, expected);
    assert_eq!(store.provider_config(name("claude")).await.expect("read"), Some(expected));
    let bare = ConfigDraft {
        kind: ProviderName::acp(),
        display_name: None,
        enabled: false,
        settings: object(json!({})),
        credentials: BTreeMap::from([(credential("TOKEN"), None)]),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
    };
    let change = ConfigChange { draft: Some(bare.clone()), by: by(2, 60), ..set("claude", Expected::Revision(1), 60) };
    let changed = store.change_provider_config(change).await.expect("changed");
    let found = store.provider_config(name("claude")).await.expect("read").expect("there");
    assert_eq!(found, changed);
    assert_eq!((found.revision, found.enabled, found.display_name), (2, false, None));
    assert_eq!((found.credentials.len(), found.labels.len(), found.limits), (0, 0, ConfigLimits::default()));
    assert_eq!((found.settings, found.changed), (bare.settings, Some(Changed { by: actor(2), at: at(60) })));
}

/// In the order of the bytes, whatever the language of the database is; without those that were removed.
pub async fn configurations_are_listed_by_name(harness: &dyn Harness) {
    let store = harness.store();
    for text in ["b", "a", "B", "_"] {
        make(&*store, text).await;
    }
    let removed = store.change_provider_config(remove("a", 1, 60)).await.expect("removed");
    assert_eq!(removed.name, name("a"));
    let listed = store.provider_configs().await.expect("read");
    let names: Vec<_> = listed.iter().map(|config| config.name.as_str()).collect();
    assert_eq!(names, ["B", "_", "b"]);
    assert_eq!(store.provider_config(name("a")).await.expect("read"), None);
}

/// One made anew after its removal begins at 1 again.
pub async fn a_change_needs_the_revision_that_is_there(harness: &dyn Harness) {
    let store = harness.store();
    let change = |change| store.change_provider_config(change);
    assert!(matches!(refused(change(set("x", Expected::Revision(1), 50)).await), ConfigRefused::Unknown(_)));
    assert!(matches!(refused(change(remove("x", 1, 50)).await), ConfigRefused::Unknown(_)));
    make(&*store, "x").await;
    assert!(matches!(refused(change(set("x", Expected::Absent, 51)).await), ConfigRefused::Exists { revision: 1, .. }));
    assert_eq!(change(set("x", Expected::Revision(1), 52)).await.expect("changed").revision, 2);
    let before = store.provider_configs().await.expect("read");
    let stale = [set("x", Expected::Revision(1), 53), remove("x", 1, 53), set("x", Expected::Revision(3), 53)];
    for wanted in stale {
        assert!(matches!(refused(change(wanted).await), ConfigRefused::Stale { current: 2, .. }));
    }
    assert_eq!(store.provider_configs().await.expect("read"), before);
    change(remove("x", 2, 54)).await.expect("removed");
    assert_eq!(make(&*store, "x").await.revision, 1);
}

/// Of many who know the same revision one changes it, and the others are told.
pub async fn one_of_many_racing_changes_is_done(harness: &dyn Harness) {
    make(&*harness.store(), "x").await;
    let done = together(8, |n| {
        let store = harness.store();
        async move { store.change_provider_config(set("x", Expected::Revision(1), 60 + n)).await }
    })
    .await;
    let (good, bad): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for one in bad {
        assert!(matches!(refused(one), ConfigRefused::Stale { expected: 1, current: 2, .. }));
    }
    let store = harness.store();
    assert_eq!(store.provider_config(name("x")).await.expect("read").expect("there").revision, 2);
    assert_eq!(verify(&*store).await.entries, 9);
}

/// Where nothing is there to be locked, too.
pub async fn one_of_many_racing_first_ones_is_made(harness: &dyn Harness) {
    let done = together(8, |n| {
        let store = harness.store();
        async move { store.change_provider_config(set("x", Expected::Absent, 60 + n)).await }
    })
    .await;
    let (good, bad): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for one in bad {
        assert!(matches!(refused(one), ConfigRefused::Exists { revision: 1, .. }));
    }
    assert_eq!(verify(&*harness.store()).await.entries, 8);
}

/// Who did what, refusals too; of credentials only digests.
pub async fn changes_of_a_configuration_are_on_record(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    refused(store.change_provider_config(set("x", Expected::Revision(7), 51)).await);
    store.change_provider_config(remove("x", 1, 52)).await.expect("removed");
    let expected = [
        (ActionName::ProviderSet, AuditOutcome::Accepted, 50),
        (ActionName::ProviderSet, AuditOutcome::Refused, 51),
        (ActionName::ProviderRemove, AuditOutcome::Accepted, 52),
    ];
    let entries = audit(&*store).await;
    assert_eq!(entries.len(), expected.len());
    for (sealed, (action, outcome, second)) in entries.iter().zip(expected) {
        let entry = sealed.entry().expect("readable");
        assert_eq!((entry.action, entry.outcome, entry.at), (action, outcome, at(second)));
        assert_eq!((entry.target, entry.actor), (AuditTarget::Provider(name("x")), actor(1)));
        assert!(!String::from_utf8_lossy(&sealed.bytes).contains("c0ffee"));
    }
    assert_eq!(entries[0].entry().expect("readable").details["credentials"], "TOKEN=d1");
    assert!(verify(&*store).await.valid);
}

/// No change without a record of who made it.
pub async fn a_change_without_its_entry_is_not_made(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    let wanted = [set("y", Expected::Absent, 51), set("x", Expected::Revision(1), 51), remove("x", 1, 51)];
    for change in wanted {
        let error = store.change_provider_config(change).await.expect_err("no entry, no change");
        assert!(matches!(error, ConfigChangeError::Unavailable(_)), "{error:?}");
    }
    store.reseal_credentials(resealing("x", 1, 51)).await.expect_err("no entry, no change");
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
    assert!(store.reseal_credentials(resealing("x", 1, 52)).await.expect("asked"));
}

/// The revision stays; a configuration that was changed meanwhile is left alone.
pub async fn credentials_are_sealed_anew_on_record_and_nothing_else_changes(harness: &dyn Harness) {
    let store = harness.store();
    let before = make(&*store, "x").await;
    assert!(store.reseal_credentials(resealing("x", 1, 60)).await.expect("asked"));
    let after = store.provider_config(name("x")).await.expect("read").expect("there");
    let credentials = BTreeMap::from([(credential("TOKEN"), sealed("k2"))]);
    assert_eq!(after, ProviderConfig { credentials, ..before });
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.details["keyId"].as_str()), (ActionName::SecretsRotate, "k2"));
    let entries = audit(&*store).await.len();
    assert!(!store.reseal_credentials(resealing("x", 2, 61)).await.expect("asked"));
    assert!(!store.reseal_credentials(resealing("y", 1, 61)).await.expect("asked"));
    assert_eq!(audit(&*store).await.len(), entries);
}

/// Its name and revision, whatever becomes of the configuration.
pub async fn a_session_keeps_the_configuration_that_started_it(harness: &dyn Harness) {
    let store = harness.store();
    let started_by = Some(StartedBy { name: name("x"), revision: 7 });
    let started = register(&*store, Registration { started_by: started_by.clone(), ..registration(1) }).await;
    assert_eq!(started.started_by, started_by);
    assert_eq!(register(&*store, registration(2)).await.started_by, None);
    assert_eq!(session(&*store, 1).await.started_by, started_by);
    assert_eq!(session(&*store, 2).await.started_by, None);
    let listed = sessions(&*store, SessionFilter::default()).await;
    let listed = listed.into_iter().find(|session| session.id == started.id).expect("listed");
    assert_eq!(listed.started_by, started_by);
    let again = Registration { started_by: started_by.clone(), ..registration(1) };
    let again = store.register(again).await.expect("harmless");
    assert_eq!((again.created, again.session.started_by), (false, started_by));
}
