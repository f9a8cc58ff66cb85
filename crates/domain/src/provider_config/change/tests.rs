use super::super::CredentialDigest;
use super::*;
use crate::fixtures::{at, attribution};

fn sealed(key: &str, digest: &str) -> SealedCredential {
    SealedCredential {
        key_id: key.to_owned(),
        nonce: "00".to_owned(),
        ciphertext: "c1a0".to_owned(),
        digest: CredentialDigest(digest.to_owned()),
    }
}

fn name() -> ConfigName {
    ConfigName::new("claude").expect("valid")
}

fn credential(text: &str) -> CredentialName {
    CredentialName::new(text).expect("valid")
}

fn draft(credentials: &[(&str, Option<&str>)]) -> ConfigDraft {
    let settings = serde_json::json!({"command": "claude-acp"});
    ConfigDraft {
        kind: ProviderName::acp(),
        display_name: None,
        enabled: true,
        settings: JsonObject::trusted(settings),
        credentials: credentials
            .iter()
            .map(|(name, digest)| (credential(name), digest.map(|digest| sealed("k1", digest))))
            .collect(),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
    }
}

fn change(draft: Option<ConfigDraft>, expected: Expected) -> ConfigChange {
    ConfigChange { name: name(), draft, expected, by: attribution("because") }
}

fn made(credentials: &[(&str, Option<&str>)]) -> ProviderConfig {
    change(Some(draft(credentials)), Expected::Absent).decide(None).outcome.expect("made").into_config()
}

#[test]
fn a_change_needs_the_revision_that_is_there() {
    let config = made(&[]);
    assert_eq!((config.revision, config.changed.as_ref().map(|changed| changed.at)), (1, Some(at(0))));
    let again = change(Some(draft(&[])), Expected::Revision(1)).decide(Some(&config));
    let second = again.outcome.expect("changed").into_config();
    assert_eq!(second.revision, 2);
    let refused = |draft, expected, existing: Option<&ProviderConfig>| {
        let decision = change(draft, expected).decide(existing);
        assert_eq!(decision.audit.outcome, AuditOutcome::Refused);
        let refused = decision.outcome.expect_err("refused");
        assert_eq!(decision.audit.details["refusal"], refused.to_string());
        refused
    };
    let stale = ConfigRefused::Stale { name: name(), expected: 1, current: 2 };
    assert_eq!(refused(Some(draft(&[])), Expected::Revision(1), Some(&second)), stale);
    assert_eq!(refused(None, Expected::Revision(1), Some(&second)), stale);
    let exists = ConfigRefused::Exists { name: name(), revision: 2 };
    assert_eq!(refused(Some(draft(&[])), Expected::Absent, Some(&second)), exists);
    assert_eq!(refused(Some(draft(&[])), Expected::Revision(1), None), ConfigRefused::Unknown(name()));
    assert_eq!(refused(None, Expected::Revision(1), None), ConfigRefused::Unknown(name()));
    let other = ConfigDraft { kind: ProviderName::scripted(), ..draft(&[]) };
    let kind = ConfigRefused::OtherKind { name: name(), kind: ProviderName::acp() };
    assert_eq!(refused(Some(other), Expected::Revision(2), Some(&second)), kind);
}

#[test]
fn credentials_that_are_not_named_stay_and_null_removes_one() {
    let config = made(&[("A", Some("da")), ("B", Some("db")), ("C", Some("dc"))]);
    let changed = change(Some(draft(&[("B", Some("db2")), ("C", None)])), Expected::Revision(1)).decide(Some(&config));
    assert_eq!(changed.audit.details["credentials"], "B=db2, C removed");
    assert_eq!(changed.audit.details["changed"], "credentials");
    let digests: Vec<_> = changed
        .outcome
        .expect("changed")
        .into_config()
        .credentials
        .into_iter()
        .map(|(name, sealed)| (name.to_string(), sealed.digest.0))
        .collect();
    assert_eq!(digests, [("A".to_owned(), "da".to_owned()), ("B".to_owned(), "db2".to_owned())]);
    let many: Vec<String> = (0..=ProviderConfig::MOST_CREDENTIALS).map(|n| format!("N{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), Some("d"))).collect();
    let decision = change(Some(draft(&many)), Expected::Absent).decide(None);
    assert_eq!(decision.outcome, Err(ConfigRefused::TooManyCredentials));
}

#[test]
fn the_entry_has_digests_and_neither_settings_nor_credentials() {
    let decision = change(Some(draft(&[("A", Some("da"))])), Expected::Absent).decide(None);
    let told = format!("{:?}", decision.audit);
    assert!(!told.contains("claude-acp") && !told.contains("c1a0"), "{told}");
    let names: Vec<&str> = decision.audit.details.keys().map(String::as_str).collect();
    assert_eq!(names, ["credentials", "enabled", "kind", "revision", "settingsSha256"]);
    assert_eq!(decision.audit.target, AuditTarget::Provider(name()));
}

#[test]
fn credentials_are_sealed_anew_only_at_the_revision_that_was_read() {
    let config = made(&[("A", Some("da"))]);
    let anew = |revision, names: &[&str]| Resealing {
        name: name(),
        revision,
        credentials: names.iter().map(|name| (credential(name), sealed("k2", "da"))).collect(),
        by: attribution("rotation"),
    };
    let (after, audit) = anew(1, &["A"]).decide(Some(&config)).expect("fits");
    assert_eq!((after.revision, after.credentials[&credential("A")].key_id.as_str()), (1, "k2"));
    assert_eq!(audit.details["keyId"], "k2");
    assert_eq!(anew(2, &["A"]).decide(Some(&config)), None);
    assert_eq!(anew(1, &["A", "B"]).decide(Some(&config)), None);
    assert_eq!(anew(1, &["A"]).decide(None), None);
}
