use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::*;
use crate::fixtures::at;
use crate::operator::Actor;
use crate::ports::{MockAgentProvider, MockProviderKind, MockSecretSealer, ProviderKind};
use crate::provider_config::{Changed, ConfigLimits, CredentialDigest, SealedCredential, Secret};
use crate::text::JsonObject;
use crate::use_cases::testing::MockPorts;

fn robots() -> ProviderName {
    ProviderName::new("robots").expect("valid")
}

fn config(name: &str) -> ProviderConfig {
    let sealed = SealedCredential {
        key_id: "k".to_owned(),
        nonce: "00".to_owned(),
        ciphertext: "00".to_owned(),
        digest: CredentialDigest("d".to_owned()),
    };
    ProviderConfig {
        name: ConfigName::new(name).expect("valid"),
        kind: robots(),
        display_name: None,
        enabled: true,
        settings: JsonObject::default(),
        credentials: BTreeMap::from([(CredentialName::new("TOKEN").expect("valid"), sealed)]),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
        revision: 7,
        changed: Some(Changed { by: Actor::local_cli(), at: at(0) }),
    }
}

/// A kind with an agent of the file that is called `filed`; what it is to build needs the credential.
fn providers() -> Providers {
    let mut provider = MockAgentProvider::new();
    provider.expect_name().returning(robots);
    provider.expect_agent_types().returning(|| Some(vec![AgentType::new("filed").expect("valid")]));
    let mut kind = MockProviderKind::new();
    kind.expect_kind().returning(robots);
    kind.expect_of_file().returning(|| {
        let of_file = ProviderConfig { credentials: BTreeMap::new(), revision: 0, changed: None, ..config("filed") };
        vec![of_file]
    });
    kind.expect_build().returning(|config, credentials| {
        let hush: Vec<&str> = credentials.values().map(Secret::reveal).collect();
        let expected: &[&str] = if config.changed.is_some() { &["hush"] } else { &[] };
        assert_eq!(hush, expected);
        Ok(Arc::new(MockAgentProvider::new()))
    });
    let kind: Arc<dyn ProviderKind> = Arc::new(kind);
    Providers::default().with(Arc::new(provider)).with_kind(kind)
}

async fn resolved(
    stored: Vec<ProviderConfig>,
    provider: Option<&str>,
    agent_type: &str,
) -> Result<(String, Option<u64>), ResolveError> {
    let mut mocks = MockPorts::default();
    let all = stored.clone();
    mocks.provider_configs.expect_provider_configs().returning(move || Ok(all.clone()));
    let found = move |name: ConfigName| Ok(stored.iter().find(|config| config.name == name).cloned());
    mocks.provider_configs.expect_provider_config().returning(found);
    let mut sealer = MockSecretSealer::new();
    sealer.expect_open().returning(|config, _, _| match config.as_str() {
        "lost" => Err(SealedFault::UnknownKey("k".to_owned())),
        _ => Ok(Secret::new("hush".to_owned()).expect("valid")),
    });
    let ports = mocks.ports().with_sealer(Arc::new(sealer));
    let provider = provider.map(|name| ProviderName::new(name).expect("valid"));
    let resolve = ResolveProvider::new(&ports, &providers());
    let found = resolve.execute(provider.as_ref(), &AgentType::new(agent_type).expect("valid")).await?;
    Ok((found.provider_name.to_string(), found.started_by.map(|by| by.revision)))
}

#[tokio::test]
async fn a_configuration_is_found_by_its_name_or_by_the_type_of_the_agent() {
    let told = async |provider, agent_type| {
        resolved(vec![config("stored"), config("filed")], provider, agent_type).await.expect("found")
    };
    let robots = |revision| ("robots".to_owned(), revision);
    assert_eq!(told(Some("stored"), "any").await, robots(Some(7)));
    assert_eq!(told(Some("robots"), "stored").await, robots(Some(7)));
    assert_eq!(told(None, "stored").await, robots(Some(7)));
    // One of the file goes before a stored one of the same name.
    assert_eq!(told(Some("filed"), "any").await, robots(Some(0)));
    assert_eq!(told(Some("robots"), "filed").await, robots(Some(0)));
    assert_eq!(told(None, "filed").await, robots(Some(0)));
    // Nothing is called so: the provider itself says what it has, and without one nothing runs it.
    assert_eq!(told(Some("robots"), "other").await, robots(None));
    assert_eq!(told(None, "other").await, ("internal".to_owned(), None));
}

#[tokio::test]
async fn nothing_is_started_from_what_cannot_be() {
    let refused = async |config: ProviderConfig| {
        let name = config.name.to_string();
        resolved(vec![config], Some(&name), "any").await.expect_err("refused").to_string()
    };
    let off = refused(ProviderConfig { enabled: false, ..config("off") }).await;
    assert_eq!(off, "provider configuration \"off\" is disabled; nothing is started from it until it is enabled");
    let labels = BTreeSet::from([Label::new("gpu").expect("valid")]);
    let elsewhere = refused(ProviderConfig { labels, ..config("far") }).await;
    assert!(elsewhere.contains("with the labels gpu, and this one lacks them"), "{elsewhere}");
    let kind = ProviderName::new("ropots").expect("valid");
    let unknown = refused(ProviderConfig { kind, ..config("odd") }).await;
    assert!(unknown.contains("there is no kind \"ropots\""), "{unknown}");
    let lost = refused(config("lost")).await;
    assert!(lost.starts_with("credential TOKEN of provider configuration \"lost\" cannot be opened"), "{lost}");
    let none = resolved(vec![config("stored")], Some("none"), "any").await.expect_err("refused").to_string();
    assert_eq!(none, "there is no provider \"none\"; this server has internal, robots, filed, stored");
}
