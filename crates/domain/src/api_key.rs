//! API keys: `fd_<keyid>_<secret>`.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::hex::hex;
use crate::ids::{KeyId, SessionId};
use crate::mission_set::MissionSet;
use crate::operator::{Actor, Principal, Role};
use crate::session::SessionPlace;
use crate::text::KeyName;
use crate::time::Timestamp;

/// The SHA-256 of a key's secret: the only part of the secret that is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Wraps a stored hash.
    #[must_use]
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes a secret as it stands in the key.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A key in clear text. Shown once, when it is made; never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainKey {
    /// The public half.
    pub id: KeyId,
    secret: String,
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key looks like fd_<keyid>_<secret>")]
pub struct NotAKey;

impl PlainKey {
    /// Makes a key of random bytes: the id takes the first 6 of its 32, the secret all 32 (256 bits).
    #[must_use]
    pub fn from_random(id: [u8; 32], secret: [u8; 32]) -> Self {
        Self { id: KeyId::from_random(id), secret: hex(&secret) }
    }

    /// Reads a key as a client sends it.
    ///
    /// # Errors
    /// The text does not have the form of a key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let (id, secret) = text.strip_prefix("fd_").and_then(|rest| rest.split_once('_')).ok_or(NotAKey)?;
        let id = KeyId::new(id).or(Err(NotAKey))?;
        if secret.len() != 64 || !secret.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAKey);
        }
        Ok(Self { id, secret: secret.to_owned() })
    }

    /// The whole key, for its owner.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("fd_{}_{}", self.id, self.secret)
    }

    /// The secret half.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash::of(&self.secret)
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainKey({})", self.id)
    }
}

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public half.
    pub id: KeyId,
    /// The name that people gave it.
    pub name: KeyName,
    /// Its role.
    pub role: Role,
    /// For an `agent` key, the session whose subtree it is bound to.
    pub bound_to: Option<SessionId>,
    /// The place of that session, as it was decided when the key was made. Once the session is in the tree, the
    /// session's own place counts.
    pub place: SessionPlace,
    /// For a `viewer` or an `operator`: the missions whose sessions it may see and act on; `None` for all sessions.
    pub missions: Option<MissionSet>,
    /// The hash of its secret half.
    pub secret_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// Why a key was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRejected {
    /// There is no such key. The answer is the same for an unknown id and a wrong secret, so that neither can be found
    /// out.
    #[error("the API key is not known")]
    Unknown,
    /// It was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// It has expired.
    #[error("the API key has expired")]
    Expired,
}

/// A key that must stay, because without it nobody could manage keys over the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "key {0} is the last usable key with the role admin; make another one first, or revoke it on the server's machine with \
     flightdeck keys revoke"
)]
pub struct LastAdminKey(pub KeyId);

impl ApiKey {
    /// Whether `actor` may revoke it, when these are all keys. The last usable key of an admin stays, except for a person at
    /// the command line of the machine, who can make another one.
    ///
    /// # Errors
    /// It is the last usable key of an admin.
    pub fn may_be_revoked(&self, all: &[Self], actor: &Actor, now: Timestamp) -> Result<(), LastAdminKey> {
        let manages = |key: &Self| key.role == Role::Admin && key.usable_at(now).is_ok();
        let another = all.iter().any(|key| key.id != self.id && manages(key));
        if manages(self) && !another && *actor != Actor::local_cli() {
            return Err(LastAdminKey(self.id.clone()));
        }
        Ok(())
    }

