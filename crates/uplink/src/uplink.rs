//! How an agent reports: through a desk, tried again while the store is away.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::approval::{Approval, AskRefused};
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::{ApprovalId, CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{AppendRefused, Control, Message, MessageRole};
use flightdeck_domain::ports::{
    AcknowledgeError, AppendError, ObserveError, OpenApprovalError, OpenedApproval, RegisterError, Registered,
    StoreUnavailable, WithdrawApprovalError,
};
use flightdeck_domain::session::{RegistrationRefused, Session, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::use_cases::{IngestError, MessageInput, NewApproval, NewSession, ReadCommands};

use crate::desk::Desk;
use crate::mailbox::{Interruption, Mailbox};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);
/// So many earlier sessions are looked into at most.
const EARLIER_SESSIONS: usize = 10;
/// So many messages are read at once.
const EARLIER_PAGE: usize = 200;
/// So often, of one session.
const EARLIER_PAGES: usize = 25;

/// Why an agent stops.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// From outside.
    Interrupted(Interruption),
    /// It does so by itself, for this reason.
    Failed(Reason),
    /// Somebody else ended the session.
    Closed,
}

impl From<Interruption> for Stop {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

/// One agent's way to the record. Each call is tried again while the store is away, and ends with [`Stop`] when the agent
/// is to stop meanwhile or its session is over.
pub struct Uplink {
    /// The agent's session.
    pub session: SessionId,
    /// Where it is stopped from.
    pub mailbox: Arc<Mailbox>,
    /// What it reports through.
    pub desk: Arc<dyn Desk>,
}

/// Tells an outage, after which the same call may work, from an answer.
trait MayBeOutage: std::error::Error {
    fn is_outage(&self) -> bool;
}

impl MayBeOutage for StoreUnavailable {
    fn is_outage(&self) -> bool {
        true
    }
}

impl MayBeOutage for IngestError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Append(AppendError::Unavailable(_)))
    }
}

impl MayBeOutage for ObserveError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayBeOutage for AcknowledgeError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayBeOutage for WithdrawApprovalError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayBeOutage for OpenApprovalError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayBeOutage for RegisterError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Uplink {
    /// Appends a message. `None` when the store took it for a reason of its own not to; that is in the log.
    pub async fn message(
        &self,
        role: MessageRole,
        content: MessageContent,
        metadata: JsonObject,
    ) -> Result<Option<Control>, Stop> {
        self.message_as(self.desk.message_id(), role, content, metadata).await
    }

    /// Appends a message under an id of one's own choice.
    pub async fn message_as(
        &self,
        id: MessageId,
        role: MessageRole,
        content: MessageContent,
        metadata: JsonObject,
    ) -> Result<Option<Control>, Stop> {
        // One id for all attempts: an attempt whose answer got lost must not make the message appear twice.
        let input = MessageInput { id: Some(id), role, content, metadata, usage: None, created_at: None };
        match self.persist(|| self.desk.append(self.session, vec![input.clone()])).await? {
            Ok(control) => Ok(Some(control)),
            Err(IngestError::Append(
                AppendError::UnknownSession(_)
                | AppendError::Refused(AppendRefused::Ended { .. } | AppendRefused::Archived { .. }),
            )) => Err(Stop::Closed),
            Err(error) => {
                tracing::error!(session = %self.session, error = %error, "an agent's message was refused");
                Ok(None)
            }
        }
    }

    /// Says that the agent broke off by a fault of the server, so that its session does not live on without it. A kill that
    /// comes meanwhile has its effect.
    pub async fn broke_off(&self) {
        let why = Reason::shortened("the server's part of the agent panicked; the log says why");
        let mut end = self.status(SessionStatus::Failed, Some(why)).await.map(drop);
        while let Err(Stop::Interrupted(Interruption::Killed(kill))) = end {
            let _ = self.acknowledge(kill.seq, Receipt::Delivered).await;
            end = self.status(SessionStatus::Killed, kill.reason.clone()).await.map(drop);
        }
    }

    /// Reports a status, and gives back the session as the store has it; `None` when the move is not legal just now.
    pub async fn status(&self, status: SessionStatus, reason: Option<Reason>) -> Result<Option<Session>, Stop> {
        self.introduced(status, reason, None).await
    }

