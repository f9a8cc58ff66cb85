//! The desk of agents that live in the same process as the use cases.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::changes::{ChangeReport, Stretch};
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{
    AcknowledgeError, ChangeReports, IdGenerator, MessageRepository, MessageSlice, ObserveError, OpenApprovalError,
    OpenedApproval, RegisterError, Registered, SaveReportError, SessionFilter, SessionQuery, SessionRepository,
    StoreUnavailable, WakeUps, WithdrawApprovalError,
};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, IngestError, IngestMessages, MessageInput, NewApproval, NewSession, OpenApproval, Ports,
    ReadApprovals, ReadCommands, RegisterSession, ReportStatus, WithdrawApproval,
};

use crate::desk::{Desk, TellsChanges};

/// Calls the use cases of the domain, over the ports of this process.
pub struct LocalDesk {
    ingest: IngestMessages,
    report: ReportStatus,
    acknowledge: AcknowledgeCommand,
    register: RegisterSession,
    commands: ReadCommands,
    open_approval: OpenApproval,
    withdraw: WithdrawApproval,
    approvals: ReadApprovals,
    messages: Arc<dyn MessageRepository>,
    sessions: Arc<dyn SessionRepository>,
    ids: Arc<dyn IdGenerator>,
    wake_ups: Arc<dyn WakeUps>,
    /// Where other replicas read what agents of this one changed.
    reports: Option<Arc<dyn ChangeReports>>,
}

impl LocalDesk {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self {
            ingest: IngestMessages::new(ports),
            report: ReportStatus::new(ports),
            acknowledge: AcknowledgeCommand::new(ports),
            register: RegisterSession::new(ports),
            commands: ReadCommands::new(ports),
            open_approval: OpenApproval::new(ports),
            withdraw: WithdrawApproval::new(ports),
            approvals: ReadApprovals::new(ports),
            messages: Arc::clone(&ports.messages),
            sessions: Arc::clone(&ports.sessions),
            ids: Arc::clone(&ports.ids),
            wake_ups: Arc::clone(&ports.wake_ups),
            reports: None,
        }
    }

    /// The same in one of several replicas, which do not see the folders of each other's agents.
    #[must_use]
    pub fn of_replica(ports: &Ports) -> Self {
        Self { reports: Some(Arc::clone(&ports.change_reports)), ..Self::new(ports) }
    }
}

#[async_trait]
impl Desk for LocalDesk {
    async fn append(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<Control, IngestError> {
        Ok(self.ingest.execute(session, batch).await?.control)
    }

    async fn report(
        &self,
        session: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Session, ObserveError> {
        Ok(self.report.introduced(session, status, reason, own).await?.session)
    }

    async fn heartbeat(&self, session: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        self.report.heartbeat(session).await
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError> {
        self.acknowledge.execute(session, seq, receipt).await
    }

    async fn register(&self, new: NewSession) -> Result<Registered, RegisterError> {
        self.register.execute(new, SessionStatus::Spawning).await
    }

    fn tells_changes(&self) -> TellsChanges {
        if self.reports.is_some() { TellsChanges::Always } else { TellsChanges::Never }
    }

    async fn changed(&self, session: SessionId, stretch: Stretch, report: ChangeReport) -> Result<(), SaveReportError> {
        match &self.reports {
            Some(reports) => reports.save_change_report(session, stretch, report).await,
            None => Ok(()),
        }
    }

    async fn commands(&self, session: SessionId, after: CommandSeq) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        self.commands.execute(session, after).await
    }

    async fn open_approval(&self, session: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError> {
        self.open_approval.execute(session, new).await
    }

    async fn withdraw_approval(&self, id: ApprovalId) -> Result<Approval, WithdrawApprovalError> {
        Ok(self.withdraw.execute(id).await?.approval)
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        self.approvals.one(id).await
    }

    async fn messages_after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.messages.after(session, after, limit).await
    }

    async fn messages_before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.messages.before(session, before, limit).await
    }

    async fn sessions_known_as(
        &self,
        provider: &ProviderName,
        own: &ProviderSessionId,
        limit: usize,
    ) -> Result<Vec<Session>, StoreUnavailable> {
        let filter = SessionFilter {
            provider: Some(provider.clone()),
            provider_session_id: Some(own.clone()),
            ..SessionFilter::default()
        };
        Ok(self.sessions.list(SessionQuery { filter, after: None, limit, heads_only: true }).await?.sessions)
    }

    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.wake_ups.previewed(session, kind, text);
    }

    fn message_id(&self) -> MessageId {
        self.ids.message_id()
    }

    fn session_id(&self) -> SessionId {
        self.ids.session_id()
    }

    fn approval_id(&self) -> ApprovalId {
        ApprovalId::new(self.ids.uuid())
    }
}
