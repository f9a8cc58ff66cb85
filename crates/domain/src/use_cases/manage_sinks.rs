//! An administrator changes and tries out sinks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Has, MayHave, credentials};
use crate::action::{ActionName, Origin};
use crate::audit::{AuditOutcome, AuditTarget};
use crate::ports::{
    AuditHeadError, AuditLog, Clock, FleetFeed, IdGenerator, MessageBody, OperatorActions, Outgoing, SecretSealer,
    SendFailed, SinkChangeError, SinkRepository, SinkSender, StoreUnavailable,
};
use crate::provider_config::{ConfigFault, CredentialName, Expected, SealedFault, Secret};
use crate::sink::{
    LettersChange, Notice, PublicUrl, Sink, SinkChange, SinkDraft, SinkFilter, SinkForm, SinkName, SinkRefused,
    SinkSource,
};
use crate::text::JsonObject;

/// Where a sink begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With the first event that there is.
    Start,
    /// With the next event.
    Head,
}

/// What somebody wants a sink to be, with credentials in clear text.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSink {
    /// How its messages go out.
    pub form: SinkForm,
    /// Whether it sends.
    pub enabled: bool,
    /// What the form wants to know.
    pub settings: JsonObject,
    /// Which events it sends.
    pub filter: SinkFilter,
    /// Whether messages have what agents write.
    pub transcript: bool,
    /// After so many failed tries a message becomes a dead letter.
    pub most_tries: u32,
    /// Credentials to set, or to remove (`None`). Those that are not named stay.
    pub credentials: BTreeMap<CredentialName, Option<Secret>>,
    /// Where it begins. When missing, a new sink begins at the head, and another one goes on where it is.
    pub begins: Option<Begins>,
}

/// Why a sink was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageSinkError {
    /// This deployment sends nothing.
    #[error("this deployment has nothing that sends the messages of sinks")]
    NotSetUp,
    /// Fields are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<ConfigFault>),
    /// There is none of this name.
    #[error("there is no sink {0:?}")]
    Unknown(SinkName),
    /// A rule forbids it; the refusal is on the audit log.
    #[error(transparent)]
    Refused(SinkRefused),
    /// A credential cannot be sealed.
    #[error("the credential was not sealed: {0}")]
    Sealing(SealedFault),
    /// A credential cannot be opened.
    #[error("the credential {credential} of the sink cannot be opened: {fault}")]
    Sealed {
        /// The credential.
        credential: CredentialName,
        /// Why.
        fault: SealedFault,
    },
    /// The receiver did not accept the message.
    #[error("the receiver did not accept the message: {0}")]
    Trial(String),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

