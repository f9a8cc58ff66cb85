//! Reads sinks, how far they are, and their dead letters.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Has, MayHave};
use crate::ports::{AuditHeadError, AuditLog, FleetFeed, LetterQuery, SinkRepository, SinkSender, StoreUnavailable};
use crate::provider_config::{CredentialName, SettingsSchema};
use crate::sink::{DeadLetter, Sink, SinkForm, SinkName, SinkSource};

/// A sink, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkOverview {
    /// The sink, its credentials sealed.
    pub sink: Sink,
    /// How many entries of its log are behind its cursor, wanted or not; `None` when the end of the log is not known.
    pub lag: Option<u64>,
    /// How many dead letters it has.
    pub dead_letters: u64,
}

/// A form that this deployment can send in.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkOffer {
    /// The form.
    pub form: SinkForm,
    /// The schema of its settings.
    pub schema: SettingsSchema,
    /// The names of the credentials that it takes.
    pub credentials: Vec<CredentialName>,
}

/// Reads sinks.
#[derive(Clone)]
pub struct ReadSinks {
    sinks: Arc<dyn SinkRepository>,
    feed: Arc<dyn FleetFeed>,
    audit: Arc<dyn AuditLog>,
    sender: Option<Arc<dyn SinkSender>>,
}

impl ReadSinks {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SinkRepository> + Has<dyn FleetFeed> + Has<dyn AuditLog> + MayHave<Arc<dyn SinkSender>>,
    {
        Self { sinks: ports.port(), feed: ports.port(), audit: ports.port(), sender: ports.optional() }
    }

    /// The forms that this deployment can send in; none if it sends nothing.
    #[must_use]
    pub fn offers(&self) -> Vec<SinkOffer> {
        let Some(sender) = &self.sender else { return Vec::new() };
        let offer = |form| SinkOffer { form, schema: sender.schema(form), credentials: sender.credentials(form) };
        SinkForm::ALL.map(offer).into()
    }

    /// All sinks, by name.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn list(&self) -> Result<Vec<SinkOverview>, StoreUnavailable> {
        self.overviews(self.sinks.sinks().await?).await
    }

    /// One sink, or `None`.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn get(&self, name: SinkName) -> Result<Option<SinkOverview>, StoreUnavailable> {
        let found = self.sinks.sink(name).await?;
        Ok(self.overviews(found.into_iter().collect()).await?.pop())
    }

    /// A sink, with how far it is.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn describe(&self, sink: Sink) -> Result<SinkOverview, StoreUnavailable> {
        let alone = SinkOverview { sink: sink.clone(), lag: None, dead_letters: 0 };
        Ok(self.overviews(vec![sink]).await?.pop().unwrap_or(alone))
    }

    async fn overviews(&self, sinks: Vec<Sink>) -> Result<Vec<SinkOverview>, StoreUnavailable> {
        if sinks.is_empty() {
            return Ok(Vec::new());
        }
        let feed = self.feed.head().await?.get();
        let audit = match self.audit.head().await {
            Ok(head) => Some(head.seq.get()),
            Err(AuditHeadError::Broken(_)) => None,
            Err(AuditHeadError::Unavailable(error)) => return Err(error),
        };
        let letters: HashMap<SinkName, u64> = self.sinks.count_dead_letters().await?.into_iter().collect();
        let overview = |sink: Sink| {
            let head = if sink.form.source() == SinkSource::Feed { Some(feed) } else { audit };
            SinkOverview {
                lag: head.map(|head| head.saturating_sub(sink.progress.cursor)),
                dead_letters: letters.get(&sink.name).copied().unwrap_or(0),
                sink,
            }
        };
        Ok(sinks.into_iter().map(overview).collect())
    }

    /// Dead letters of a sink, by place; `None` when there is no such sink.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn dead_letters(&self, query: LetterQuery) -> Result<Option<Vec<DeadLetter>>, StoreUnavailable> {
        if self.sinks.sink(query.sink.clone()).await?.is_none() {
            return Ok(None);
        }
        self.sinks.dead_letters(query).await.map(Some)
    }
}
