//! Sinks as they are kept.

use std::collections::BTreeMap;

use super::{SinkFilter, SinkForm, SinkName, SinkProgress};
use crate::provider_config::{Changed, CredentialName, SealedCredential};
use crate::text::JsonObject;

/// A sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    /// Its name.
    pub name: SinkName,
    /// How its messages go out. It never changes.
    pub form: SinkForm,
    /// Whether it sends. While it does not, its cursor stays where it is.
    pub enabled: bool,
    /// What the form wants to know, by the schema of the form.
    pub settings: JsonObject,
    /// Which events it sends; everything of the audit log.
    pub filter: SinkFilter,
    /// Whether messages have what agents write: titles of requests and reasons. Without it they have only facts.
    pub transcript: bool,
    /// After so many failed tries a message becomes a dead letter.
    pub most_tries: u32,
    /// Its credentials, sealed.
    pub credentials: BTreeMap<CredentialName, SealedCredential>,
    /// Rises by one with each change; the first is 1.
    pub revision: u64,
    /// The last change.
    pub changed: Changed,
    /// How far it is.
    pub progress: SinkProgress,
}

impl Sink {
    /// The most credentials of a sink.
    pub const MOST_CREDENTIALS: usize = 10;
    /// The tries of a message when nobody says otherwise: with the pauses between them that is about 20 minutes.
    pub const TRIES: u32 = 12;
    /// The largest number of tries.
    pub const MOST_TRIES: u32 = 100;

    /// Of a browser: the API key of who has subscribed it.
    #[must_use]
    pub fn subscriber(&self) -> Option<&str> {
        self.settings.as_map().get("key")?.as_str().filter(|_| self.form == SinkForm::WebPush)
    }
}
