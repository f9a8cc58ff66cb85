//! API keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flightdeck_domain::api_key::{ApiKey, KeyRejected, PlainKey};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::number::whole;
use flightdeck_domain::operator::Role;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::text::{KeyName, MissionId};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::NewKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{texts, words};
use crate::problem::{ApiError, FieldFault};

const DAY: u64 = 24 * 60 * 60;
/// The longest that a key with an end is good, in days: a hundred years.
const LONGEST: u64 = 36_500;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "ada", "role": "operator", "missions": ["apollo"], "expiresInDays": 90}))]
pub(crate) struct KeyBody {
    /// What people call it. The record of what it did shows it.
    #[schema(value_type = texts::KeyName)]
    name: KeyName,
    #[schema(value_type = words::Role)]
    role: Role,
    /// How many days it is good; for ever when missing.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 36_500)]
    expires_in_days: Option<u64>,
    /// For the role `agent`: the session whose subtree the key is bound to. It need not be registered yet; minted when
    /// missing.
    session_id: Option<Uuid>,
    /// For the role `agent`: the session that its session is to stand below, fixed with the key; below none when missing.
    parent_agent_id: Option<Uuid>,
    /// For the role `agent`: the mission of its session, fixed with the key; that of the parent when missing.
    #[schema(value_type = Option<texts::MissionId>)]
    mission_id: Option<MissionId>,
    /// For the roles `viewer` and `operator`: the missions whose sessions the key may see and act on; all sessions when
    /// missing.
    #[schema(value_type = Option<Vec<texts::MissionId>>, min_items = 1, max_items = 50)]
    missions: Option<MissionSet>,
}

impl TryFrom<KeyBody> for NewKey {
    type Error = ApiError;

    fn try_from(body: KeyBody) -> Result<Self, ApiError> {
        let fault = |field: &str, detail: String| FieldFault { field: format!("/{field}"), detail };
        let of_agents = [
            ("sessionId", body.session_id.is_some()),
            ("parentAgentId", body.parent_agent_id.is_some()),
            ("missionId", body.mission_id.is_some()),
        ];
        let given = of_agents.into_iter().filter(|(_, given)| *given && body.role != Role::Agent);
        let mut faults: Vec<_> = given
            .map(|(field, _)| {
                fault(field, format!("is for keys with the role agent alone, not for role {}", body.role))
            })
            .collect();
        if body.missions.is_some() && !body.role.takes_missions() {
            let detail = format!("is for keys with the role viewer or operator alone, not for role {}", body.role);
            faults.push(fault("missions", detail));
        }
        if let Some(days) = body.expires_in_days.filter(|days| !(1..=LONGEST).contains(days)) {
            faults.push(fault("expiresInDays", format!("{days} is not a whole number from 1 to {LONGEST}")));
        }
        if !faults.is_empty() {
            return Err(ApiError::Invalid(faults));
        }
        Ok(Self {
            name: body.name,
            role: body.role,
            bound_to: body.session_id.map(SessionId::new),
            place: SessionPlace { parent_id: body.parent_agent_id.map(SessionId::new), mission_id: body.mission_id },
            missions: body.missions,
            lifetime: body.expires_in_days.map(|days| Duration::from_secs(days * DAY)),
        })
    }
}

/// A key, without its secret: that is shown once, when the key is made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    /// Its public half, which names the operator in the record.
    id: String,
    /// What people call it.
    name: String,
    #[schema(value_type = words::Role)]
    role: &'static str,
    #[schema(value_type = words::KeyState)]
    state: &'static str,
    created_at: DateTime<Utc>,
    /// When it ends by itself; null for never.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    revoked_at: Option<DateTime<Utc>>,
    /// For an agent's key: the session whose subtree it is bound to.
    #[schema(required = true)]
    session_id: Option<Uuid>,
    /// For an agent's key: the session that its session stands below, or is to.
    #[schema(required = true)]
    parent_agent_id: Option<Uuid>,
    /// For an agent's key: the mission of its session.
    #[schema(required = true)]
    mission_id: Option<String>,
    /// The missions whose sessions it may see and act on; null for all that its role may.
    #[schema(required = true)]
    missions: Option<Vec<String>>,
}

/// The names of missions, sorted.
pub(super) fn names_of(missions: Option<&MissionSet>) -> Option<Vec<String>> {
    missions.map(|missions| missions.iter().map(ToString::to_string).collect())
}

impl KeyView {
    pub(crate) fn new(key: &ApiKey, now: Timestamp) -> Self {
        let state = match key.usable_at(now) {
            Ok(()) => "good",
            Err(KeyRejected::Revoked) => "revoked",
            Err(KeyRejected::Expired | KeyRejected::Unknown) => "expired",
        };
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            role: key.role.as_str(),
            state,
            created_at: key.created_at.as_datetime(),
            expires_at: key.expires_at.map(|at| at.as_datetime()),
            revoked_at: key.revoked_at.map(|at| at.as_datetime()),
            session_id: key.bound_to.map(|id| *id.as_uuid()),
            parent_agent_id: key.place.parent_id.map(|id| *id.as_uuid()),
            mission_id: key.place.mission_id.as_ref().map(ToString::to_string),
            missions: names_of(key.missions.as_ref()),
        }
    }
}

/// A key that was just made, with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    #[serde(flatten)]
    record: KeyView,
    /// The key itself, `fd_<keyid>_<secret>`. It is shown this once, and cannot be read again.
    key: String,
}

impl NewKeyView {
    pub(crate) fn new(plain: &PlainKey, key: &ApiKey, now: Timestamp) -> Self {
        Self { record: KeyView::new(key, now), key: plain.reveal() }
    }
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysView {
    /// Oldest first, with those that have ended.
    pub(crate) keys: Vec<KeyView>,
}
