//! The desk of agents that are far from the server: what they report is durable in the outbox when they hear so.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::approval::{Approval, ApprovalState, Ask, Asked, ExpiryReason, WithdrawalRefused};
use flightdeck_domain::changes::{ChangeReport, Stretch};
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{AppendRefused, Control};
use flightdeck_domain::ports::{
    AcknowledgeError, AppendError, Clock as _, IdGenerator, MessageSlice, ObserveError, OpenApprovalError,
    OpenedApproval, RegisterError, Registered, SaveReportError, StoreUnavailable, WithdrawApprovalError,
};
use flightdeck_domain::session::{Admission, Ancestor, Observation, Registration, Session, SessionStatus, TreeFacts};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::use_cases::{IngestError, MessageInput, NewApproval, NewSession};
use flightdeck_uplink::{Desk, TellsChanges};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::earlier::Earlier;
use crate::held::{AllHeld, Held};
use crate::link::Told;
use crate::messages;
use crate::outbox::Outbox;
use crate::views::History;

/// How long a question to the server may take.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// A session below an assigned one was registered: it needs ears.
pub(crate) type Registrations = mpsc::UnboundedSender<(Arc<Held>, SessionId)>;

/// The desk.
pub(crate) struct RemoteDesk {
    pub(crate) outbox: Outbox,
    pub(crate) held: AllHeld,
    pub(crate) registered: Registrations,
}

impl RemoteDesk {
    /// The assignment and the session, as they are known.
    fn known(&self, session: SessionId) -> Option<(Arc<Held>, Session)> {
        let held = self.held.of(session)?;
        let session = held.session(session)?;
        Some((held, session))
    }

    async fn put(&self, held: &Held, kind: &'static str, path: String, body: &Value) -> Result<(), StoreUnavailable> {
        self.outbox.put(held.id, kind, path, body.to_string()).await?;
        held.stirred.notify_waiters();
        Ok(())
    }

    /// The status of a session after something that the server follows by itself.
    fn follow(held: &Held, session: &Session, status: SessionStatus) {
        let observation = Observation {
            session_id: session.id,
            status,
            reason: None,
            provider_session_id: None,
            message_id: SystemIds.message_id(),
            at: SystemClock.now(),
        };
        if let Ok(observed) = session.observe(&observation) {
            held.set(observed.into_parts().0);
        }
    }

    /// A page of a conversation of an assignment, as the server has it.
    async fn page(&self, session: SessionId, query: String) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let Some(held) = self.held.of(session) else {
            // What the server has told of it is all that is known.
            let earlier = self.held.earlier(|earlier| earlier.has(session));
            return Ok(earlier.map(|earlier| earlier.messages(session)));
        };
        let path = format!("/agents/{session}/messages?{query}");
        match held.link.ask::<History>(path, DEADLINE).await {
            Told::Good(history) => {
                let messages: Vec<_> = history.messages.into_iter().map(|message| message.of(session)).collect();
                let last_seq = messages.last().map_or(Seq::ZERO, |message| message.seq);
                let known = held.session(session);
                Ok(known.map(|known| MessageSlice {
                    messages,
                    receipts: HashMap::new(),
                    last_seq,
                    status: known.status,
                }))
            }
            Told::Later => Err(StoreUnavailable::new("the server is away")),
            Told::Over(_) | Told::Refused(_) => Ok(None),
        }
    }
}

