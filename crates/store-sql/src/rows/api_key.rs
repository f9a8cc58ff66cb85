//! Rows of `api_keys`.

use diesel::prelude::*;
use flightdeck_domain::api_key::{ApiKey, SecretHash};
use flightdeck_domain::ids::{KeyId, SessionId};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::text::MissionId;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::api_keys;
use crate::values::{Id, Key, moment};

row! {
    /// A key.
    #[diesel(table_name = api_keys)]
    pub struct ApiKeyRow {
        id: String,
        name: String,
        role: String,
        bound_to: Option<Id>,
        parent_id: Option<Id>,
        mission_id: Option<String>,
        missions: Option<String>,
        secret_hash: Vec<u8>,
        created_at: i64,
        expires_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = BrokenRow;

    fn try_from(row: ApiKeyRow) -> Result<Self, BrokenRow> {
        let id = row.id.clone();
        row.read().map_err(|fault| fault.of("api_keys", id))
    }
}

impl ApiKeyRow {
    fn read(self) -> Result<ApiKey, Fault> {
        Ok(ApiKey {
            id: KeyId::new(&self.id).column("id")?,
            name: self.name.try_into().column("name")?,
            role: self.role.parse().column("role")?,
            bound_to: maybe(self.bound_to, SessionId::try_from).column("bound_to")?,
            place: SessionPlace {
                parent_id: maybe(self.parent_id, SessionId::try_from).column("parent_id")?,
                mission_id: maybe(self.mission_id, MissionId::new).column("mission_id")?,
            },
            missions: maybe(self.missions, |list| serde_json::from_str::<MissionSet>(&list)).column("missions")?,
            secret_hash: <[u8; 32]>::try_from(self.secret_hash.as_slice())
                .map(SecretHash::new)
                .column("secret_hash")?,
            created_at: moment(self.created_at).column("created_at")?,
            expires_at: maybe(self.expires_at, moment).column("expires_at")?,
            revoked_at: maybe(self.revoked_at, moment).column("revoked_at")?,
        })
    }
}

/// A key to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub struct NewApiKeyRow<'a> {
    id: &'a str,
    name: &'a str,
    role: &'static str,
    bound_to: Option<Id>,
    parent_id: Option<Id>,
    mission_id: Option<&'a str>,
    missions: Option<String>,
    secret_hash: &'a [u8],
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl<'a> From<&'a ApiKey> for NewApiKeyRow<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            id: key.id.as_str(),
            name: key.name.as_str(),
            role: key.role.as_str(),
            bound_to: key.bound_to.as_ref().map(Key::key),
            parent_id: key.place.parent_id.as_ref().map(Key::key),
            mission_id: key.place.mission_id.as_ref().map(MissionId::as_str),
            missions: key
                .missions
                .as_ref()
                .map(|missions| missions.iter().map(MissionId::as_str).collect::<serde_json::Value>().to_string()),
            secret_hash: key.secret_hash.as_bytes(),
            created_at: key.created_at.as_micros(),
            expires_at: key.expires_at.map(|at| at.as_micros()),
            revoked_at: key.revoked_at.map(|at| at.as_micros()),
        }
    }
}
