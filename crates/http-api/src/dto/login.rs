//! Logging in.

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::login::{Login, LoginToken};
use flightdeck_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::key::names_of;
use super::words;

/// Logs in with a key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"key": "fd_0123456789ab_0123456789abcdef0123456789abcdef"}))]
pub(crate) struct LoginBody {
    /// `fd_<keyid>_<secret>`
    #[schema(min_length = 1, max_length = 4_000)]
    pub(crate) key: String,
}

/// A link that lets somebody log in once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginLinkReply {
    /// The path of the link on this server: `/login/…`. It is shown this once.
    path: String,
    /// Until when it is good.
    #[schema(value_type = DateTime<Utc>)]
    expires_at: Timestamp,
}

impl LoginLinkReply {
    pub(crate) fn new(token: &LoginToken, link: &Login) -> Self {
        Self { path: format!("/login/{}", token.reveal()), expires_at: link.expires_at }
    }
}

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeView {
    /// The key's id, which is the operator's name on the audit log.
    key_id: String,
    /// What people call the key.
    name: String,
    #[schema(value_type = words::Role)]
    role: &'static str,
    /// For an agent's key: the session whose subtree it is bound to.
    #[schema(required = true)]
    bound_to: Option<Uuid>,
    /// The missions whose sessions the key may see and act on; null for all that its role may.
    #[schema(required = true)]
    missions: Option<Vec<String>>,
    /// When the key ends by itself; null for never.
    #[schema(value_type = Option<DateTime<Utc>>, required = true)]
    key_expires_at: Option<Timestamp>,
    /// When the login ends by itself; null for those who sent the key itself.
    #[schema(value_type = Option<DateTime<Utc>>, required = true)]
    login_expires_at: Option<Timestamp>,
}

impl MeView {
    pub(crate) fn new(key: &ApiKey, login: Option<&Login>) -> Self {
        Self {
            key_id: key.id.to_string(),
            name: key.name.to_string(),
            role: key.role.as_str(),
            bound_to: key.bound_to.map(|session| *session.as_uuid()),
            missions: names_of(key.missions.as_ref()),
            key_expires_at: key.expires_at,
            login_expires_at: login.map(|login| login.expires_at),
        }
    }
}