#[async_trait]
impl Desk for RemoteDesk {
    async fn append(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<Control, IngestError> {
        let unknown = || IngestError::from(AppendError::UnknownSession(session));
        let (held, known) = self.known(session).ok_or_else(unknown)?;
        if known.status.is_terminal() {
            let refused = AppendRefused::Ended { session, status: known.status };
            return Err(AppendError::from(refused).into());
        }
        for input in &batch {
            let body = messages::message(input, input.id.unwrap_or_else(|| SystemIds.message_id()));
            let path = format!("/agents/{session}/messages");
            self.put(&held, "message", path, &body).await.map_err(AppendError::from)?;
        }
        held.control(session).ok_or_else(unknown)
    }

    async fn report(
        &self,
        session: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Session, ObserveError> {
        let (held, known) = self.known(session).ok_or(ObserveError::UnknownSession(session))?;
        let observation = Observation {
            session_id: session,
            status,
            reason,
            provider_session_id: own,
            message_id: SystemIds.message_id(),
            at: SystemClock.now(),
        };
        let after = known.observe(&observation)?.into_parts().0;
        let own = observation.provider_session_id.as_ref();
        let body = messages::status(status, observation.reason.as_ref(), own);
        self.put(&held, "status", format!("/agents/{session}/status"), &body).await?;
        held.set(after.clone());
        Ok(after)
    }

    /// The ears of a session give its sign of life.
    async fn heartbeat(&self, session: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        Ok(self.held.of(session).and_then(|held| held.control(session)))
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError> {
        let unknown = || AcknowledgeError::UnknownCommand { session, seq };
        let held = self.held.of(session).ok_or_else(unknown)?;
        let known = held.with_command(session, seq, |command| command.clone()).ok_or_else(unknown)?;
        let after = known.acknowledge(receipt.clone(), SystemClock.now())?;
        if after != known
            && let Some(body) = messages::receipt(&receipt)
        {
            self.put(&held, "ack", format!("/agents/{session}/commands/{seq}/ack"), &body).await?;
            held.with_command(session, seq, |command| *command = after.clone());
        }
        Ok(after)
    }

    async fn register(&self, new: NewSession) -> Result<Registered, RegisterError> {
        let id = new.session_id.unwrap_or_else(|| SystemIds.session_id());
        let away = || RegisterError::from(StoreUnavailable::new("the session above is not at work here"));
        let (held, parent) = new.parent_id.and_then(|parent| self.known(parent)).ok_or_else(away)?;
        let new = NewSession { session_id: Some(id), ..new };
        let registration = Registration {
            id,
            parent_id: new.parent_id,
            provider: parent.provider.clone(),
            provider_session_id: new.provider_session_id.clone(),
            replica: None,
            started_by: None,
            mission_id: new.mission_id.clone(),
            task_id: new.task_id.clone(),
            task_source: new.task_source.clone(),
            agent_type: new.agent_type.clone(),
            status: SessionStatus::Spawning,
            gate_profile: new.gate_profile.clone(),
            context: new.context.clone(),
            metadata: new.metadata.clone(),
            at: SystemClock.now(),
        };
        let facts =
            TreeFacts { existing: held.session(id), ancestors: vec![Ancestor::from(&parent)], ..TreeFacts::default() };
        let session = match registration.admit(facts)? {
            Admission::Exists(session) => return Ok(Registered { session: *session, created: false }),
            Admission::Create { session, .. } => *session,
        };
        self.outbox.below(id, held.id).await?;
        self.put(&held, "session", "/agents".to_owned(), &messages::registration(&new)).await?;
        held.add(session.clone());
        self.held.add(id, &held);
        let _ = self.registered.send((held, id));
        Ok(Registered { session, created: true })
    }

    fn tells_changes(&self) -> TellsChanges {
        TellsChanges::BeforeTheEnd
    }

    async fn changed(&self, session: SessionId, stretch: Stretch, report: ChangeReport) -> Result<(), SaveReportError> {
        let held = self.held.of(session).ok_or(SaveReportError::UnknownSession(session))?;
        let path = match stretch {
            Stretch::Whole => format!("/agents/{session}/changes"),
            Stretch::Turn(turn) => format!("/agents/{session}/changes?turn={turn}"),
        };
        let body = serde_json::to_string(&report).map_err(StoreUnavailable::new)?;
        // Of what the server has not taken the last word counts alone.
        self.outbox.replace(held.id, "changes", path, body).await?;
        held.stirred.notify_waiters();
        Ok(())
    }

    async fn commands(&self, session: SessionId, after: CommandSeq) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        Ok(self.held.of(session).and_then(|held| held.pending(session, after)))
    }

    async fn open_approval(&self, session: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError> {
        let (held, known) = self.known(session).ok_or(OpenApprovalError::UnknownSession(session))?;
        let id = new.id.unwrap_or_else(|| self.approval_id());
        let ask = Ask {
            id,
            session_id: session,
            title: new.title.clone(),
            detail: new.detail.clone(),
            options: new.options.clone(),
            expires_in: new.expires_in,
            message_id: SystemIds.message_id(),
            at: SystemClock.now(),
        };
        let opened = match ask.open(&known, held.approval(id).as_ref())? {
            Asked::Exists(approval) => return Ok(OpenedApproval { approval: *approval, created: false, moved: None }),
            Asked::Open(opened) => *opened,
        };
        let body = messages::approval(&NewApproval { id: Some(id), ..new });
        self.put(&held, "approval", format!("/agents/{session}/approvals"), &body).await?;
        held.set(opened.session.observed.into_parts().0);
        held.set_approval(opened.approval.clone());
        Ok(OpenedApproval { approval: opened.approval, created: true, moved: opened.session.moved })
    }

    async fn withdraw_approval(&self, id: ApprovalId) -> Result<Approval, WithdrawApprovalError> {
        let (held, approval) = self.held.with_approval(id).ok_or(WithdrawApprovalError::Unknown(id))?;
        match &approval.state {
            ApprovalState::Open => {}
            ApprovalState::Expired { why: ExpiryReason::Withdrawn, .. } => return Ok(approval),
            ApprovalState::Expired { why, at } => {
                return Err(WithdrawalRefused::Expired { approval: id, why: *why, at: *at }.into());
            }
            ApprovalState::Decided(verdict) => {
                return Err(WithdrawalRefused::Decided { approval: id, verdict: Box::new(verdict.clone()) }.into());
            }
        }
        self.put(&held, "withdrawal", format!("/approvals/{id}/withdraw"), &Value::Object(serde_json::Map::new()))
            .await?;
        let state = ApprovalState::Expired { why: ExpiryReason::Withdrawn, at: SystemClock.now() };
        let approval = Approval { state, ..approval };
        held.set_approval(approval.clone());
        closed(&held, approval.session_id);
        Ok(approval)
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        Ok(self.held.with_approval(id).map(|(_, approval)| approval))
    }

    async fn messages_after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.page(session, format!("after={after}&limit={limit}")).await
    }

    async fn messages_before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.page(session, format!("before={before}&limit={limit}")).await
    }

    /// A runner sees the sessions of its assignments alone. What an agent takes up was told with its start.
    async fn sessions_known_as(
        &self,
        _provider: &ProviderName,
        own: &ProviderSessionId,
        limit: usize,
    ) -> Result<Vec<Session>, StoreUnavailable> {
        let earlier = self.held.earlier(|earlier| earlier.is_of(own));
        let mut sessions = earlier.map(Earlier::into_sessions).unwrap_or_default();
        sessions.truncate(limit);
        Ok(sessions)
    }

    /// Nothing of it is kept, so nothing of it is sent.
    fn previewed(&self, _session: SessionId, _kind: &str, _text: &str) {}

    fn message_id(&self) -> MessageId {
        SystemIds.message_id()
    }

    fn session_id(&self) -> SessionId {
        SystemIds.session_id()
    }

    fn approval_id(&self) -> ApprovalId {
        ApprovalId::new(SystemIds.uuid())
    }
}

/// A request was closed: a session that waits for no other one goes on, as the server has it.
pub(crate) fn closed(held: &Held, session: SessionId) {
    let is_open = held.open_approvals().iter().any(|open| open.session_id == session);
    if let Some(known) = held.session(session).filter(|known| known.status == SessionStatus::Waiting && !is_open) {
        RemoteDesk::follow(held, &known, SessionStatus::Running);
    }
}
