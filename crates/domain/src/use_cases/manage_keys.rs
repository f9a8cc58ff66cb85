//! Keys are made, listed and revoked.

use std::sync::Arc;
use std::time::Duration;

use super::Has;
use crate::action::Origin;
use crate::api_key::{ApiKey, PlainKey};
use crate::ids::{KeyId, SessionId};
use crate::mission_set::MissionSet;
use crate::operator::{Actor, Role};
use crate::ports::{ApiKeyRepository, Clock, IdGenerator, RevokeKeyError, SessionRepository, StoreUnavailable};
use crate::session::SessionPlace;
use crate::text::{KeyName, MissionId, RequestId};

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Its name for people.
    pub name: KeyName,
    /// Its role.
    pub role: Role,
    /// For the role `agent`: the session whose subtree it is bound to. A session that is not registered yet will do;
    /// minted when missing. Ignored for every other role.
    pub bound_to: Option<SessionId>,
    /// For the role `agent`: the place of that session. Missing parts are taken from the session if it is in the tree;
    /// otherwise it has no parent, and the mission of its parent or none. Ignored for every other role.
    pub place: SessionPlace,
    /// For the roles `viewer` and `operator`: the missions whose sessions it may see and act on; all sessions when missing.
    pub missions: Option<MissionSet>,
    /// How long it is valid; without a limit when missing.
    pub lifetime: Option<Duration>,
}

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// Keys of this role are for all sessions, or for those of one subtree.
    #[error(
        "only a key with the role viewer or operator is for some missions alone, and this one is to have the role {0}"
    )]
    NoMissions(Role),
    /// The session already has another parent.
    #[error("session {session} is in the tree, and its parent is {}", none(.fixed.as_ref()))]
    OtherParent {
        /// The session.
        session: SessionId,
        /// Its parent.
        fixed: Option<SessionId>,
    },
    /// The session already has another mission.
    #[error("session {session} is in the tree, and its mission is {}", none(.fixed.as_ref()))]
    OtherMission {
        /// The session.
        session: SessionId,
        /// Its mission.
        fixed: Option<MissionId>,
    },
    /// A session cannot be above itself.
    #[error("session {0} cannot be its own parent")]
    OwnParent(SessionId),
    /// The parent is not in the tree.
    #[error("session {0} is not in the tree; register the parent first")]
    UnknownParent(SessionId),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

