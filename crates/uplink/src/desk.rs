//! What an agent's record is written through and read from, wherever the store is.

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

/// Whether it is told what agents change in their folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TellsChanges {
    /// Whoever reads it is in this process.
    Never,
    /// At any time, also after the end of the session.
    Always,
    /// Before the end of the session is reported: nothing is taken from then on.
    BeforeTheEnd,
}

/// Records what agents do, and answers what they ask of the record. A desk serves all agents of a provider; each call names
/// the session that it is about.
///
/// # What every desk promises
/// - **Order.** The calls about one session take effect in the order in which they were answered.
/// - **Acknowledged means durable.** When a call answers `Ok`, its effect outlives the process. The desk of a program on
///   another machine may answer once its own outbox is durable; it then delivers the effect in order.
/// - **Unavailable means unknown.** An error that says that the store is unavailable ([`StoreUnavailable`], or the variant
///   `Unavailable` of another error) says nothing of the effect: there is one or there is none. The caller repeats the same
///   call, and calls are made to be repeated: what carries an id ([`MessageInput::id`], [`NewSession::session_id`],
///   [`NewApproval::id`]) has one effect however often it is repeated, and a repeated status, receipt or withdrawal changes
///   nothing.
/// - **Any other error is an answer.** Repeating the call gives it again.
/// - **No call blocks the runtime's thread**, and one that is dropped half-way leaves its effect whole or absent.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Appends messages to a session's conversation, whole or not at all, in the order given, after all that was appended
    /// before. Gives back what operators want of the session. At most
    /// [`IngestMessages::MAX_BATCH`](flightdeck_domain::use_cases::IngestMessages::MAX_BATCH) messages.
    ///
    /// # Errors
    /// The store is unavailable; there is no such session, or it has ended; or a message breaks a rule.
    async fn append(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<Control, IngestError>;

    /// Records that a status was observed, why, and the id under which the agent itself knows the session (`None` leaves the
    /// one that is known). Gives back the session as it is then. To observe the present status again is a sign of life.
    ///
    /// # Errors
    /// The store is unavailable; there is no such session; or the status cannot follow the present one.
    async fn report(
        &self,
        session: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<Session, ObserveError>;

    /// Records a sign of life that says nothing of the status. Gives back what operators want of the session; `None` when
    /// there is no such session.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn heartbeat(&self, session: SessionId) -> Result<Option<Control>, StoreUnavailable>;

    /// Moves the receipt of a session's command on, and gives back the command as it is then: a receipt that is final
    /// already stays as it is.
    ///
    /// # Errors
    /// The store is unavailable; there is no such session or command; or the receipt cannot follow the present one.
    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError>;

    /// Puts a session into the tree as `spawning`, below its parent. One that is there already under the same id stays as it
    /// is and is given back.
    ///
    /// # Errors
    /// The store is unavailable; or the tree does not take the session: the parent is unknown or ended, a spawn fence is up …
    async fn register(&self, new: NewSession) -> Result<Registered, RegisterError>;

    /// Whether those who read elsewhere have to be told what agents change in their folders, and when.
    fn tells_changes(&self) -> TellsChanges;

    /// Tells what an agent changed in a part of its session. It takes the place of what was told of that part before, unless
    /// that is about a later state.
    ///
    /// # Errors
    /// There is no such session, its conversation is archived, or the store is unavailable.
    async fn changed(&self, session: SessionId, stretch: Stretch, report: ChangeReport) -> Result<(), SaveReportError>;

    /// The commands of a session's queue after a place whose receipts are not final, in order, at most
    /// [`ReadCommands::MAX_LIMIT`](flightdeck_domain::use_cases::ReadCommands::MAX_LIMIT); `None` when there is no such
    /// session.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn commands(&self, session: SessionId, after: CommandSeq) -> Result<Option<Vec<Command>>, StoreUnavailable>;

    /// Opens a permission request of a session, which then waits. One that was opened before under the same id is given
    /// back as it is.
    ///
    /// # Errors
    /// The store is unavailable; there is no such session, or it has ended; or the request breaks a rule.
    async fn open_approval(&self, session: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError>;

    /// Takes an open permission request back, and answers with the request as it is then.
    ///
    /// # Errors
    /// The store is unavailable; there is no such request; or it was closed in another way.
    async fn withdraw_approval(&self, id: ApprovalId) -> Result<Approval, WithdrawApprovalError>;

    /// A permission request as it is; `None` when there is none under this id.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable>;

    /// At most `limit` messages of a conversation after a place, in order, and fewer when they are large; `None` when there
    /// is no such session.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn messages_after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// The last `limit` messages of a conversation before a place, in order, and fewer when they are large: the last ones
    /// count first. `None` when there is no such session.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn messages_before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// Sessions of a provider whose agent had this id of its own, the newest first, at most `limit`. What is large of them
    /// (context, metadata) may be missing.
    ///
    /// # Errors
    /// The store is unavailable.
    async fn sessions_known_as(
        &self,
        provider: &ProviderName,
        own: &ProviderSessionId,
        limit: usize,
    ) -> Result<Vec<Session>, StoreUnavailable>;

    /// Shows what is being said to whoever looks; it is no message yet, and may be lost. Never waits.
    fn previewed(&self, session: SessionId, kind: &str, text: &str);

    /// A new id for a message. The ids of one desk are never repeated, and later ones of the same kind sort after earlier
    /// ones where the deployment's ids are ordered by time.
    fn message_id(&self) -> MessageId;

    /// A new id for a session.
    fn session_id(&self) -> SessionId;

    /// A new id for a permission request.
    fn approval_id(&self) -> ApprovalId;
}
