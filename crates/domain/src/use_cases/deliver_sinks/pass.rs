//! One pass over one sink.

use std::time::Duration;

use super::compose::id;
use super::{DeliverSinks, Passed, Round, Scan};
use crate::action::Origin;
use crate::epoch::Epoch;
use crate::feed::FleetEvent;
use crate::ids::{ApprovalId, AuditSeq, FeedPosition, KeyId};
use crate::operator::Actor;
use crate::ports::{AuditLogError, LetterQuery, MessageBody, Outgoing, SendFailed, SinkChangeError, StoreUnavailable};
use crate::provider_config::Expected;
use crate::sink::{
    Failure, Gap, GapCause, HELD_BACK, LEASE, Letter, Reminder, Settling, Sink, SinkChange, SinkForm, SinkSource, Step,
    Taking, opened_approval, pause, reminder_of,
};
use crate::telemetry::trace::Ended;
use crate::text::{Reason, RequestId};
use crate::time::Timestamp;
use crate::use_cases::credentials;

/// The longest that a receiver may ask to be left alone.
const LONGEST_WISH: Duration = Duration::from_mins(5);

/// Why a pass ends before the log does.
enum Stop {
    /// Another replica sends, the sink has changed, or it pauses.
    Over,
    /// The store is not available.
    Unavailable(StoreUnavailable),
}

impl From<StoreUnavailable> for Stop {
    fn from(error: StoreUnavailable) -> Self {
        Self::Unavailable(error)
    }
}

/// An entry of the log that a sink follows.
enum Entry {
    Event(FleetEvent),
    Audit(crate::audit::SealedAuditEntry),
}

impl Entry {
    const fn place(&self) -> u64 {
        match self {
            Self::Event(event) => event.position.get(),
            Self::Audit(entry) => entry.seq.get(),
        }
    }

    fn letter(&self) -> Letter {
        match self {
            Self::Event(event) => Letter {
                place: event.position.get(),
                kind: Some(event.kind),
                session_id: event.session_id,
                reminder: reminder_of(event),
            },
            Self::Audit(entry) => {
                Letter { place: entry.seq.get(), kind: None, session_id: entry.index.session_id, reminder: None }
            }
        }
    }
}

impl DeliverSinks {
    /// Sends what a sink of a round has to send, in order: first dead letters that are to be sent again and reminders
    /// that are due, then the entries of the log behind the cursor, at most [`DeliverSinks::PAGE`]. Each message is
    /// settled in the store before the next one. The first failure ends the pass.
    ///
    /// # Errors
    /// The store is not available. What was sent and not settled is sent again.
    pub async fn pass(&self, round: &Round, sink: Sink, scan: &mut Scan) -> Result<Passed, StoreUnavailable> {
        if scan.revision != sink.revision || scan.place < sink.progress.cursor {
            let fence = scan.fence;
            *scan = self.scan(&sink);
            scan.fence = fence;
        }
        let mut pass = Pass { deliver: self, round, sink, scan, passed: Passed::default() };
        match pass.run().await {
            Ok(()) | Err(Stop::Over) => Ok(pass.passed),
            Err(Stop::Unavailable(error)) => {
                pass.scan.fence = None;
                Err(error)
            }
        }
    }
}

