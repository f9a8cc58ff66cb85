//! What all things have in common that an administrator keeps with a revision and sealed credentials.

use std::collections::{BTreeMap, BTreeSet};

use super::{CredentialName, SealedCredential};

/// What the caller knows of what is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is none of this name.
    Absent,
    /// It has this revision.
    Revision(u64),
}

/// Why something is another one than expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// There is none.
    Unknown,
    /// There is one.
    Exists {
        /// Its revision.
        revision: u64,
    },
    /// Somebody else has changed it.
    Stale {
        /// The revision that the caller knows.
        expected: u64,
        /// The revision that it has.
        current: u64,
    },
}

impl Expected {
    /// Compares it with the revision of what is there; `None` for nothing.
    pub(crate) const fn meets(self, current: Option<u64>) -> Result<(), Conflict> {
        match (current, self) {
            (None, Self::Revision(_)) => Err(Conflict::Unknown),
            (Some(revision), Self::Absent) => Err(Conflict::Exists { revision }),
            (Some(current), Self::Revision(expected)) if current != expected => {
                Err(Conflict::Stale { expected, current })
            }
            _ => Ok(()),
        }
    }
}

/// Credentials to set, or to remove (`None`). Those that are not named stay: nobody can read them to send them again.
pub type CredentialChanges = BTreeMap<CredentialName, Option<SealedCredential>>;

/// The credentials after a change.
pub(crate) fn changed_credentials(
    mut kept: BTreeMap<CredentialName, SealedCredential>,
    changes: &CredentialChanges,
) -> BTreeMap<CredentialName, SealedCredential> {
    for (name, credential) in changes {
        match credential {
            Some(sealed) => kept.insert(name.clone(), sealed.clone()),
            None => kept.remove(name),
        };
    }
    kept
}

/// What the audit log says of changed credentials: a digest of each that was given, and which were removed.
pub(crate) fn digests(changes: &CredentialChanges) -> Option<String> {
    let given = changes.iter().map(|(name, credential)| match credential {
        Some(sealed) => format!("{name}={}", sealed.digest),
        None => format!("{name} removed"),
    });
    Some(given.collect::<Vec<_>>().join(", ")).filter(|given| !given.is_empty())
}

/// What the audit log says of credentials that were sealed with another key.
pub(crate) fn resealed(
    credentials: &BTreeMap<CredentialName, SealedCredential>,
    revision: u64,
) -> BTreeMap<String, String> {
    let keys: BTreeSet<&str> = credentials.values().map(|sealed| sealed.key_id.as_str()).collect();
    BTreeMap::from([
        ("keyId".to_owned(), keys.into_iter().collect::<Vec<_>>().join(",")),
        ("revision".to_owned(), revision.to_string()),
    ])
}
