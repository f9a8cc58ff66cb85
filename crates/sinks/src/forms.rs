//! The forms, one file each.

mod cloud_events;
mod email;
mod ntfy;
mod otlp;
mod slack;
mod syslog;
mod telegram;
mod web_push;
mod webhook;

use std::collections::BTreeSet;

use flightdeck_domain::ports::{Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::{Notice, SinkForm};
use flightdeck_domain::text::JsonObject;

use crate::guard::Guard;
use crate::http::Http;
use crate::trust::Trust;

/// The ways out.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) guard: Guard,
    pub(crate) trust: Trust,
    pub(crate) http: Http,
}

/// How messages go out.
pub(crate) trait Form: Send + Sync {
    /// The schema of the settings.
    fn schema(&self) -> SettingsSchema;

    /// The names of the credentials that it takes.
    fn credentials(&self) -> &'static [&'static str];

    /// What is wrong with settings that fit the schema.
    fn check(&self, guard: Guard, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault>;

    /// Sends a message, and waits until it is accepted.
    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed>;
}

/// The form of this name.
pub(crate) fn form(form: SinkForm) -> &'static dyn Form {
    match form {
        SinkForm::Webhook => &webhook::Webhook,
        SinkForm::Ntfy => &ntfy::Ntfy,
        SinkForm::Slack => &slack::Slack,
        SinkForm::Telegram => &telegram::Telegram,
        SinkForm::Email => &email::Email,
        SinkForm::WebPush => &web_push::WebPush,
        SinkForm::Otlp => &otlp::Otlp,
        SinkForm::Syslog => &syslog::Syslog,
        SinkForm::CloudEvents => &cloud_events::CloudEvents,
    }
}

/// What a notice says, as plain text below its title; often nothing.
fn text(notice: &Notice) -> String {
    notice.lines.join("\n")
}

#[cfg(test)]
mod tests;
