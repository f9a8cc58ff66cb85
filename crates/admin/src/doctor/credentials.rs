//! Sealed credentials of providers: whether this deployment has the keys that open them.

use std::collections::{BTreeMap, BTreeSet};

use flightdeck_domain::ports::{SecretSealer, TransferPage};
use flightdeck_domain::provider_config::{ProviderConfig, SealedFault};
use flightdeck_sealing::{KeySource, Sealer};
use flightdeck_settings::{StorageSettings, environment};

use super::database::source;
use super::report::Check;
use super::whole::whole;

const NAME: &str = "credentials";
/// So many names are told.
const NAMED: usize = 5;

pub(super) async fn examine(settings: &StorageSettings) -> Check {
    let configs = match configurations(settings).await {
        Ok(configs) => configs,
        Err(problem) => return Check::warning(NAME, problem, "mend the database first"),
    };
    let environment = environment();
    let keys = KeySource::find(settings.secrets_key_file.clone(), |name| environment.get(name).cloned());
    let known = keys.as_ref().map_err(|error| whole(error)).and_then(|keys| keys.all().map_err(|error| whole(&error)));
    let ids = known.map(|keys| keys.iter().map(|key| key.id().to_owned()).collect());
    let place = settings.secrets_key_file.display().to_string();
    judged(&configs, ids, &place, |config| keys.as_ref().map_or(Vec::new(), |keys| faults(config, keys)))
}

/// The stored configurations, read without changing anything.
async fn configurations(settings: &StorageSettings) -> Result<Vec<ProviderConfig>, String> {
    let Some(mut source) = source(settings).await? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let mut page = TransferPage::ProviderConfigs(Vec::new());
    loop {
        page = source.following(&page).await.map_err(|error| whole(&error))?;
        match &page {
            TransferPage::ProviderConfigs(configs) if !configs.is_empty() => all.extend(configs.iter().cloned()),
            _ => return Ok(all),
        }
    }
}

/// What does not open of a configuration.
fn faults(config: &ProviderConfig, keys: &KeySource) -> Vec<SealedFault> {
    let sealer = Sealer::new(keys.clone());
    let open = |(name, sealed)| sealer.open(&config.name, name, sealed).err();
    config.credentials.iter().filter_map(open).collect()
}

/// What there is to say, with the ids of the keys that are there, or why they cannot be used.
fn judged(
    configs: &[ProviderConfig],
    ids: Result<Vec<String>, String>,
    place: &str,
    faults: impl Fn(&ProviderConfig) -> Vec<SealedFault>,
) -> Check {
    const ANEW: &str = "otherwise set each credential anew with `flightdeck providers set NAME --credential`";
    let sealed: usize = configs.iter().map(|config| config.credentials.len()).sum();
    if sealed == 0 {
        return Check::ok(NAME, "none are stored");
    }
    let with = |configs: &[&ProviderConfig]| {
        let names: Vec<&str> = configs.iter().take(NAMED).map(|config| config.name.as_str()).collect();
        let more = configs.len().saturating_sub(NAMED);
        if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
    };
    let holders: Vec<&ProviderConfig> = configs.iter().filter(|config| !config.credentials.is_empty()).collect();
    let ids = match ids {
        Ok(ids) => ids,
        Err(problem) => {
            let found = format!("{sealed} of {} cannot be opened: {problem}", with(&holders));
            return Check::failed(NAME, found, "mend the secrets key; until then their agents do not start");
        }
    };
    if ids.is_empty() {
        let found = format!("{sealed} of {} are sealed, and the secrets key is not there", with(&holders));
        let advice = format!("put {place} back from its backup, or set FLIGHTDECK_SECRETS_KEY; {ANEW}");
        return Check::failed(NAME, found, advice);
    }
    let mut missing: BTreeMap<String, Vec<&ProviderConfig>> = BTreeMap::new();
    let mut broken = Vec::new();
    for config in holders {
        let faults = faults(config);
        let strange = |fault: &SealedFault| match fault {
            SealedFault::UnknownKey(id) => Some(id.clone()),
            SealedFault::Broken | SealedFault::Keys(_) => None,
        };
        let unknown: BTreeSet<String> = faults.iter().filter_map(strange).collect();
        if faults.iter().any(|fault| strange(fault).is_none()) {
            broken.push(config);
        }
        for id in unknown {
            missing.entry(id).or_default().push(config);
        }
    }
    if !missing.is_empty() {
        let told: Vec<String> =
            missing.iter().map(|(id, configs)| format!("{} need key {id}", with(configs))).collect();
        let found = format!("{}; this deployment has {}, another one", told.join("; "), ids.join(", "));
        let advice = format!("add the key that they were sealed with to {place}, below the others; {ANEW}");
        return Check::failed(NAME, found, advice);
    }
    if !broken.is_empty() {
        let found = format!("those of {} were changed, or copied from another configuration", with(&broken));
        return Check::failed(NAME, found, "set them anew with `flightdeck providers set NAME --credential`");
    }
    Check::ok(NAME, format!("all {sealed} can be opened"))
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::provider_config::{ConfigLimits, CredentialDigest, SealedCredential};
    use flightdeck_domain::text::ProviderName;

    use super::*;
    use crate::doctor::report::State;

    fn config(name: &str) -> ProviderConfig {
        let sealed = SealedCredential {
            key_id: "k1".to_owned(),
            nonce: String::new(),
            ciphertext: String::new(),
            digest: CredentialDigest(String::new()),
        };
        ProviderConfig {
            name: name.parse().expect("valid"),
            kind: ProviderName::acp(),
            display_name: None,
            enabled: true,
            settings: flightdeck_domain::text::JsonObject::default(),
            credentials: [("TOKEN".parse().expect("valid"), sealed)].into(),
            labels: [].into(),
            limits: ConfigLimits::default(),
            revision: 1,
            changed: None,
        }
    }

    #[test]
    fn a_key_that_is_lost_and_another_key_are_told_apart() {
        let configs = [config("one"), config("two")];
        let state = |ids: Result<Vec<String>, String>, faults: fn(&ProviderConfig) -> Vec<SealedFault>| {
            let check = judged(&configs, ids, "/d/secrets.key", faults);
            (check.state, format!("{} {}", check.found, check.advice.unwrap_or_default()))
        };
        let well: fn(&ProviderConfig) -> Vec<SealedFault> = |_| Vec::new();
        assert_eq!(state(Ok(vec!["k1".to_owned()]), well).0, State::Ok);
        let (lost, told) = state(Ok(Vec::new()), well);
        assert!(
            lost == State::Failed && told.contains("2 of one, two are sealed, and the secrets key is not"),
            "{told}"
        );
        assert!(told.contains("/d/secrets.key"), "{told}");
        let (other, told) = state(Ok(vec!["k2".to_owned()]), |config| {
            if config.name.as_str() == "one" { vec![SealedFault::UnknownKey("k1".to_owned())] } else { Vec::new() }
        });
        assert!(
            other == State::Failed && told.starts_with("one need key k1; this deployment has k2, another"),
            "{told}"
        );
        let (broken, told) = state(Ok(vec!["k1".to_owned()]), |_| vec![SealedFault::Broken]);
        assert!(broken == State::Failed && told.contains("were changed"), "{told}");
        let (open, told) = state(Err("mode 0644".to_owned()), well);
        assert!(open == State::Failed && told.contains("mode 0644"), "{told}");
        assert_eq!(judged(&[], Ok(Vec::new()), "", |_| Vec::new()).state, State::Ok);
    }
}
