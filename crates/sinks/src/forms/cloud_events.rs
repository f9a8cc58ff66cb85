//! Entries of the audit log as `CloudEvents` 1.0 over HTTP, in the binary mode: the body is the entry, byte for byte, so
//! that its hash can be computed from it.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::text::JsonObject;
use serde::Deserialize;
use serde_json::json;

use super::{Form, Ways};
use crate::guard::Guard;
use crate::http::post;
use crate::settings::{address, address_fault, given, read, schema};

pub(super) struct CloudEvents;

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default = "source")]
    source: String,
}

fn source() -> String {
    "urn:flightdeck:audit".to_owned()
}

const AUTHORIZATION: &str = "authorization";

impl Form for CloudEvents {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "url": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "where events are posted"},
            "source": {"type": "string", "minLength": 1, "maxLength": 300, "default": source(),
                "description": "the source of the events: a URI of this deployment"},
        });
        schema(&["url"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[AUTHORIZATION]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let mut faults: Vec<ConfigFault> = address_fault(guard, settings, "url").into_iter().collect();
        let source = settings.as_map().get("source").and_then(serde_json::Value::as_str);
        if source.is_some_and(|source| !source.bytes().all(|byte| byte.is_ascii_graphic())) {
            faults.push(ConfigFault::new("settings.source", "is not a URI"));
        }
        faults
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let settings: Settings = read(&message.settings)?;
        let uri = address(ways.guard, &settings.url).map_err(SendFailed::new)?;
        let mut headers =
            vec![("ce-specversion", "1.0".to_owned()), ("ce-id", message.id.clone()), ("ce-source", settings.source)];
        let body = match &message.body {
            MessageBody::Audit(sealed) => {
                let previous = sealed.entry().map(|entry| entry.previous.to_string()).unwrap_or_default();
                headers.push(("ce-type", "flightdeck.audit.entry".to_owned()));
                headers.push(("ce-time", time(sealed.index.at)));
                headers.push(("ce-subject", sealed.index.action.as_str().to_owned()));
                headers.push(("ce-auditseq", sealed.seq.to_string()));
                headers.push(("ce-audithash", sealed.hash.to_string()));
                headers.push(("ce-auditprevious", previous));
                sealed.bytes.clone()
            }
            MessageBody::Trace(_) => return Err(SendFailed::new("this form sends no traces").rejected()),
            MessageBody::Notice(notice) => {
                headers.push(("ce-type", format!("flightdeck.{}", notice.kind)));
                headers.push(("ce-time", time(notice.at)));
                json!({"title": notice.title, "event": notice.data}).to_string().into_bytes()
            }
        };
        let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(given(&message.credentials, AUTHORIZATION).map(|value| ("authorization", value)));
        ways.http.send(post(&uri, "application/json", &headers, body)?)
    }
}

fn time(at: flightdeck_domain::time::Timestamp) -> String {
    at.as_datetime().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
