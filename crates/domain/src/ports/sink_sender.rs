//! Sending messages to receivers outside.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use crate::audit::SealedAuditEntry;
use crate::provider_config::{ConfigFault, CredentialName, Credentials, SettingsSchema};
use crate::sink::{Notice, SinkForm, SinkName};
use crate::telemetry::trace::Span;
use crate::text::JsonObject;
use crate::time::Timestamp;

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageBody {
    /// What happened, for people and machines.
    Notice(Notice),
    /// What sessions did, as spans; none when there is nothing to tell.
    Trace(Vec<Span>),
    /// An entry of the audit log, whole, so that the receiver can verify the chain.
    Audit(SealedAuditEntry),
}

/// A message for a receiver.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The sink.
    pub sink: SinkName,
    /// How it goes out.
    pub form: SinkForm,
    /// The settings of the sink.
    pub settings: JsonObject,
    /// Its credentials, in clear text.
    pub credentials: Credentials,
    /// The same for the same event of the same sink, however often it is sent: the receiver knows a repetition by it.
    pub id: String,
    /// The moment of the try.
    pub at: Timestamp,
    /// What it says.
    pub body: MessageBody,
}

/// Why a message was not accepted. The text may repeat what the receiver said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SendFailed {
    /// What happened.
    pub what: String,
    /// Whether the receiver said that it does not take this message, so that more tries are of little use.
    pub rejected: bool,
    /// Whether the receiver is no more and will not be again, so that nothing is to be sent to it any more.
    pub gone: bool,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl SendFailed {
    /// A failure that may pass.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), rejected: false, gone: false, retry_after: None }
    }

    /// The receiver does not take the message.
    #[must_use]
    pub fn rejected(self) -> Self {
        Self { rejected: true, ..self }
    }
}

/// Sends messages, and knows what each form needs.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SinkSender: Send + Sync {
    /// The schema of the settings of a form.
    fn schema(&self, form: SinkForm) -> SettingsSchema;

    /// The names of the credentials that a form takes.
    fn credentials(&self, form: SinkForm) -> Vec<CredentialName>;

    /// What is wrong with settings that fit the schema, and with the names of the credentials that there would be.
    fn check(&self, form: SinkForm, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault>;

    /// Sends a message and waits until the receiver has accepted it, for less than half of [`crate::sink::LEASE`].
    ///
    /// # Errors
    /// It was not accepted, or it is not known whether it was.
    async fn send(&self, message: Outgoing) -> Result<(), SendFailed>;
}
