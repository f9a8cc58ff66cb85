//! The names of the keys that did something, for people who read the record.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::Has;
use crate::ids::KeyId;
use crate::operator::Actor;
use crate::ports::ApiKeyRepository;
use crate::text::KeyName;

/// Looks up the names of keys. The name of a key never changes, and a revoked key keeps it, so each is read once.
#[derive(Clone)]
pub struct NameKeys {
    keys: Arc<dyn ApiKeyRepository>,
    known: Arc<Mutex<HashMap<KeyId, KeyName>>>,
}

/// The names that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyNames(HashMap<String, KeyName>);

impl KeyNames {
    /// The name of the key that acted; `None` for Flightdeck itself, the command line, and a key that is not known.
    #[must_use]
    pub fn get(&self, actor: &str) -> Option<&KeyName> {
        self.0.get(actor)
    }
}

impl NameKeys {
    /// The largest number of names that are remembered; after that the memory is emptied.
    pub const REMEMBERED: usize = 4_096;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApiKeyRepository>,
    {
        Self { keys: ports.port(), known: Arc::default() }
    }

    /// The names of those of the actors that are keys. A name that cannot be read now is left out: what is named with it
    /// is worth more than the name.
    pub async fn of<'a>(&self, actors: impl IntoIterator<Item = &'a Actor>) -> KeyNames {
        self.of_texts(actors.into_iter().map(Actor::as_str)).await
    }

    /// The same, for actors as they are written in a record.
    pub async fn of_texts<'a>(&self, actors: impl IntoIterator<Item = &'a str>) -> KeyNames {
        let ids: BTreeSet<KeyId> = actors.into_iter().filter_map(|actor| KeyId::new(actor).ok()).collect();
        let mut names = HashMap::new();
        for id in ids {
            if let Some(name) = self.name(&id).await {
                names.insert(id.to_string(), name);
            }
        }
        KeyNames(names)
    }

    async fn name(&self, id: &KeyId) -> Option<KeyName> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if known.is_some() {
            return known;
        }
        let name = self.keys.find(id.clone()).await.ok()??.name;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::REMEMBERED {
            known.clear();
        }
        known.insert(id.clone(), name.clone());
        drop(known);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key::{ApiKey, PlainKey};
    use crate::fixtures::at;
    use crate::operator::Role;
    use crate::ports::StoreUnavailable;
    use crate::session::SessionPlace;
    use crate::use_cases::testing::MockPorts;

    fn key(revoked: bool) -> ApiKey {
        let plain = PlainKey::from_random([1; 32], [2; 32]);
        ApiKey {
            id: plain.id.clone(),
            name: KeyName::new("ada").expect("valid"),
            role: Role::Operator,
            bound_to: None,
            place: SessionPlace::default(),
            missions: None,
            secret_hash: plain.secret_hash(),
            created_at: at(0),
            expires_at: None,
            revoked_at: revoked.then(|| at(1)),
        }
    }

    #[tokio::test]
    async fn each_key_is_read_once_and_a_revoked_one_keeps_its_name() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_find().times(1).returning(|_| Ok(Some(key(true))));
        let name = NameKeys::new(&mocks.ports());
        let acted = Actor::key(&key(true).id);
        for _ in 0..2 {
            let names = name.of([&acted, &Actor::system(), &acted, &Actor::local_cli(), &Actor::budget()]).await;
            assert_eq!(names.get(acted.as_str()).map(KeyName::as_str), Some("ada"));
            assert_eq!((names.get("system"), names.get("cli")), (None, None));
        }
    }

    #[tokio::test]
    async fn what_has_no_name_now_may_have_one_later() {
        let mut mocks = MockPorts::default();
        let mut order = mockall::Sequence::new();
        let mut find = |found: Result<Option<ApiKey>, StoreUnavailable>| {
            mocks.keys.expect_find().times(1).in_sequence(&mut order).return_once(move |_| found);
        };
        find(Err(StoreUnavailable::new("away")));
        find(Ok(None));
        find(Ok(Some(key(false))));
        let name = NameKeys::new(&mocks.ports());
        let acted = Actor::key(&key(false).id);
        for expected in [None, None, Some("ada")] {
            let names = name.of([&acted]).await;
            assert_eq!(names.get(acted.as_str()).map(KeyName::as_str), expected);
        }
    }
}