impl From<SinkChangeError> for ManageSinkError {
    fn from(error: SinkChangeError) -> Self {
        match error {
            SinkChangeError::Refused(refused) => Self::Refused(refused),
            SinkChangeError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// Changes and tries out sinks.
#[derive(Clone)]
pub struct ManageSinks {
    sinks: Arc<dyn SinkRepository>,
    feed: Arc<dyn FleetFeed>,
    audit: Arc<dyn AuditLog>,
    actions: Arc<dyn OperatorActions>,
    sealer: Option<Arc<dyn SecretSealer>>,
    sender: Option<Arc<dyn SinkSender>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    public_url: Option<PublicUrl>,
}

impl ManageSinks {
    /// Takes the ports it needs, and where the page is.
    #[must_use]
    pub fn new<P>(ports: &P, public_url: Option<PublicUrl>) -> Self
    where
        P: Has<dyn SinkRepository>
            + Has<dyn FleetFeed>
            + Has<dyn AuditLog>
            + Has<dyn OperatorActions>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>
            + MayHave<Arc<dyn SecretSealer>>
            + MayHave<Arc<dyn SinkSender>>,
    {
        Self {
            sinks: ports.port(),
            feed: ports.port(),
            audit: ports.port(),
            actions: ports.port(),
            sealer: ports.optional(),
            sender: ports.optional(),
            clock: ports.port(),
            ids: ports.port(),
            public_url,
        }
    }

    /// Makes or changes a sink, with its audit entry.
    ///
    /// # Errors
    /// A field is wrong, the sink is another one than expected, or the store is not available.
    pub async fn set(
        &self,
        name: SinkName,
        new: NewSink,
        expected: Expected,
        origin: Origin,
    ) -> Result<Sink, ManageSinkError> {
        let sender = self.sender.as_ref().ok_or(ManageSinkError::NotSetUp)?;
        let existing = self.sinks.sink(name.clone()).await?;
        let faults = faults(&**sender, &new, existing.as_ref());
        if !faults.is_empty() {
            return Err(ManageSinkError::Invalid(faults));
        }
        let begins = match new.begins.or((expected == Expected::Absent).then_some(Begins::Head)) {
            Some(Begins::Start) => Some(0),
            Some(Begins::Head) => Some(self.head(new.form.source()).await?),
            None => None,
        };
        let owner = name.owner();
        let credentials =
            credentials::seal(&self.sealer, &owner, &new.credentials).map_err(ManageSinkError::Sealing)?;
        let NewSink { form, enabled, settings, filter, transcript, most_tries, .. } = new;
        let draft = SinkDraft { form, enabled, settings, filter, transcript, most_tries, credentials, begins };
        let change = SinkChange { name, draft: Some(draft), expected, by: origin.at(self.clock.now()) };
        Ok(self.sinks.change_sink(change).await?)
    }

    async fn head(&self, source: SinkSource) -> Result<u64, StoreUnavailable> {
        match source {
            SinkSource::Feed => Ok(self.feed.head().await?.get()),
            SinkSource::Audit => match self.audit.head().await {
                Ok(head) => Ok(head.seq.get()),
                Err(AuditHeadError::Unavailable(error)) => Err(error),
                Err(AuditHeadError::Broken(problem)) => Err(StoreUnavailable::new(problem)),
            },
        }
    }

    /// Removes a sink with its dead letters, with its audit entry.
    ///
    /// # Errors
    /// There is none, it has another revision, or the store is not available.
    pub async fn remove(&self, name: SinkName, revision: u64, origin: Origin) -> Result<Sink, ManageSinkError> {
        let (expected, by) = (Expected::Revision(revision), origin.at(self.clock.now()));
        Ok(self.sinks.change_sink(SinkChange { name, draft: None, expected, by }).await?)
    }

    /// Has dead letters sent again, those at the places or all, and gives their number. The sink tries at once.
    ///
    /// # Errors
    /// There is no such sink, or the store is not available.
    pub async fn resend(&self, name: SinkName, places: Vec<u64>, origin: Origin) -> Result<u64, ManageSinkError> {
        let change = LettersChange { name, places, by: origin.at(self.clock.now()) };
        Ok(self.sinks.resend_letters(change).await?)
    }

    /// Sends a message to the receiver of a sink, also of a disabled one. The audit entry is written before. The message
    /// is none of the log: the sink goes on as before.
    ///
    /// # Errors
    /// There is no such sink, its credentials cannot be opened, the receiver did not accept the message, or the store is
    /// not available.
    pub async fn test(&self, name: SinkName, origin: Origin) -> Result<(), ManageSinkError> {
        let sender = self.sender.as_ref().ok_or(ManageSinkError::NotSetUp)?;
        let found = self.sinks.sink(name.clone()).await?;
        let sink = found.ok_or_else(|| ManageSinkError::Unknown(name.clone()))?;
        let opened = credentials::open(&self.sealer, &name.owner(), &sink.credentials)
            .map_err(|(credential, fault)| ManageSinkError::Sealed { credential, fault })?;
        let details = [("revision".to_owned(), sink.revision.to_string())].into();
        let now = self.clock.now();
        let by = origin.at(now);
        let target = AuditTarget::Sink(name.clone());
        self.actions.record(by.audit(ActionName::SinkTest, target, AuditOutcome::Accepted, details)).await?;
        let message = Outgoing {
            id: format!("test-{}", self.ids.uuid()),
            at: now,
            body: MessageBody::Notice(Notice::trial(name.as_str(), self.public_url.as_ref(), now)),
            sink: name,
            form: sink.form,
            settings: sink.settings,
            credentials: opened.clone(),
        };
        let sent = sender.send(message).await;
        sent.map_err(|SendFailed { what, .. }| ManageSinkError::Trial(credentials::without(what, &opened)))
    }
}

/// What is wrong with the fields of a sink.
fn faults(sender: &dyn SinkSender, new: &NewSink, existing: Option<&Sink>) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    if !(1..=Sink::MOST_TRIES).contains(&new.most_tries) {
        faults.push(ConfigFault::new("maxTries", format!("1 to {} is allowed", Sink::MOST_TRIES)));
    }
    if new.filter.missions.len() > SinkFilter::MOST_MISSIONS {
        let problem = format!("at most {} are allowed", SinkFilter::MOST_MISSIONS);
        faults.push(ConfigFault::new("filter.missions", problem));
    }
    if new.form.source() == SinkSource::Audit && (new.filter != SinkFilter::default() || new.transcript) {
        let field = if new.transcript { "transcript" } else { "filter" };
        let problem = format!("{} sends the audit log, every entry as it is; leave it out", new.form);
        faults.push(ConfigFault::new(field, problem));
    }
    let is_narrowed = new.filter != SinkFilter { missions: new.filter.missions.clone(), ..SinkFilter::default() };
    if new.form == SinkForm::Otlp && is_narrowed {
        let problem = "otlp sends what has ended, by missions at most; leave needsPerson, kinds and statuses out";
        faults.push(ConfigFault::new("filter", problem));
    }
    let known = sender.credentials(new.form);
    let kept = existing.filter(|sink| sink.form == new.form);
    let kept = kept.into_iter().flat_map(|sink| sink.credentials.keys());
    let names = credentials::names_after(kept, &new.credentials);
    for name in names.iter().filter(|name| !known.contains(name)) {
        let known: Vec<&str> = known.iter().map(CredentialName::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let problem = format!("the form {} does not take it; it takes {known}", new.form);
        faults.push(ConfigFault::new(format!("credentials.{name}"), problem));
    }
    let of_schema = sender.schema(new.form).faults(new.settings.as_map());
    if of_schema.is_empty() {
        faults.extend(sender.check(new.form, &new.settings, &names));
    }
    faults.extend(of_schema);
    faults
}

#[cfg(test)]
mod tests;
