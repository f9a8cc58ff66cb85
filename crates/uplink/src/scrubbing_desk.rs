//! A desk that takes an agent's own credentials out of what the agent says.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_agent_io::scrub::Scrubber;
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
use flightdeck_domain::text::{
    AgentType, ApprovalTitle, JsonObject, MessageContent, ProviderName, ProviderSessionId, Reason,
};
use flightdeck_domain::use_cases::{IngestError, MessageInput, NewApproval, NewSession};

use crate::desk::{Desk, TellsChanges};

/// What stands for a text that is too long once its secrets are replaced, or is none any more.
const LEFT_OUT: &str = "(left out: it had a credential)";

/// The desk of one agent: whatever it says passes the [`Scrubber`] before it is recorded or shown.
pub struct ScrubbingDesk {
    inner: Arc<dyn Desk>,
    scrubber: Scrubber,
    /// For texts that come line by line.
    lines: Scrubber,
}

impl ScrubbingDesk {
    /// The desk of an agent that was given these secrets, each with its name. It is the desk itself when there are none.
    #[must_use]
    pub fn over<'a>(
        inner: Arc<dyn Desk>,
        secrets: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Arc<dyn Desk> {
        let (scrubber, lines) = (Scrubber::new(secrets.clone()), Scrubber::of_lines(secrets));
        if lines.is_empty() { inner } else { Arc::new(Self { inner, scrubber, lines }) }
    }

    /// A text without secrets. What is too long after it is cut.
    fn text<T, E>(&self, text: T, limit: usize, shown: fn(&T) -> &str, make: fn(String) -> Result<T, E>) -> Option<T> {
        let Cow::Owned(scrubbed) = self.scrubber.text(shown(&text)) else { return Some(text) };
        let end = (0..=limit.min(scrubbed.len())).rev().find(|end| scrubbed.is_char_boundary(*end));
        let scrubbed = scrubbed.get(..end.unwrap_or_default()).unwrap_or_default();
        make(scrubbed.to_owned()).or_else(|_| make(LEFT_OUT.to_owned())).ok()
    }

    fn content(&self, content: MessageContent) -> MessageContent {
        let (limit, make) = (MessageContent::LIMIT, MessageContent::new);
        let scrubbed = self.text(content.clone(), limit, MessageContent::as_str, make);
        scrubbed.unwrap_or(content)
    }

    fn reason(&self, reason: Reason) -> Reason {
        match self.scrubber.text(reason.as_str()) {
            Cow::Owned(scrubbed) => Reason::shortened(&scrubbed),
            Cow::Borrowed(_) => reason,
        }
    }

    fn object(&self, object: JsonObject) -> JsonObject {
        let mut members = object.as_map().clone();
        self.scrubber.members(&mut members);
        if members == *object.as_map() { object } else { JsonObject::new(members).unwrap_or_default() }
    }

    fn own(&self, own: ProviderSessionId) -> Option<ProviderSessionId> {
        self.text(own, ProviderSessionId::LIMIT, ProviderSessionId::as_str, ProviderSessionId::new)
    }

    fn message(&self, input: MessageInput) -> MessageInput {
        MessageInput { content: self.content(input.content), metadata: self.object(input.metadata), ..input }
    }

    fn receipt(&self, receipt: Receipt) -> Receipt {
        match receipt {
            Receipt::Refused { reason } => Receipt::Refused { reason: self.reason(reason) },
            other => other,
        }
    }
}

#[async_trait]
impl Desk for ScrubbingDesk {
    async fn append(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<Control, IngestError> {
        let batch = batch.into_iter().map(|input| self.message(input)).collect();
        self.inner.append(session, batch).await
    }

    async fn report(
        &self,
        session: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Session, ObserveError> {
        let reason = reason.map(|reason| self.reason(reason));
        self.inner.report(session, status, reason, own.and_then(|own| self.own(own))).await
    }

    async fn heartbeat(&self, session: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        self.inner.heartbeat(session).await
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError> {
        let told = self.receipt(receipt.clone());
        let command = self.inner.acknowledge(session, seq, told.clone()).await?;
        // Whoever asks compares it with what it has given.
        if command.receipt == told { Ok(Command { receipt, ..command }) } else { Ok(command) }
    }

    async fn register(&self, new: NewSession) -> Result<Registered, RegisterError> {
        let agent_type = self
            .text(new.agent_type.clone(), AgentType::LIMIT, AgentType::as_str, AgentType::new)
            .unwrap_or_else(|| new.agent_type.clone());
        let own = new.provider_session_id.clone().and_then(|own| self.own(own));
        let (context, metadata) = (self.object(new.context.clone()), self.object(new.metadata.clone()));
        self.inner.register(NewSession { agent_type, provider_session_id: own, context, metadata, ..new }).await
    }

    fn tells_changes(&self) -> TellsChanges {
        self.inner.tells_changes()
    }

    async fn changed(
        &self,
        session: SessionId,
        stretch: Stretch,
        mut report: ChangeReport,
    ) -> Result<(), SaveReportError> {
        report.rewrite(|text, is_cut| self.lines.part(text, is_cut));
        self.inner.changed(session, stretch, report).await
    }

    async fn commands(&self, session: SessionId, after: CommandSeq) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        self.inner.commands(session, after).await
    }

    async fn open_approval(&self, session: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError> {
        let title = match self.scrubber.text(new.title.as_str()) {
            Cow::Owned(scrubbed) => ApprovalTitle::shortened(&scrubbed),
            Cow::Borrowed(_) => new.title.clone(),
        };
        let detail = self.object(new.detail.clone());
        self.inner.open_approval(session, NewApproval { title, detail, ..new }).await
    }

    async fn withdraw_approval(&self, id: ApprovalId) -> Result<Approval, WithdrawApprovalError> {
        self.inner.withdraw_approval(id).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        self.inner.approval(id).await
    }

    async fn messages_after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.inner.messages_after(session, after, limit).await
    }

    async fn messages_before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.inner.messages_before(session, before, limit).await
    }

    async fn sessions_known_as(
        &self,
        provider: &ProviderName,
        own: &ProviderSessionId,
        limit: usize,
    ) -> Result<Vec<Session>, StoreUnavailable> {
        // It is on record as it was scrubbed.
        let known = self.own(own.clone()).unwrap_or_else(|| own.clone());
        self.inner.sessions_known_as(provider, &known, limit).await
    }

    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.inner.previewed(session, kind, &self.scrubber.begun(text));
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
