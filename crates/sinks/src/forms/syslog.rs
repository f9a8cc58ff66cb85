//! Entries of the audit log by RFC 5424.

use std::collections::BTreeSet;

use flightdeck_domain::audit::{AuditOutcome, SealedAuditEntry};
use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Form, Ways};
use crate::guard::Guard;
use crate::settings::{host_fault, read, schema};
use crate::stream::{over_tcp, over_tls, over_udp};

pub(super) struct Syslog;

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Carrier {
    #[default]
    Tls,
    Tcp,
    Udp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    transport: Carrier,
    #[serde(default = "audit_facility")]
    facility: u8,
    #[serde(default = "app_name")]
    app_name: String,
}

/// "log audit".
const fn audit_facility() -> u8 {
    13
}

fn app_name() -> String {
    "flightdeck".to_owned()
}

/// The longest datagram.
const DATAGRAM: usize = 65_000;

impl Form for Syslog {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "host": {"type": "string", "minLength": 1, "maxLength": 255, "description": "the receiver"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "6514 with tls, 601 with tcp, 514 with udp"},
            "transport": {"enum": ["tls", "tcp", "udp"], "default": "tls",
                "description": "tcp and udp only where private addresses are allowed"},
            "facility": {"type": "integer", "minimum": 0, "maximum": 23, "default": 13},
            "appName": {"type": "string", "minLength": 1, "maxLength": 48, "default": "flightdeck"},
        });
        schema(&["host"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let mut faults: Vec<ConfigFault> = host_fault(guard, settings, "host").into_iter().collect();
        let Ok(read) = read::<Settings>(settings) else { return faults };
        if read.transport != Carrier::Tls && !guard.allow_private {
            let problem = "must be tls where private addresses are not allowed, for anybody could read it on its way";
            faults.push(ConfigFault::new("settings.transport", problem));
        }
        if !read.app_name.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.push(ConfigFault::new("settings.appName", "must be visible ASCII characters"));
        }
        faults
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let settings: Settings = read(&message.settings)?;
        let line = line(&settings, message)?;
        let framed = || [format!("{} ", line.len()).into_bytes(), line.clone()].concat();
        let (guard, host) = (ways.guard, settings.host.as_str());
        let sent = match settings.transport {
            Carrier::Tls => over_tls(guard, &ways.trust, host, settings.port.unwrap_or(6514), &framed()),
            Carrier::Tcp => over_tcp(guard, host, settings.port.unwrap_or(601), &framed()),
            Carrier::Udp if line.len() > DATAGRAM => {
                return Err(SendFailed::new("the entry is longer than a datagram").rejected());
            }
            Carrier::Udp => over_udp(guard, host, settings.port.unwrap_or(514), &line),
        };
        sent.map_err(|error| SendFailed::new(format!("the receiver cannot be reached: {error}")))
    }
}

/// One message. The entry is at its end, byte for byte, so that its hash can be computed from it.
fn line(settings: &Settings, message: &Outgoing) -> Result<Vec<u8>, SendFailed> {
    Ok(match &message.body {
        MessageBody::Audit(entry) => of_entry(settings, entry),
        MessageBody::Trace(_) => return Err(SendFailed::new("this form sends no traces").rejected()),
        MessageBody::Notice(notice) => {
            let head = head(settings, 6, notice.at, "test", "-");
            [head.into_bytes(), notice.title.clone().into_bytes()].concat()
        }
    })
}

fn of_entry(settings: &Settings, sealed: &SealedAuditEntry) -> Vec<u8> {
    let entry = sealed.entry().ok();
    let refused = entry.as_ref().is_some_and(|entry| entry.outcome == AuditOutcome::Refused);
    let previous = entry.map(|entry| entry.previous.to_string()).unwrap_or_default();
    let id = format!("seq=\"{}\" hash=\"{}\" previous=\"{previous}\"", sealed.seq, sealed.hash);
    // 32473 is the number that RFC 5612 keeps for what has none of its own.
    let data = format!("[flightdeck@32473 {id}]");
    let head = head(settings, if refused { 4 } else { 5 }, sealed.index.at, sealed.index.action.as_str(), &data);
    [head.into_bytes(), sealed.bytes.clone()].concat()
}

fn head(settings: &Settings, severity: u8, at: Timestamp, id: &str, data: &str) -> String {
    let priority = u16::from(settings.facility) * 8 + u16::from(severity);
    let at = at.as_datetime().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    format!("<{priority}>1 {at} - {} - {id} {data} ", settings.app_name)
}