    /// The same, with the id under which the agent itself knows the session: it is kept from then on.
    pub async fn introduced(
        &self,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Option<Session>, Stop> {
        let report = || self.desk.report(self.session, status, reason.clone(), own.clone());
        match self.persist(report).await? {
            Ok(session) => Ok(Some(session)),
            Err(ObserveError::Illegal(illegal)) if !illegal.from.is_terminal() => {
                tracing::warn!(session = %self.session, error = %illegal, "an agent's status was refused");
                Ok(None)
            }
            Err(_) => Err(Stop::Closed),
        }
    }

    /// Moves a command's receipt on. Gives back whether it is as was reported: one that is final already says that the
    /// session has ended, or that an operator has taken the command back.
    pub async fn acknowledge(&self, seq: CommandSeq, receipt: Receipt) -> Result<bool, Stop> {
        match self.persist(|| self.desk.acknowledge(self.session, seq, receipt.clone())).await? {
            Ok(command) => Ok(command.receipt == receipt),
            Err(error) => {
                tracing::debug!(session = %self.session, command = %seq, error = %error, "an acknowledgement was refused");
                Ok(false)
            }
        }
    }

    /// Puts all commands of the queue that the mailbox has not seen into it.
    pub async fn fetch_commands(&self) -> Result<(), Stop> {
        let mut after = CommandSeq::ZERO;
        loop {
            let Ok(pending) = self.persist(|| self.desk.commands(self.session, after)).await? else {
                return Ok(());
            };
            let pending = pending.ok_or(Stop::Closed)?;
            for command in &pending {
                self.mailbox.put(command, None);
            }
            match pending.last() {
                Some(last) if pending.len() >= ReadCommands::MAX_LIMIT => after = last.seq,
                _ => return Ok(()),
            }
        }
    }

    /// Puts a session below this one into the tree.
    pub async fn register(&self, new: NewSession) -> Result<Result<Registered, RegistrationRefused>, Stop> {
        // The same id for all attempts, for the same reason as with a message.
        let new = NewSession { session_id: Some(self.desk.session_id()), ..new };
        match self.persist(|| self.desk.register(new.clone())).await? {
            Ok(registered) => Ok(Ok(registered)),
            Err(RegisterError::Refused(refused)) => Ok(Err(refused)),
            Err(RegisterError::Unavailable(_)) => Err(Stop::Closed),
        }
    }

    /// Opens a permission request.
    pub async fn open_approval(&self, new: NewApproval) -> Result<Result<OpenedApproval, AskRefused>, Stop> {
        // The same id for all attempts, for the same reason as with a message.
        let new = NewApproval { id: Some(self.desk.approval_id()), ..new };
        match self.persist(|| self.desk.open_approval(self.session, new.clone())).await? {
            Ok(opened) => Ok(Ok(opened)),
            Err(OpenApprovalError::Refused(AskRefused::Ended { .. }) | OpenApprovalError::UnknownSession(_)) => {
                Err(Stop::Closed)
            }
            Err(OpenApprovalError::Refused(refused)) => Ok(Err(refused)),
            Err(OpenApprovalError::Unavailable(_)) => Err(Stop::Closed),
        }
    }

    /// Takes a permission request back; one that is closed already stays as it is.
    pub async fn withdraw_approval(&self, id: ApprovalId) -> Result<(), Stop> {
        if let Err(error) = self.persist(|| self.desk.withdraw_approval(id)).await? {
            tracing::debug!(session = %self.session, approval = %id, %error, "a request was closed already");
        }
        Ok(())
    }

    /// Shows what is being said to whoever looks; it is no message yet.
    pub fn preview(&self, kind: &str, text: &str) {
        self.desk.previewed(self.session, kind, text);
    }

    /// A new id for a message.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.desk.message_id()
    }

    /// A permission request as it stands.
    pub async fn approval(&self, id: ApprovalId) -> Result<Approval, Stop> {
        match self.persist(|| self.desk.approval(id)).await? {
            Ok(Some(approval)) => Ok(approval),
            Ok(None) | Err(_) => Err(Stop::Closed),
        }
    }

    /// Gives a sign of life that says nothing of the status.
    pub async fn heartbeat(&self) -> Result<(), Stop> {
        self.persist(|| self.desk.heartbeat(self.session)).await?.map(drop).map_err(|_outage| Stop::Closed)
    }

    /// What the message at a place of the conversation says.
    pub async fn message_at(&self, seq: Seq) -> Result<Option<MessageContent>, Stop> {
        let slice = self.persist(|| self.desk.messages_after(self.session, seq.previous(), 1)).await?;
        let found = slice.ok().flatten().and_then(|mut slice| slice.messages.pop());
        Ok(found.map(|message| message.content))
    }

    /// Other sessions that had an agent under this id of its own, the newest first.
    pub async fn earlier(&self, provider: &ProviderName, own: &ProviderSessionId) -> Result<Vec<Session>, Stop> {
        let found = self.persist(|| self.desk.sessions_known_as(provider, own, EARLIER_SESSIONS)).await?;
        let sessions = found.unwrap_or_default();
        Ok(sessions.into_iter().filter(|session| session.id != self.session).collect())
    }

    /// Looks for something in the conversations of these sessions: of each among the newest messages.
    pub async fn find_in<T>(
        &self,
        sessions: &[Session],
        find: impl Fn(&Message) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        for session in sessions {
            let mut before = session.last_seq.next();
            for _ in 0..EARLIER_PAGES {
                let page = self.persist(|| self.desk.messages_before(session.id, before, EARLIER_PAGE)).await?;
                let Ok(Some(slice)) = page else { break };
                if let Some(found) = slice.messages.iter().rev().find_map(&find) {
                    return Ok(Some(found));
                }
                match slice.messages.first() {
                    Some(first) if first.seq > Seq::new(1) => before = first.seq,
                    _ => break,
                }
            }
        }
        Ok(None)
    }

    /// Calls until the store answers. Between two attempts the agent can be stopped, within one it cannot: what the
    /// store has begun it finishes.
    async fn persist<T, E, F>(&self, mut call: impl FnMut() -> F) -> Result<Result<T, E>, Stop>
    where
        E: MayBeOutage,
        F: Future<Output = Result<T, E>> + Send,
    {
        let mut pause = FIRST_RETRY;
        loop {
            if let Some(interruption) = self.mailbox.interruption() {
                return Err(interruption.into());
            }
            match call().await {
                Err(error) if error.is_outage() => {
                    let cause = error.source().map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(session = %self.session, %error, cause, retry_in = ?pause, "an agent waits");
                    tokio::select! {
                        biased;
                        interruption = self.mailbox.interrupted() => return Err(interruption.into()),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = SLOWEST_RETRY.min(pause * 2);
                }
                answer => return Ok(answer),
            }
        }
    }
}