struct Pass<'a> {
    deliver: &'a DeliverSinks,
    round: &'a Round,
    sink: Sink,
    scan: &'a mut Scan,
    passed: Passed,
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<(), Stop> {
        self.go_on_after_restore().await?;
        if self.sink.progress.again {
            self.send_again().await?;
        }
        while let Some(reminder) = self.sink.progress.due(self.deliver.clock.now()).copied() {
            self.remind(reminder).await?;
        }
        self.send_log().await
    }

    /// A cursor of another history stands for other events, or for none.
    async fn go_on_after_restore(&mut self) -> Result<(), Stop> {
        let progress = &self.sink.progress;
        if progress.epoch.is_none_or(|epoch| epoch == self.round.epoch) {
            return Ok(());
        }
        let after = progress.cursor;
        let until = self.round.head(self.sink.form.source()).map_or(after, |head| after.min(head));
        let gap = Gap { cause: GapCause::Restored, after, until, at: self.deliver.clock.now() };
        self.scan.place = until;
        self.move_to(until, Some(gap)).await
    }

    async fn send_again(&mut self) -> Result<(), Stop> {
        let query = LetterQuery { sink: self.sink.name.clone(), again: true, after: None, limit: DeliverSinks::PAGE };
        for letter in self.deliver.sinks.dead_letters(query).await? {
            let place = letter.place;
            let entry = self.page(place.saturating_sub(1), 1).await?.into_iter().next();
            let Some(entry) = entry.filter(|entry| entry.place() == place) else {
                self.settle(Step::Resent { place, sent: false }).await?;
                continue;
            };
            match self.send(&entry, false).await? {
                Ok(()) => self.settle(Step::Resent { place, sent: true }).await?,
                Err(failure) => return self.fail(Step::NotResent { place, failure }).await,
            }
        }
        Ok(())
    }

    async fn remind(&mut self, reminder: Reminder) -> Result<(), Stop> {
        let Reminder { approval, place, .. } = reminder;
        let entry = self.page(place.saturating_sub(1), 1).await?.into_iter().next();
        let entry = entry.filter(|entry| entry.place() == place);
        let (Some(entry), true) = (entry, self.is_open(approval).await?) else {
            return self.settle(Step::Reminded { approval, sent: false }).await;
        };
        match self.send(&entry, true).await? {
            Ok(()) => self.settle(Step::Reminded { approval, sent: true }).await,
            Err(failure) => self.fail(Step::NotReminded(approval, failure)).await,
        }
    }

    async fn send_log(&mut self) -> Result<(), Stop> {
        let page = self.page(self.scan.place, DeliverSinks::PAGE).await?;
        let is_full = page.len() == DeliverSinks::PAGE;
        for entry in page {
            let (place, before) = (entry.place(), self.scan.place);
            if place > before.saturating_add(1) {
                let until = place.saturating_sub(1);
                let gap = Gap { cause: GapCause::Removed, after: before, until, at: self.deliver.clock.now() };
                self.scan.place = until;
                self.move_to(until, Some(gap)).await?;
            }
            if let Entry::Event(event) = &entry {
                if !self.is_wanted(event).await? {
                    self.scan.place = place;
                    continue;
                }
                if let Some(wait) = self.held_back(event) {
                    self.passed.wait = Some(wait);
                    break;
                }
                // Whatever has decided it meanwhile, nobody needs to be called.
                if let Some(approval) = opened_approval(event)
                    && !self.is_open(approval).await?
                {
                    self.scan.place = place;
                    continue;
                }
            }
            match self.send(&entry, false).await? {
                Ok(()) => {
                    self.settle(Step::Sent(entry.letter())).await?;
                    self.scan.place = place;
                }
                Err(failure) => {
                    self.fail(Step::Failed(entry.letter(), failure)).await?;
                }
            }
        }
        if self.scan.place > self.sink.progress.cursor {
            self.move_to(self.scan.place, None).await?;
        }
        self.passed.more = is_full && self.passed.wait.is_none();
        Ok(())
    }

    async fn page(&mut self, after: u64, limit: usize) -> Result<Vec<Entry>, Stop> {
        match self.sink.form.source() {
            SinkSource::Feed => {
                let events = self.deliver.feed.after(FeedPosition::new(after), limit).await?;
                Ok(events.into_iter().map(Entry::Event).collect())
            }
            SinkSource::Audit => match self.deliver.audit.walk(AuditSeq::new(after), limit).await {
                Ok(entries) => Ok(entries.into_iter().map(Entry::Audit).collect()),
                Err(AuditLogError::Unavailable(error)) => Err(error.into()),
                Err(error @ AuditLogError::Broken { .. }) => Err(self.stuck(error.to_string()).await),
            },
        }
    }

    async fn is_wanted(&mut self, event: &FleetEvent) -> Result<bool, Stop> {
        let tells = self.sink.form != SinkForm::Otlp || Ended::by(event).is_some();
        Ok(tells && self.sink.filter.wants(event) && self.scan.select.wants(&event.subject()).await?)
    }

    /// How long an event is held back yet. One from the future, by a clock that is wrong, is not.
    fn held_back(&self, event: &FleetEvent) -> Option<Duration> {
        opened_approval(event)?;
        let (now, ripe) = (self.deliver.clock.now(), event.at.saturating_add(HELD_BACK));
        let left = ripe.as_micros().saturating_sub(now.as_micros());
        let left = u64::try_from(left).map(Duration::from_micros).ok()?;
        (!left.is_zero() && left <= HELD_BACK).then_some(left)
    }

    async fn is_open(&self, approval: ApprovalId) -> Result<bool, StoreUnavailable> {
        Ok(self.deliver.approvals.get(approval).await?.is_some_and(|approval| approval.is_open()))
    }

    /// Sends one message, under a lease that outlasts the try.
    async fn send(&mut self, entry: &Entry, reminder: bool) -> Result<Result<(), Failure>, Stop> {
        self.hold().await?;
        if !self.subscriber_is_there().await? {
            return Err(self.end("the key of the subscriber is not good any more").await?);
        }
        let Sink { name, form, settings, credentials, .. } = &self.sink;
        let opened = match credentials::open(&self.deliver.sealer, &name.owner(), credentials) {
            Ok(opened) => opened,
            Err((credential, fault)) => {
                let what = format!("the credential {credential} cannot be opened: {fault}");
                return Err(self.stuck(what).await);
            }
        };
        let body = match entry {
            Entry::Event(event) if *form == SinkForm::Otlp => self.deliver.traced(&self.sink, event).await?,
            Entry::Event(event) => self.deliver.notice(&self.sink, event, reminder).await?,
            Entry::Audit(entry) => MessageBody::Audit(entry.clone()),
        };
        let message = Outgoing {
            sink: name.clone(),
            form: *form,
            settings: settings.clone(),
            credentials: opened.clone(),
            id: id(&self.sink, self.round.epoch, entry.place(), reminder),
            at: self.deliver.clock.now(),
            body,
        };
        match self.deliver.sender.send(message).await {
            Ok(()) => {
                self.passed.sent += 1;
                Ok(Ok(()))
            }
            Err(SendFailed { gone: true, .. }) if self.sink.form == SinkForm::WebPush => {
                self.passed.failed += 1;
                Err(self.end("the browser has ended its subscription").await?)
            }
            Err(SendFailed { what, rejected, gone: _, retry_after }) => {
                self.passed.failed += 1;
                let what = credentials::without(what, &opened);
                Ok(Err(self.failure(what, rejected, retry_after)))
            }
        }
    }

    /// Of a browser: whether the key of who has subscribed it is good. Other sinks belong to the deployment.
    async fn subscriber_is_there(&self) -> Result<bool, StoreUnavailable> {
        if self.sink.form != SinkForm::WebPush {
            return Ok(true);
        }
        let Some(id) = self.sink.subscriber().and_then(|key| KeyId::new(key).ok()) else { return Ok(false) };
        let key = self.deliver.keys.find(id).await?;
        Ok(key.is_some_and(|key| key.usable_at(self.deliver.clock.now()).is_ok()))
    }

    /// Removes the sink, on record: there is nobody to send to.
    async fn end(&mut self, why: &str) -> Result<Stop, StoreUnavailable> {
        let request = RequestId::from(self.deliver.ids.uuid());
        let by = Origin::new(Actor::system(), request).because(Reason::new(why).ok()).at(self.deliver.clock.now());
        let (name, expected) = (self.sink.name.clone(), Expected::Revision(self.sink.revision));
        match self.deliver.sinks.change_sink(SinkChange { name, draft: None, expected, by }).await {
            // Somebody has changed or removed it: the next pass sees what it is.
            Ok(_) | Err(SinkChangeError::Refused(_)) => Ok(Stop::Over),
            Err(SinkChangeError::Unavailable(error)) => Err(error),
        }
    }

    fn failure(&self, what: String, rejected: bool, wish: Option<Duration>) -> Failure {
        let [a, b, c, d, ..] = self.deliver.ids.random_bytes();
        let random = u64::from(u32::from_le_bytes([a, b, c, d]));
        let pause = pause(self.sink.progress.failures.saturating_add(1), random);
        Failure { what, rejected, pause: wish.map_or(pause, |wish| pause.max(wish.min(LONGEST_WISH))) }
    }

    /// Takes the lease, if there is none that lasts for a try. The sink may have moved on meanwhile, by another replica.
    async fn hold(&mut self) -> Result<(), Stop> {
        let now = self.deliver.clock.now();
        let lease = &self.sink.progress.lease;
        let lasts = |until: Timestamp| until >= now.saturating_add(LEASE / 2);
        if self.scan.fence == Some(lease.fence) && lease.until.is_some_and(lasts) {
            return Ok(());
        }
        let taking = Taking { name: self.sink.name.clone(), by: self.deliver.replica.clone(), at: now };
        let Some(taken) = self.deliver.sinks.take_sink(taking).await? else {
            self.scan.fence = None;
            return Err(Stop::Over);
        };
        self.scan.fence = Some(taken.progress.lease.fence);
        let (before, after) = (&self.sink.progress, &taken.progress);
        let same = (before.cursor, before.tries, &before.reminders) == (after.cursor, after.tries, &after.reminders)
            && self.sink.revision == taken.revision
            && !after.is_pausing(now);
        self.sink = taken;
        if same { Ok(()) } else { Err(self.over()) }
    }

    /// The next pass begins with the sink as it is then.
    fn over(&mut self) -> Stop {
        self.passed.more = !self.sink.progress.is_pausing(self.deliver.clock.now());
        Stop::Over
    }

    async fn move_to(&mut self, to: u64, gap: Option<Gap>) -> Result<(), Stop> {
        self.hold().await?;
        self.settle(Step::Moved { to, gap }).await
    }

    async fn settle(&mut self, step: Step) -> Result<(), Stop> {
        self.hold().await?;
        let settling = Settling {
            name: self.sink.name.clone(),
            fence: self.sink.progress.lease.fence,
            epoch: self.epoch(),
            step,
            at: self.deliver.clock.now(),
        };
        match self.deliver.sinks.settle_sink(settling).await? {
            Some(sink) if sink.revision == self.sink.revision && sink.enabled => {
                self.sink = sink;
                Ok(())
            }
            Some(_) => Err(Stop::Over),
            None => {
                self.scan.fence = None;
                Err(Stop::Over)
            }
        }
    }

    const fn epoch(&self) -> Epoch {
        self.round.epoch
    }

    /// Settles a failure and ends the pass.
    async fn fail(&mut self, step: Step) -> Result<(), Stop> {
        self.settle(step).await?;
        Err(Stop::Over)
    }

    async fn stuck(&mut self, what: String) -> Stop {
        let failure = self.failure(what, false, None);
        match self.settle(Step::Stuck(failure)).await {
            Ok(()) => Stop::Over,
            Err(stop) => stop,
        }
    }
}