    /// Whether it is still valid.
    ///
    /// # Errors
    /// It was revoked, or has expired.
    pub fn usable_at(&self, now: Timestamp) -> Result<(), KeyRejected> {
        if self.revoked_at.is_some() {
            return Err(KeyRejected::Revoked);
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyRejected::Expired);
        }
        Ok(())
    }

    /// Checks what a client sent.
    ///
    /// # Errors
    /// The secret is wrong, or the key is no longer good.
    pub fn admit(&self, presented: &PlainKey, now: Timestamp) -> Result<Principal, KeyRejected> {
        if self.id != presented.id || !self.secret_hash.matches(presented.secret()) {
            return Err(KeyRejected::Unknown);
        }
        self.usable_at(now)?;
        Ok(self.principal())
    }

    /// The caller of a request with this key, after it was checked.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            key_id: self.id.clone(),
            role: self.role,
            bound_to: self.bound_to,
            place: self.place.clone(),
            missions: self.missions.clone(),
        }
    }

    /// The details of the audit entry of its creation: for a bound key, the session and its place; for a key
    /// with missions, these as a JSON list.
    #[must_use]
    pub fn audit_details(&self) -> BTreeMap<String, String> {
        let id = |id: Option<SessionId>| id.map(|id| id.to_string());
        let told = [
            ("sessionId", id(self.bound_to)),
            ("parentSessionId", id(self.place.parent_id)),
            ("missionId", self.place.mission_id.as_ref().map(ToString::to_string)),
            ("missions", self.missions.as_ref().and_then(|missions| serde_json::to_string(missions).ok())),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    fn plain() -> PlainKey {
        PlainKey::from_random([0xab; 32], [7; 32])
    }

    fn stored() -> ApiKey {
        ApiKey {
            id: plain().id,
            name: KeyName::new("test").expect("valid"),
            role: Role::Operator,
            bound_to: None,
            place: SessionPlace::default(),
            missions: None,
            secret_hash: plain().secret_hash(),
            created_at: at(0),
            expires_at: Some(at(100)),
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_reads_back_and_hides_itself() {
        let text = plain().reveal();
        assert!(text.starts_with("fd_abababababab_0707"));
        assert_eq!(PlainKey::parse(&text), Ok(plain()));
        assert_eq!(format!("{:?}", plain()), "PlainKey(abababababab)");
        for wrong in ["", "fd_", "fd_0102030405ab_07", "xx_0102030405ab_0707", "fd_01020304_0707", "fd_é_é"] {
            assert_eq!(PlainKey::parse(wrong), Err(NotAKey), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_secret_and_an_ended_key_are_rejected() {
        assert_eq!(stored().admit(&plain(), at(1)).map(|p| p.role), Ok(Role::Operator));
        let guess = PlainKey::from_random([0xab; 32], [8; 32]);
        assert_eq!(stored().admit(&guess, at(1)), Err(KeyRejected::Unknown));
        assert_eq!(stored().admit(&plain(), at(100)), Err(KeyRejected::Expired));
        let revoked = ApiKey { revoked_at: Some(at(2)), ..stored() };
        assert_eq!(revoked.admit(&plain(), at(1)), Err(KeyRejected::Revoked));
    }

    #[test]
    fn the_last_usable_key_of_an_admin_stays() {
        let key = |digit: char, role| ApiKey {
            id: KeyId::new(&digit.to_string().repeat(12)).expect("valid"),
            role,
            ..stored()
        };
        let (one, other) = (key('1', Role::Admin), key('2', Role::Admin));
        let (over, revoked) =
            (ApiKey { expires_at: Some(at(5)), ..other.clone() }, ApiKey { revoked_at: Some(at(2)), ..other.clone() });
        let actor = Actor::key(&one.id);
        let may = |key: &ApiKey, rest: &[&ApiKey], actor: &Actor| {
            let all: Vec<ApiKey> = rest.iter().copied().chain([key]).cloned().collect();
            key.may_be_revoked(&all, actor, at(9)).is_ok()
        };
        assert!(may(&one, &[&other], &actor));
        for rest in [&[][..], &[&over], &[&revoked], &[&key('3', Role::Operator)]] {
            assert!(!may(&one, rest, &actor), "{rest:?}");
            assert!(may(&one, rest, &Actor::local_cli()), "{rest:?}");
        }
        assert!(may(&over, &[], &actor), "what has ended manages nothing");
        assert!(may(&key('3', Role::Operator), &[], &actor));
    }
}
