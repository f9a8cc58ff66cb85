//! A desk that fails on purpose, for proofs of what agents do then.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::changes::{ChangeReport, Stretch};
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{
    AcknowledgeError, MessageSlice, ObserveError, OpenApprovalError, OpenedApproval, RegisterError, Registered,
    SaveReportError, StoreUnavailable, WithdrawApprovalError,
};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::use_cases::{IngestError, MessageInput, NewApproval, NewSession};
use tokio::sync::Notify;

use crate::desk::{Desk, TellsChanges};

/// A desk whose store can be taken away, and at which an agent can be made to panic.
///
/// While the store is away every call says so. Every second of them has had its effect: the answer got lost.
pub struct FaultyDesk {
    inner: Arc<dyn Desk>,
    faults: Mutex<Faults>,
    met: Notify,
}

#[derive(Default)]
struct Faults {
    away: bool,
    /// How many calls were told so.
    refused: u64,
    panics: BTreeSet<SessionId>,
}

#[derive(Clone, Copy)]
enum Fault {
    None,
    Away,
    AnswerLost,
}

impl FaultyDesk {
    /// A desk on which nothing goes wrong yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Desk>) -> Self {
        Self { inner, faults: Mutex::default(), met: Notify::new() }
    }

    /// Takes the store away, and comes back when two calls have met that.
    pub async fn unplug(&self) {
        let before = {
            let mut faults = self.faults();
            faults.away = true;
            faults.refused
        };
        loop {
            let met = self.met.notified();
            if self.faults().refused >= before + 2 {
                return;
            }
            met.await;
        }
    }

    /// Brings the store back.
    pub fn plug_in(&self) {
        self.faults().away = false;
    }

    /// The next call about this session panics, in the task of whoever makes it.
    pub fn panic_at_next(&self, session: SessionId) {
        self.faults().panics.insert(session);
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        // Whoever holds the lock changes one thing.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn panic_if_told(&self, session: SessionId) {
        let told = self.faults().panics.remove(&session);
        assert!(!told, "the desk was told to fail so");
    }

    fn fault(&self, session: Option<SessionId>) -> Fault {
        if let Some(session) = session {
            self.panic_if_told(session);
        }
        let mut faults = self.faults();
        if !faults.away {
            return Fault::None;
        }
        faults.refused += 1;
        let lost = faults.refused.is_multiple_of(2);
        drop(faults);
        self.met.notify_waiters();
        if lost { Fault::AnswerLost } else { Fault::Away }
    }

    async fn through<T: Send, E: Send>(
        &self,
        session: Option<SessionId>,
        call: impl Future<Output = Result<T, E>> + Send,
        unavailable: impl Fn(StoreUnavailable) -> E + Send,
    ) -> Result<T, E> {
        match self.fault(session) {
            Fault::None => call.await,
            Fault::Away => Err(unavailable(StoreUnavailable::new("unplugged"))),
            Fault::AnswerLost => {
                drop(call.await);
                Err(unavailable(StoreUnavailable::new("unplugged before the answer came")))
            }
        }
    }
}

#[async_trait]
impl Desk for FaultyDesk {
    async fn append(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<Control, IngestError> {
        let unavailable = |cause| IngestError::Append(StoreUnavailable::into(cause));
        self.through(Some(session), self.inner.append(session, batch), unavailable).await
    }

    async fn report(
        &self,
        session: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Session, ObserveError> {
        self.through(Some(session), self.inner.report(session, status, reason, own), Into::into).await
    }

    async fn heartbeat(&self, session: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        self.through(Some(session), self.inner.heartbeat(session), Into::into).await
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError> {
        self.through(Some(session), self.inner.acknowledge(session, seq, receipt), Into::into).await
    }

    async fn register(&self, new: NewSession) -> Result<Registered, RegisterError> {
        self.through(None, self.inner.register(new), Into::into).await
    }

    fn tells_changes(&self) -> TellsChanges {
        self.inner.tells_changes()
    }

    async fn changed(&self, session: SessionId, stretch: Stretch, report: ChangeReport) -> Result<(), SaveReportError> {
        self.through(Some(session), self.inner.changed(session, stretch, report), Into::into).await
    }

    async fn commands(&self, session: SessionId, after: CommandSeq) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        self.through(Some(session), self.inner.commands(session, after), Into::into).await
    }

    async fn open_approval(&self, session: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError> {
        self.through(Some(session), self.inner.open_approval(session, new), Into::into).await
    }

    async fn withdraw_approval(&self, id: ApprovalId) -> Result<Approval, WithdrawApprovalError> {
        self.through(None, self.inner.withdraw_approval(id), Into::into).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        let found = self.through(None, self.inner.approval(id), Into::into).await?;
        if let Some(approval) = &found {
            self.panic_if_told(approval.session_id);
        }
        Ok(found)
    }

    async fn messages_after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.through(Some(session), self.inner.messages_after(session, after, limit), Into::into).await
    }

    async fn messages_before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.through(Some(session), self.inner.messages_before(session, before, limit), Into::into).await
    }

    async fn sessions_known_as(
        &self,
        provider: &ProviderName,
        own: &ProviderSessionId,
        limit: usize,
    ) -> Result<Vec<Session>, StoreUnavailable> {
        self.through(None, self.inner.sessions_known_as(provider, own, limit), Into::into).await
    }

    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.inner.previewed(session, kind, text);
    }

    fn message_id(&self) -> MessageId {
        self.inner.message_id()
    }

    fn session_id(&self) -> SessionId {
        self.inner.session_id()
    }

    fn approval_id(&self) -> ApprovalId {
        self.inner.approval_id()
    }
}