fn none<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// Makes keys.
#[derive(Clone)]
pub struct CreateKey {
    keys: Arc<dyn ApiKeyRepository>,
    sessions: Arc<dyn SessionRepository>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl CreateKey {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn ApiKeyRepository> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { keys: ports.port(), sessions: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Makes a key, with an audit entry. The clear text is only in the result. A session that is in the tree determines
    /// the place of its key.
    ///
    /// # Errors
    /// The named place is not that of the session, or is impossible; the role takes no missions; or the store is not
    /// available.
    pub async fn execute(
        &self,
        new: NewKey,
        actor: Actor,
        request_id: RequestId,
    ) -> Result<(PlainKey, ApiKey), CreateKeyError> {
        if new.missions.is_some() && !new.role.takes_missions() {
            return Err(CreateKeyError::NoMissions(new.role));
        }
        let place = self.place(&new).await?;
        let (plain, key) = self.prepare(NewKey { place, ..new });
        self.store(key.clone(), actor, request_id).await?;
        Ok((plain, key))
    }

    async fn place(&self, new: &NewKey) -> Result<SessionPlace, CreateKeyError> {
        if new.role != Role::Agent {
            return Ok(SessionPlace::default());
        }
        let SessionPlace { parent_id, mission_id } = &new.place;
        let known = match new.bound_to {
            Some(session) => self.sessions.get(session).await?,
            None => None,
        };
        if let Some(known) = known {
            let session = known.id;
            if parent_id.is_some() && *parent_id != known.parent_id {
                return Err(CreateKeyError::OtherParent { session, fixed: known.parent_id });
            }
            if mission_id.is_some() && *mission_id != known.mission_id {
                return Err(CreateKeyError::OtherMission { session, fixed: known.mission_id });
            }
            return Ok(SessionPlace::from(&known));
        }
        let Some(parent) = *parent_id else { return Ok(new.place.clone()) };
        if new.bound_to == Some(parent) {
            return Err(CreateKeyError::OwnParent(parent));
        }
        let above = self.sessions.get(parent).await?.ok_or(CreateKeyError::UnknownParent(parent))?;
        Ok(SessionPlace { parent_id: Some(parent), mission_id: mission_id.clone().or(above.mission_id) })
    }

    /// Makes a key without storing it: it is not valid before [`CreateKey::store`]. For callers that first have to put
    /// the clear text into a safe place. The place is not checked.
    #[must_use]
    pub fn prepare(&self, new: NewKey) -> (PlainKey, ApiKey) {
        let now = self.clock.now();
        let plain = PlainKey::from_random(self.ids.random_bytes(), self.ids.random_bytes());
        let (bound_to, place) = match new.role {
            Role::Agent => (Some(new.bound_to.unwrap_or_else(|| self.ids.session_id())), new.place),
            Role::Viewer | Role::Operator | Role::Admin | Role::Runner => (None, SessionPlace::default()),
        };
        let key = ApiKey {
            id: plain.id.clone(),
            name: new.name,
            role: new.role,
            bound_to,
            place,
            missions: new.missions.filter(|_| new.role.takes_missions()),
            secret_hash: plain.secret_hash(),
            created_at: now,
            expires_at: new.lifetime.map(|lifetime| now.saturating_add(lifetime)),
            revoked_at: None,
        };
        (plain, key)
    }

    /// Stores a key that was prepared, with an audit entry.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn store(&self, key: ApiKey, actor: Actor, request_id: RequestId) -> Result<(), StoreUnavailable> {
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.keys.create(key, by).await
    }

    /// Stores a prepared key if there is no key at all, with an audit entry. `false`: there is a key, and this one will
    /// never be valid.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn store_first(
        &self,
        key: ApiKey,
        actor: Actor,
        request_id: RequestId,
    ) -> Result<bool, StoreUnavailable> {
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.keys.create_first(key, by).await
    }
}

/// Lists keys.
#[derive(Clone)]
pub struct ListKeys {
    keys: Arc<dyn ApiKeyRepository>,
}

impl ListKeys {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApiKeyRepository>,
    {
        Self { keys: ports.port() }
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        self.keys.list().await
    }
}

/// Revokes keys.
#[derive(Clone)]
pub struct RevokeKey {
    keys: Arc<dyn ApiKeyRepository>,
    clock: Arc<dyn Clock>,
}

impl RevokeKey {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApiKeyRepository> + Has<dyn Clock>,
    {
        Self { keys: ports.port(), clock: ports.port() }
    }

