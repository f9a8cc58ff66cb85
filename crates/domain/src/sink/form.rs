//! How the messages of a sink go out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The form of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkForm {
    /// An HTTP request, signed by Standard Webhooks.
    Webhook,
    /// A topic of an ntfy server.
    Ntfy,
    /// An incoming webhook of Slack.
    Slack,
    /// A chat of a Telegram bot.
    Telegram,
    /// A mail over SMTP.
    Email,
    /// A browser, by the Push API.
    WebPush,
    /// Sessions, their turns and tool calls as spans, over OTLP/HTTP.
    Otlp,
    /// Entries of the audit log by RFC 5424.
    Syslog,
    /// Entries of the audit log as `CloudEvents` over HTTP.
    CloudEvents,
}

/// The log that a sink follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkSource {
    /// The fleet feed.
    Feed,
    /// The audit log.
    Audit,
}

/// A word that is not a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no form of a sink; use webhook, ntfy, slack, telegram, email, web_push, otlp, syslog or cloud_events"
)]
pub struct UnknownSinkForm(pub String);

impl SinkForm {
    /// Every form.
    pub const ALL: [Self; 9] = [
        Self::Webhook,
        Self::Ntfy,
        Self::Slack,
        Self::Telegram,
        Self::Email,
        Self::WebPush,
        Self::Otlp,
        Self::Syslog,
        Self::CloudEvents,
    ];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Ntfy => "ntfy",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Email => "email",
            Self::WebPush => "web_push",
            Self::Otlp => "otlp",
            Self::Syslog => "syslog",
            Self::CloudEvents => "cloud_events",
        }
    }

    /// The log that sinks of this form follow.
    #[must_use]
    pub const fn source(self) -> SinkSource {
        match self {
            Self::Webhook | Self::Ntfy | Self::Slack | Self::Telegram | Self::Email | Self::WebPush | Self::Otlp => {
                SinkSource::Feed
            }
            Self::Syslog | Self::CloudEvents => SinkSource::Audit,
        }
    }
}

impl fmt::Display for SinkForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SinkForm {
    type Err = UnknownSinkForm;

    fn from_str(word: &str) -> Result<Self, UnknownSinkForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == word).ok_or_else(|| UnknownSinkForm(word.to_owned()))
    }
}

impl SinkSource {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Audit => "audit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_forms_are_those_that_are_stored() {
        for form in SinkForm::ALL {
            assert_eq!(serde_json::to_value(form).expect("written"), form.as_str());
            assert_eq!(form.as_str().parse(), Ok(form));
        }
        let told = "sms".parse::<SinkForm>().expect_err("unknown").to_string();
        assert!(SinkForm::ALL.iter().all(|form| told.contains(form.as_str())), "{told}");
    }
}
