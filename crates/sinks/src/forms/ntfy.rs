//! Topics of an ntfy server.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::{Notice, Urgency};
use flightdeck_domain::text::JsonObject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Form, Ways, text};
use crate::guard::Guard;
use crate::http::post_json;
use crate::settings::{address, address_fault, given, read, schema};

pub(super) struct Ntfy;

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "public_server")]
    server: String,
    topic: String,
}

fn public_server() -> String {
    "https://ntfy.sh".to_owned()
}

const TOKEN: &str = "token";

impl Form for Ntfy {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "server": {"type": "string", "maxLength": 2000, "default": public_server(), "description": "the ntfy server"},
            "topic": {"type": "string", "minLength": 1, "maxLength": 64,
                "description": "the topic; whoever knows it can read it, unless the server asks for a token"},
        });
        schema(&["topic"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        address_fault(guard, settings, "server").into_iter().collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("ntfy sends no entries of the audit log").rejected());
        };
        let settings: Settings = read(&message.settings)?;
        let uri = address(ways.guard, &settings.server).map_err(SendFailed::new)?;
        let bearer = given(&message.credentials, TOKEN).map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
        ways.http.send(post_json(&uri, &headers, &body(&settings.topic, notice))?)
    }
}

pub(super) fn body(topic: &str, notice: &Notice) -> Value {
    let actions = notice.links.iter().take(3);
    let actions: Vec<Value> =
        actions.map(|link| json!({"action": "view", "label": link.label, "url": link.url})).collect();
    let high = notice.urgency == Urgency::High;
    // Without a text ntfy writes one of its own.
    let text = text(notice);
    let mut body = json!({
        "topic": topic,
        "title": notice.title,
        "message": if text.is_empty() { &notice.title } else { &text },
        "priority": if high { 4 } else { 3 },
        "tags": if high { ["warning"] } else { ["robot"] },
        "actions": actions,
    });
    if let (Some(link), Some(body)) = (&notice.link, body.as_object_mut()) {
        body.insert("click".to_owned(), json!(link));
    }
    body
}