    /// Revokes a key, with an audit entry.
    ///
    /// # Errors
    /// There is no such key, it is the last usable key of an admin, or the store is not available.
    pub async fn execute(&self, id: KeyId, origin: Origin) -> Result<ApiKey, RevokeKeyError> {
        self.keys.revoke(id, origin.at(self.clock.now())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session as session_of, session_id};
    use crate::session::Session;
    use crate::use_cases::testing::MockPorts;

    fn request() -> RequestId {
        RequestId::new("req-1").expect("valid")
    }

    #[tokio::test]
    async fn a_key_is_stored_as_its_hash_and_an_agent_key_is_bound() {
        let mut mocks = MockPorts::default();
        mocks
            .keys
            .expect_create()
            .withf(|key, by| key.bound_to == Some(session_id(900)) && by.actor == Actor::local_cli())
            .times(1)
            .returning(|_, _| Ok(()));
        let new = NewKey {
            name: KeyName::new("worker").expect("valid"),
            role: Role::Agent,
            bound_to: None,
            place: SessionPlace::default(),
            missions: None,
            lifetime: Some(Duration::from_mins(1)),
        };
        let made = CreateKey::new(&mocks.ports()).execute(new, Actor::local_cli(), request()).await;
        let (plain, key) = made.expect("made");
        assert!(key.admit(&plain, at(59)).is_ok());
        assert!(key.admit(&plain, at(60)).is_err());
    }

    async fn bound(session: u128, parent: Option<u128>, on: Option<&str>) -> Result<SessionPlace, CreateKeyError> {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_create().returning(|_, _| Ok(()));
        mocks.sessions.expect_get().returning(|id| {
            let apollo = Session { mission_id: MissionId::new("apollo").ok(), ..session_of(1) };
            let child = Session { parent_id: Some(apollo.id), ..Session { id: session_id(2), ..apollo.clone() } };
            Ok([apollo, child].into_iter().find(|session| session.id == id))
        });
        let place = SessionPlace {
            parent_id: parent.map(session_id),
            mission_id: on.and_then(|text| MissionId::new(text).ok()),
        };
        let name = KeyName::new("worker").expect("valid");
        let new = NewKey {
            name,
            role: Role::Agent,
            bound_to: Some(session_id(session)),
            place,
            missions: None,
            lifetime: None,
        };
        let made = CreateKey::new(&mocks.ports()).execute(new, Actor::local_cli(), request()).await;
        made.map(|(_, key)| key.place)
    }

    #[tokio::test]
    async fn a_key_is_made_for_the_place_where_its_session_stands_or_is_to_stand() {
        let place = |parent: Option<u128>, on: Option<&str>| SessionPlace {
            parent_id: parent.map(session_id),
            mission_id: on.and_then(|text| MissionId::new(text).ok()),
        };
        let told = async |session, parent, on| bound(session, parent, on).await.expect("made");
        // Of a session that is in the tree, whatever is left out.
        assert_eq!(told(2, None, None).await, place(Some(1), Some("apollo")));
        assert_eq!(told(2, Some(1), Some("apollo")).await, place(Some(1), Some("apollo")));
        assert_eq!(told(1, None, None).await, place(None, Some("apollo")));
        // Of one that is not: as it is said, and the mission of its parent.
        assert_eq!(told(7, None, None).await, place(None, None));
        assert_eq!(told(7, None, Some("gemini")).await, place(None, Some("gemini")));
        assert_eq!(told(7, Some(2), None).await, place(Some(2), Some("apollo")));
        assert_eq!(told(7, Some(2), Some("gemini")).await, place(Some(2), Some("gemini")));

        let refused = async |session, parent, on| bound(session, parent, on).await.expect_err("refused").to_string();
        assert!(refused(2, Some(7), None).await.contains("its parent is 00000000-0000-0000-0000-000000000001"));
        assert!(refused(1, Some(2), None).await.contains("its parent is none"));
        assert!(refused(2, None, Some("gemini")).await.contains("its mission is apollo"));
        assert!(refused(7, Some(7), None).await.contains("its own parent"));
        assert!(refused(7, Some(8), None).await.contains("register the parent first"));
    }

    #[tokio::test]
    async fn missions_are_for_those_who_look_and_step_in() {
        let missions = MissionSet::new(MissionId::new("apollo")).ok();
        for (role, allowed) in Role::ALL.map(|role| (role, matches!(role, Role::Viewer | Role::Operator))) {
            let mut mocks = MockPorts::default();
            let wanted = missions.clone();
            mocks
                .keys
                .expect_create()
                .withf(move |key, _| key.missions == wanted && key.audit_details()["missions"] == r#"["apollo"]"#)
                .times(usize::from(allowed))
                .returning(|_, _| Ok(()));
            let name = KeyName::new("team").expect("valid");
            let place = SessionPlace::default();
            let new = NewKey { name, role, bound_to: None, place, missions: missions.clone(), lifetime: None };
            let made = CreateKey::new(&mocks.ports()).execute(new, Actor::local_cli(), request()).await;
            match made {
                Ok((_, key)) => assert_eq!(key.principal().missions, missions),
                Err(CreateKeyError::NoMissions(refused)) => assert_eq!((refused, allowed), (role, false)),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn revoking_an_unknown_key_says_so() {
        let mut mocks = MockPorts::default();
        mocks.keys.expect_revoke().returning(|id, _| Err(RevokeKeyError::UnknownKey(id)));
        let id = KeyId::new("0102030405ab").expect("valid");
        let gone = RevokeKey::new(&mocks.ports()).execute(id, Origin::new(Actor::local_cli(), request())).await;
        assert!(matches!(gone, Err(RevokeKeyError::UnknownKey(_))));
    }
}
