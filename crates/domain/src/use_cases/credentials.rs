//! Credentials between their clear text and the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ports::SecretSealer;
use crate::provider_config::{
    ConfigName, CredentialChanges, CredentialName, Credentials, SealedCredential, SealedFault, Secret,
};

/// The sealer of a deployment that may have none.
type MaybeSealer = Option<Arc<dyn SecretSealer>>;

fn sealer(sealer: &MaybeSealer) -> Result<&Arc<dyn SecretSealer>, SealedFault> {
    sealer.as_ref().ok_or_else(|| SealedFault::Keys("this deployment has none".to_owned()))
}

/// Seals the credentials of an owner that are to be set; those to be removed stay as they are.
pub(super) fn seal(
    by: &MaybeSealer,
    owner: &ConfigName,
    given: &BTreeMap<CredentialName, Option<Secret>>,
) -> Result<CredentialChanges, SealedFault> {
    let seal = |(name, secret): (&CredentialName, &Option<Secret>)| {
        let sealed = secret.as_ref().map(|secret| sealer(by)?.seal(owner, name, secret)).transpose()?;
        Ok((name.clone(), sealed))
    };
    given.iter().map(seal).collect()
}

/// Opens the credentials of an owner. A fault comes with the name of the credential.
pub(super) fn open(
    by: &MaybeSealer,
    owner: &ConfigName,
    sealed: &BTreeMap<CredentialName, SealedCredential>,
) -> Result<Credentials, (CredentialName, SealedFault)> {
    let open = |(name, sealed): (&CredentialName, &SealedCredential)| {
        let secret = sealer(by).and_then(|by| by.open(owner, name, sealed)).map_err(|fault| (name.clone(), fault))?;
        Ok((name.clone(), secret))
    };
    sealed.iter().map(open).collect()
}

/// The credentials of an owner under the newest key; `None` when they are all.
pub(super) fn anew(
    by: &Arc<dyn SecretSealer>,
    owner: &ConfigName,
    sealed: &BTreeMap<CredentialName, SealedCredential>,
) -> Result<Option<BTreeMap<CredentialName, SealedCredential>>, SealedFault> {
    let mut is_current = true;
    for sealed in sealed.values() {
        is_current &= by.is_current(sealed)?;
    }
    if is_current {
        return Ok(None);
    }
    let anew = sealed.iter().map(|(name, sealed)| {
        let secret = by.open(owner, name, sealed)?;
        Ok((name.clone(), by.seal(owner, name, &secret)?))
    });
    anew.collect::<Result<_, _>>().map(Some)
}

/// The names of the credentials that there are after a change.
pub(super) fn names_after<'a>(
    kept: impl IntoIterator<Item = &'a CredentialName>,
    given: &BTreeMap<CredentialName, Option<Secret>>,
) -> BTreeSet<CredentialName> {
    let mut names: BTreeSet<CredentialName> = kept.into_iter().cloned().collect();
    for (name, secret) in given {
        if secret.is_some() {
            names.insert(name.clone());
        } else {
            names.remove(name);
        }
    }
    names
}

/// A text in which no credential stands: what others say may repeat what they were given.
pub(super) fn without(text: String, credentials: &Credentials) -> String {
    credentials.iter().fold(text, |text, (name, secret)| text.replace(secret.reveal(), &format!("(credential {name})")))
}
