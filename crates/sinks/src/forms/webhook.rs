//! HTTP requests that are signed by Standard Webhooks.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::text::JsonObject;
use serde::Deserialize;
use serde_json::json;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

use super::{Form, Ways};
use crate::guard::Guard;
use crate::http::post;
use crate::settings::{address, address_fault, given, missing, needed, read, schema};

pub(super) struct Webhook;

#[derive(Deserialize)]
struct Settings {
    url: String,
}

/// The secret that messages are signed with.
const SECRET: &str = "secret";
/// The secret before it, while receivers learn the new one: messages have both signatures.
const PREVIOUS: &str = "previous_secret";
/// The header `Authorization`.
const AUTHORIZATION: &str = "authorization";

impl Form for Webhook {
    fn schema(&self) -> SettingsSchema {
        let url =
            json!({"type": "string", "minLength": 1, "maxLength": 2000, "description": "where messages are posted"});
        schema(&["url"], &json!({"url": url}))
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[SECRET, PREVIOUS, AUTHORIZATION]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let what = "24 to 64 random bytes in base64, with whsec_ before them, that the receiver knows too";
        let secret = missing(credentials, SECRET, what);
        address_fault(guard, settings, "url").into_iter().chain(secret).collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("a webhook sends no entries of the audit log").rejected());
        };
        let settings: Settings = read(&message.settings)?;
        let uri = address(ways.guard, &settings.url).map_err(SendFailed::new)?;
        let title = (&notice.title, &notice.urgency);
        let body = json!({
            "type": notice.kind,
            "timestamp": notice.at,
            "data": {"title": title.0, "urgency": title.1, "lines": notice.lines, "event": notice.data},
        });
        let body = body.to_string().into_bytes();
        // The moment of the try: receivers refuse what is old.
        let timestamp = message.at.as_datetime().timestamp();
        let mut signatures = vec![sign(needed(&message.credentials, SECRET)?, &message.id, timestamp, &body)?];
        if let Some(previous) = given(&message.credentials, PREVIOUS) {
            signatures.push(sign(previous, &message.id, timestamp, &body)?);
        }
        let (timestamp, signatures) = (timestamp.to_string(), signatures.join(" "));
        let mut headers = vec![
            (HEADER_WEBHOOK_ID, message.id.as_str()),
            (HEADER_WEBHOOK_TIMESTAMP, timestamp.as_str()),
            (HEADER_WEBHOOK_SIGNATURE, signatures.as_str()),
        ];
        headers.extend(given(&message.credentials, AUTHORIZATION).map(|value| ("authorization", value)));
        ways.http.send(post(&uri, "application/json", &headers, body)?)
    }
}

fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Result<String, SendFailed> {
    let wrong = |_error| SendFailed::new("a secret is not base64; it is whsec_ and then 24 to 64 bytes in base64");
    standardwebhooks::Webhook::new(secret).and_then(|key| key.sign(id, timestamp, body)).map_err(wrong)
}
