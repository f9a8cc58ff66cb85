//! The messages of sinks go out.
//!
//! One call of [`DeliverSinks::round`] shows which sinks have something to do; [`DeliverSinks::pass`] does it for one of
//! them. Whoever calls may do this for several sinks at once, and not twice for the same one.

mod compose;
mod pass;
mod traced;

use std::sync::Arc;
use std::time::Duration;

use super::{FeedFilter, Has, MayHave, SelectEvents};
use crate::epoch::Epoch;
use crate::mission_set::MissionSet;
use crate::ports::{
    ApiKeyRepository, ApprovalRepository, AuditHeadError, AuditLog, Clock, EpochRepository, FleetFeed, IdGenerator,
    MessageRepository, SecretSealer, SessionRepository, SinkRepository, SinkSender, StoreUnavailable, UsageRepository,
};
use crate::sink::{PublicUrl, Sink, SinkSource};
use crate::text::ReplicaName;

/// The sinks at one moment, and where their logs end.
#[derive(Clone, Debug)]
pub struct Round {
    /// The sinks that send, by name.
    pub sinks: Vec<Sink>,
    epoch: Epoch,
    feed: u64,
    /// `None` when the end of the audit log is not known.
    audit: Option<u64>,
}

impl Round {
    /// The end of the log that a sink follows.
    const fn head(&self, source: SinkSource) -> Option<u64> {
        match source {
            SinkSource::Feed => Some(self.feed),
            SinkSource::Audit => self.audit,
        }
    }
}

/// How far one sink was read here. It is not durable: after a restart what was passed over is read again.
pub struct Scan {
    revision: u64,
    place: u64,
    select: SelectEvents,
    /// The lease that this process has; `None` when it has none.
    fence: Option<u64>,
}

/// What a pass has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many messages were accepted.
    pub sent: u64,
    /// How many were not.
    pub failed: u64,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When there is something to do that is held back until then.
    pub wait: Option<Duration>,
}

/// Sends the messages of sinks.
#[derive(Clone)]
pub struct DeliverSinks {
    sinks: Arc<dyn SinkRepository>,
    feed: Arc<dyn FleetFeed>,
    audit: Arc<dyn AuditLog>,
    epochs: Arc<dyn EpochRepository>,
    sessions: Arc<dyn SessionRepository>,
    approvals: Arc<dyn ApprovalRepository>,
    keys: Arc<dyn ApiKeyRepository>,
    messages: Arc<dyn MessageRepository>,
    usage: Arc<dyn UsageRepository>,
    sealer: Option<Arc<dyn SecretSealer>>,
    sender: Arc<dyn SinkSender>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    replica: ReplicaName,
    public_url: Option<PublicUrl>,
}

impl DeliverSinks {
    /// How many entries of a log are read at once.
    pub const PAGE: usize = 100;

    /// Takes the ports it needs, the name of this replica, and where the page is. `None` when the deployment has nothing
    /// that sends.
    #[must_use]
    pub fn new<P>(ports: &P, replica: ReplicaName, public_url: Option<PublicUrl>) -> Option<Self>
    where
        P: Has<dyn SinkRepository>
            + Has<dyn FleetFeed>
            + Has<dyn AuditLog>
            + Has<dyn EpochRepository>
            + Has<dyn SessionRepository>
            + Has<dyn ApprovalRepository>
            + Has<dyn ApiKeyRepository>
            + Has<dyn MessageRepository>
            + Has<dyn UsageRepository>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>
            + MayHave<Arc<dyn SecretSealer>>
            + MayHave<Arc<dyn SinkSender>>,
    {
        Some(Self {
            sinks: ports.port(),
            feed: ports.port(),
            audit: ports.port(),
            epochs: ports.port(),
            sessions: ports.port(),
            approvals: ports.port(),
            keys: ports.port(),
            messages: ports.port(),
            usage: ports.port(),
            sealer: ports.optional(),
            sender: ports.optional()?,
            clock: ports.port(),
            ids: ports.port(),
            replica,
            public_url,
        })
    }

    /// Looks at all sinks. Where there are none, this is one read.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn round(&self) -> Result<Round, StoreUnavailable> {
        let mut sinks = self.sinks.sinks().await?;
        sinks.retain(|sink| sink.enabled);
        let mut round = Round { sinks, epoch: Epoch::default(), feed: 0, audit: None };
        if round.sinks.is_empty() {
            return Ok(round);
        }
        round.epoch = self.epochs.epoch().await?.unwrap_or_default();
        round.feed = self.feed.head().await?.get();
        if round.sinks.iter().any(|sink| sink.form.source() == SinkSource::Audit) {
            round.audit = match self.audit.head().await {
                Ok(head) => Some(head.seq.get()),
                Err(AuditHeadError::Broken(_)) => None,
                Err(AuditHeadError::Unavailable(error)) => return Err(error),
            };
        }
        Ok(round)
    }

    /// A scan that begins at the cursor of a sink.
    #[must_use]
    pub fn scan(&self, sink: &Sink) -> Scan {
        let missions = MissionSet::new(sink.filter.missions.iter().cloned()).ok();
        let filter = FeedFilter { fleet_wide: missions.is_none(), missions, ..FeedFilter::ALL };
        let select = SelectEvents::new(&Arc::clone(&self.sessions), filter);
        Scan { revision: sink.revision, place: sink.progress.cursor, select, fence: None }
    }

    /// Whether a sink of a round has something to do here, now.
    #[must_use]
    pub fn is_due(&self, round: &Round, sink: &Sink, scan: &Scan) -> bool {
        let (now, progress) = (self.clock.now(), &sink.progress);
        if progress.is_pausing(now) || progress.lease.is_of_another(&self.replica, now) {
            return false;
        }
        let is_behind = round.head(sink.form.source()).is_none_or(|head| head > scan.place.max(progress.cursor));
        is_behind
            || scan.revision != sink.revision
            || scan.place != progress.cursor
            || progress.again
            || progress.due(now).is_some()
            || progress.epoch.is_some_and(|epoch| epoch != round.epoch)
    }
}

#[cfg(test)]
mod tests;
