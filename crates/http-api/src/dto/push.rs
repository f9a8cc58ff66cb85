//! Subscriptions of browsers.

use chrono::{DateTime, Utc};
use flightdeck_domain::provider_config::{Secret, SecretFault};
use flightdeck_domain::sink::{PushSubscription, Sink};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ApiError;

/// The characters of 16 bytes in base64url.
const AUTH_LENGTH: usize = 22;
/// The characters of a private key of P-256 with its public half, as `PKCS #8` of the Web Cryptography API, in base64url.
const SERVER_KEY_LENGTH: usize = 184;
/// Such a key begins with what it is.
const SERVER_KEY_HEAD: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A subscription as the Push API of browsers gives it, and the key that it was made with.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"endpoint": "https://push.example/send/abc", "expirationTime": null, "keys": {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg"}, "serverKey": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYYcgdPLHpXAjWtURTHAL1XshUMqKk3viVXDg9sNmx4KhRANCAAS1iY-AYbx6f4yJWcXnBHeGjg4FuuJ28vBUVzoq7jDF9o4aTD5c7MOKTP4its5SLMIHS8sJABAqe2HHSe8hXZa3"}))]
pub(crate) struct PushBody {
    /// The address of the push service for this browser.
    #[schema(min_length = 1, max_length = 2000)]
    endpoint: String,
    /// What browsers say of its end; it is not read, for they say nothing.
    #[serde(default)]
    #[schema(required = false)]
    #[expect(dead_code, reason = "a part of what browsers give")]
    expiration_time: Option<f64>,
    keys: PushKeys,
    /// The private half of the `applicationServerKey`, which the page makes for each subscription: PKCS #8 in base64url. It is
    /// sealed, and never given back.
    #[schema(pattern = "^MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg[A-Za-z0-9_-]{136}$")]
    server_key: String,
}

/// The keys of a browser.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PushKeys {
    /// Its public key of P-256, in base64url.
    #[schema(min_length = 1, max_length = 200)]
    p256dh: String,
    /// Its secret of 16 bytes, in base64url.
    #[schema(pattern = "^[A-Za-z0-9_-]{22}$")]
    auth: String,
}

impl PushBody {
    pub(crate) fn into_subscription(self) -> Result<PushSubscription, ApiError> {
        let secret = |field: &'static str, text: String| {
            Secret::new(text).map_err(|fault: SecretFault| ApiError::field(field, fault.to_string()))
        };
        let PushKeys { p256dh, auth } = self.keys;
        if auth.len() != AUTH_LENGTH || !is_base64url(&auth) {
            return Err(ApiError::field("/keys/auth", "is not a secret of 16 bytes, in base64url without ="));
        }
        if self.server_key.len() != SERVER_KEY_LENGTH
            || !self.server_key.starts_with(SERVER_KEY_HEAD)
            || !is_base64url(&self.server_key)
        {
            let wrong = "is not a private key of P-256 with its public half: PKCS #8, in base64url without =";
            return Err(ApiError::field("/serverKey", wrong));
        }
        let auth = secret("/keys/auth", auth)?;
        let server_key = secret("/serverKey", self.server_key)?;
        Ok(PushSubscription { endpoint: self.endpoint, p256dh, auth, server_key })
    }
}

/// Which subscription is meant.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"endpoint": "https://push.example/send/abc"}))]
pub(crate) struct PushEndBody {
    /// The address of the push service for the browser.
    #[schema(min_length = 1, max_length = 2000)]
    pub(crate) endpoint: String,
}

/// A subscription of a browser.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushView {
    endpoint: String,
    /// The sink that it is, with its state for operators in `GET /sinks`.
    sink: String,
    since: DateTime<Utc>,
    /// When the push service took a message last.
    #[schema(required = true)]
    last_success: Option<DateTime<Utc>>,
    /// What was wrong last.
    #[schema(required = true)]
    last_error: Option<String>,
}

impl From<&Sink> for PushView {
    fn from(sink: &Sink) -> Self {
        let endpoint = sink.settings.as_map().get("endpoint").and_then(serde_json::Value::as_str).unwrap_or_default();
        let progress = &sink.progress;
        Self {
            endpoint: endpoint.to_owned(),
            sink: sink.name.to_string(),
            since: sink.changed.at.as_datetime(),
            last_success: progress.last_success.map(|at| at.as_datetime()),
            last_error: progress.last_error.as_ref().map(|trouble| trouble.what.clone()),
        }
    }
}

/// The subscriptions of a caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushesView {
    #[schema(max_items = 20)]
    pub(crate) subscriptions: Vec<PushView>,
}
