//! The port.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::ports::{Outgoing, SendFailed, SinkSender};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::SinkForm;
use flightdeck_domain::text::JsonObject;
use tokio::sync::oneshot;

use crate::forms::{Ways, form};
use crate::guard::Guard;
use crate::http::{DEADLINE, Http};
use crate::trust::Trust;

/// A try ends after this, whatever hangs: less than half of the lease of a sink.
const LONGEST: Duration = Duration::from_secs(14);

/// What the server allows.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether private addresses and those of the machine itself may be reached.
    pub allow_private: bool,
    /// Who vouches for receivers.
    pub trust: Trust,
}

/// Sends messages in every form.
#[derive(Clone, Debug)]
pub struct Sender {
    ways: Ways,
}

impl Sender {
    /// A sender for a server that allows this.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { allow_private, trust } = options;
        let guard = Guard { allow_private };
        let http = Http::new(guard, &trust, DEADLINE);
        Self { ways: Ways { guard, trust, http } }
    }
}

#[async_trait]
impl SinkSender for Sender {
    fn schema(&self, wanted: SinkForm) -> SettingsSchema {
        form(wanted).schema()
    }

    fn credentials(&self, wanted: SinkForm) -> Vec<CredentialName> {
        let names = form(wanted).credentials().iter();
        names.filter_map(|name| CredentialName::new(*name).ok()).collect()
    }

    fn check(
        &self,
        wanted: SinkForm,
        settings: &JsonObject,
        credentials: &BTreeSet<CredentialName>,
    ) -> Vec<ConfigFault> {
        form(wanted).check(self.ways.guard, settings, credentials)
    }

    async fn send(&self, message: Outgoing) -> Result<(), SendFailed> {
        let ways = self.ways.clone();
        // The libraries below wait on their threads. This one is nobody's: the end of the server does not wait for it.
        let (told, done) = oneshot::channel();
        let work = move || {
            // Nobody waits any more when the try has taken too long.
            let _nobody_waits = told.send(form(message.form).send(&ways, &message)).is_err();
        };
        let thread = std::thread::Builder::new().name("sink".to_owned()).spawn(work);
        thread.map_err(|error| SendFailed::new(format!("there is no thread for it: {error}")))?;
        match tokio::time::timeout(LONGEST, done).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(SendFailed::new("the sender has failed; see the log")),
            Err(_) => Err(SendFailed::new("the receiver does not answer in time")),
        }
    }
}
