//! Telemetry becomes messages of the sessions that it belongs to.

mod place;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use self::place::Places;
use super::{Authorize, AuthorizeError, Has, IngestError, IngestMessages, MessageInput};
use crate::ids::{MessageId, Seq};
use crate::message::{AppendRefused, MessageRole};
use crate::operator::{Permission, Principal};
use crate::ports::{AppendError, Clock, MessageRepository, SessionRepository, StoreUnavailable, UsageRepository};
use crate::session::Session;
use crate::telemetry::{Report, SessionHint, Source, Written, calls, is_reported_elsewhere, written};
use crate::text::MessageContent;

/// Reports that were rejected for good, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// How many.
    pub reports: usize,
    /// Why, in a sentence.
    pub why: String,
}

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeTelemetryError {
    /// The key may not report at all, or the store is not available.
    #[error(transparent)]
    Authorize(#[from] AuthorizeError),
    /// The store refused what cannot be refused, or is not available. A part may be written; a repetition is safe.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

impl From<StoreUnavailable> for TakeTelemetryError {
    fn from(error: StoreUnavailable) -> Self {
        Self::Authorize(error.into())
    }
}

/// Takes in telemetry.
#[derive(Clone)]
pub struct TakeTelemetry {
    authorize: Authorize,
    sessions: Arc<dyn SessionRepository>,
    messages: Arc<dyn MessageRepository>,
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
    ingest: IngestMessages,
}

/// How many of the last messages are searched for tool calls that are on the record already.
const SEARCHED: usize = 500;

impl TakeTelemetry {
    /// The most sessions that one request is about.
    pub const MOST_SESSIONS: usize = 200;

    /// Takes the ports it needs, and what appends messages.
    #[must_use]
    pub fn new<P>(ports: &P, authorize: Authorize, ingest: IngestMessages) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn MessageRepository> + Has<dyn UsageRepository> + Has<dyn Clock>,
    {
        let (sessions, messages, usage, clock) = (ports.port(), ports.port(), ports.port(), ports.port());
        Self { authorize, sessions, messages, usage, clock, ingest }
    }

    /// Whether the principal may report at all.
    ///
    /// # Errors
    /// It may not.
    pub fn admit(&self, principal: &Principal) -> Result<(), AuthorizeError> {
        Ok(self.authorize.role(principal, Permission::Report)?)
    }

    /// Writes reports into the conversations of their sessions, each once however often it is sent, and gives those that
    /// were rejected: they name a session that the key may not touch, that does not exist, or that has ended. Usage counts
    /// by the rules of [`crate::telemetry`].
    ///
    /// # Errors
    /// The key may not report at all, or the store is not available: the same request may be sent again.
    pub async fn execute(
        &self,
        principal: &Principal,
        reports: Vec<Report>,
    ) -> Result<Vec<Rejected>, TakeTelemetryError> {
        self.admit(principal)?;
        let mut rejected = Vec::new();
        let mut by_hint: BTreeMap<SessionHint, Vec<Report>> = BTreeMap::new();
        for report in reports {
            by_hint.entry(report.session.clone()).or_default().push(report);
        }
        let places = Places { authorize: &self.authorize, sessions: &*self.sessions, principal };
        let mut by_session: BTreeMap<_, (Session, Vec<Report>)> = BTreeMap::new();
        for (looked_up, (hint, reports)) in by_hint.into_iter().enumerate() {
            let found = if looked_up < Self::MOST_SESSIONS {
                places.find(&hint).await?
            } else {
                Err(format!("a request is about at most {} sessions", Self::MOST_SESSIONS))
            };
            match found {
                Ok(session) => by_session.entry(session.id).or_insert((session, Vec::new())).1.extend(reports),
                Err(why) => rejected.push(Rejected { reports: reports.len(), why }),
            }
        }
        for (session, reports) in by_session.into_values() {
            let count = reports.len();
            if is_reported_elsewhere(&session) {
                continue;
            }
            if let Some(why) = self.write(&session, &reports).await? {
                rejected.push(Rejected { reports: count, why });
            }
        }
        Ok(rejected)
    }

    /// Writes the reports of one session, or says why it takes none.
    async fn write(&self, session: &Session, reports: &[Report]) -> Result<Option<String>, TakeTelemetryError> {
        let before = Seq::new(session.last_seq.get().saturating_add(1_000_000));
        let recent = self.messages.before(session.id, before, SEARCHED).await?;
        let recent = recent.map(|slice| slice.messages).unwrap_or_default();
        let mut known: HashSet<MessageId> = recent.iter().map(|message| message.id).collect();
        let mut called: BTreeSet<String> = calls(&recent);
        let mut fresh: Vec<Written> = reports.iter().filter_map(|report| written(session.id, report)).collect();
        fresh.retain(|message| {
            known.insert(message.id) && message.call.as_ref().is_none_or(|call| called.insert(call.clone()))
        });
        if fresh.iter().any(|message| message.usage.is_some()) {
            match self.source(session, Source::kept(session.id, &recent)).await? {
                Ok(Source::Telemetry) => {}
                Ok(Source::Messages) => fresh.retain(|message| message.usage.is_none()),
                Err(why) => return Ok(Some(why)),
            }
        }
        for batch in fresh.chunks(IngestMessages::MAX_BATCH) {
            if let Some(why) = self.append(session, batch).await? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// From where the session's usage is counted: as it was decided, or decided now.
    async fn source(
        &self,
        session: &Session,
        kept: Option<Source>,
    ) -> Result<Result<Source, String>, TakeTelemetryError> {
        if let Some(source) = kept {
            return Ok(Ok(source));
        }
        let booked = self.usage.of_session(session.id).await?.map_or(0, |usage| usage.own.reports);
        let source = Source::first(booked);
        let content = MessageContent::new(source.words()).map_err(StoreUnavailable::new)?;
        let told = MessageInput {
            id: Some(Source::id(session.id)),
            metadata: source.metadata(),
            ..MessageInput::new(MessageRole::System, content)
        };
        match refusal(self.ingest.execute(session.id, vec![told]).await)? {
            None => Ok(Ok(source)),
            // It was decided long ago, and the other way.
            Some(AppendRefused::Conflict { .. }) => Ok(Ok(source.other())),
            Some(ended) => Ok(Err(ended.to_string())),
        }
    }

    /// Appends messages, or says why the session takes none. A tool call that is there in other words stays as it is.
    async fn append(&self, session: &Session, batch: &[Written]) -> Result<Option<String>, TakeTelemetryError> {
        let now = self.clock.now();
        let inputs: Vec<MessageInput> = batch
            .iter()
            .map(|message| MessageInput {
                id: Some(message.id),
                metadata: message.metadata.clone(),
                usage: message.usage.clone(),
                created_at: message.at.map(|at| at.min(now)),
                ..MessageInput::new(message.role, message.content.clone())
            })
            .collect();
        match refusal(self.ingest.execute(session.id, inputs.clone()).await)? {
            None => return Ok(None),
            Some(AppendRefused::Conflict { .. }) => {}
            Some(ended) => return Ok(Some(ended.to_string())),
        }
        for input in inputs {
            match refusal(self.ingest.execute(session.id, vec![input]).await)? {
                None | Some(AppendRefused::Conflict { .. }) => {}
                Some(ended) => return Ok(Some(ended.to_string())),
            }
        }
        Ok(None)
    }
}

/// What a rule says against a batch; other errors stay errors.
fn refusal<T>(appended: Result<T, IngestError>) -> Result<Option<AppendRefused>, IngestError> {
    match appended {
        Ok(_) => Ok(None),
        Err(IngestError::Append(AppendError::Refused(refused))) => Ok(Some(refused)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
