//! Mail over SMTP.

use std::collections::BTreeSet;
use std::time::Duration;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::Notice;
use flightdeck_domain::text::JsonObject;
use lettre::message::{Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::Tls;
use lettre::{Message, SmtpTransport, Transport};
use serde::Deserialize;
use serde_json::json;

use super::{Form, Ways, text};
use crate::guard::Guard;
use crate::settings::{given, host_fault, read, schema};

pub(super) struct Email;

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Security {
    #[default]
    Starttls,
    Tls,
    None,
}

#[derive(Deserialize)]
struct Settings {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    security: Security,
    from: String,
    to: Vec<String>,
    username: Option<String>,
}

const PASSWORD: &str = "password";
/// How long the server may take for one step.
const STEP: Duration = Duration::from_secs(4);

impl Form for Email {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "host": {"type": "string", "minLength": 1, "maxLength": 255, "description": "the mail server"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "587, or 465 with tls, or 25 with none"},
            "security": {"enum": ["starttls", "tls", "none"], "default": "starttls",
                "description": "none only where private addresses are allowed"},
            "from": {"type": "string", "minLength": 3, "maxLength": 300, "description": "the sender"},
            "to": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 3, "maxLength": 300}},
            "username": {"type": "string", "minLength": 1, "maxLength": 300},
        });
        schema(&["host", "from", "to"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[PASSWORD]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let mut faults: Vec<ConfigFault> = host_fault(guard, settings, "host").into_iter().collect();
        let Ok(read) = read::<Settings>(settings) else { return faults };
        if read.from.parse::<Mailbox>().is_err() {
            faults.push(ConfigFault::new("settings.from", "is not a mail address"));
        }
        for (place, _) in read.to.iter().enumerate().filter(|(_, to)| to.parse::<Mailbox>().is_err()) {
            faults.push(ConfigFault::new(format!("settings.to.{place}"), "is not a mail address"));
        }
        if read.to.is_empty() {
            faults.push(ConfigFault::new("settings.to", "has nobody to send to"));
        }
        if read.security == Security::None && !guard.allow_private {
            let problem = "none is allowed only where private addresses are, for anybody could read it on its way";
            faults.push(ConfigFault::new("settings.security", problem));
        }
        if read.username.is_some() && credentials.is_empty() {
            faults.push(ConfigFault::new("credentials.password", "is missing: the password of settings.username"));
        }
        faults
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("mail sends no entries of the audit log").rejected());
        };
        let settings: Settings = read(&message.settings)?;
        let mail = mail(&settings, &message.id, notice)?;
        let password = given(&message.credentials, PASSWORD);
        transport(ways, &settings, password)?.send(&mail).map(drop).map_err(|error| {
            let rejected = error.is_permanent();
            let failed = SendFailed::new(format!("the mail server does not take the mail: {error}"));
            if rejected { failed.rejected() } else { failed }
        })
    }
}

/// A mail whose id is the same however often it is sent: mail servers and readers know a repetition by it.
fn mail(settings: &Settings, id: &str, notice: &Notice) -> Result<Message, SendFailed> {
    let wrong = |what: &str| SendFailed::new(format!("settings.{what} is not a mail address"));
    let from: Mailbox = settings.from.parse().map_err(|_error| wrong("from"))?;
    let id = format!("<{}@{}>", id.replace('~', "."), from.email.domain());
    let mut mail = Message::builder().from(from).subject(&notice.title).message_id(Some(id));
    for to in &settings.to {
        mail = mail.to(to.parse().map_err(|_error| wrong("to"))?);
    }
    let links = notice.links.iter().map(|link| format!("{}: {}", link.label, link.url));
    let text = Some(text(notice)).filter(|text| !text.is_empty());
    let body: Vec<String> = [notice.title.clone()].into_iter().chain(text).chain(links).collect();
    let mail = mail.header(header::ContentType::TEXT_PLAIN).body(body.join("\n\n"));
    mail.map_err(|error| SendFailed::new(format!("the mail cannot be written: {error}")))
}

/// A connection to an address that was admitted; the certificate is that of the name.
fn transport(ways: &Ways, settings: &Settings, password: Option<&str>) -> Result<SmtpTransport, SendFailed> {
    let port = settings.port.unwrap_or(match settings.security {
        Security::Starttls => 587,
        Security::Tls => 465,
        Security::None => 25,
    });
    let unreachable = |error: std::io::Error| SendFailed::new(format!("the mail server cannot be reached: {error}"));
    let addresses = ways.guard.resolve(&settings.host, port).map_err(unreachable)?;
    let address = addresses.first().ok_or_else(|| SendFailed::new("the mail server has no address"))?;
    let parameters = || {
        let wrong = |error| SendFailed::new(format!("TLS failed: {error}"));
        ways.trust.of_mail(&settings.host).map_err(wrong)
    };
    let tls = match settings.security {
        Security::Starttls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::None => Tls::None,
    };
    let mut transport =
        SmtpTransport::builder_dangerous(address.ip().to_string()).port(port).tls(tls).timeout(Some(STEP));
    if let (Some(username), Some(password)) = (&settings.username, password) {
        transport = transport.credentials(Credentials::new(username.clone(), password.to_owned()));
    }
    Ok(transport.build())
}
