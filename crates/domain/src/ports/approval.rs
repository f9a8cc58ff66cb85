//! Permission requests.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::Remembered;
use crate::approval::{
    Approval, ApprovalAction, ApprovalRefused, ApprovalStatus, Ask, AskRefused, Expiry, Withdrawal, WithdrawalRefused,
};
use crate::ids::{ApprovalId, AuditSeq, FeedPosition, Seq, SessionId};
use crate::time::Timestamp;

/// A request that is there, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedApproval {
    /// The request as it stands.
    pub approval: Approval,
    /// Whether this call opened it; `false` when it was there already.
    pub created: bool,
    /// The newest seq of the session's conversation, when its status moved by this call.
    pub moved: Option<Seq>,
}

/// Why a request was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenApprovalError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] AskRefused),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request that was decided, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidedApproval {
    /// The request as it stands.
    pub approval: Approval,
    /// The newest seq of the session's conversation, when its status moved by this.
    pub moved: Option<Seq>,
    /// The decision's place on the audit log.
    pub audit_seq: AuditSeq,
    /// Whether it was done by an earlier call with the same key.
    pub again: bool,
}

impl DecidedApproval {
    /// What is kept of it, for the call that comes again.
    #[must_use]
    pub fn remember(&self, action: &ApprovalAction) -> Remembered {
        Remembered::new(action.fingerprint(), action.by.at, Some(self.audit_seq))
    }
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideApprovalError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] ApprovalRefused),
    /// The store cannot. Nothing was written, neither the decision nor an entry.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request that its agent took back, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct WithdrawnApproval {
    /// The request as it stands.
    pub approval: Approval,
    /// Whether this call closed it; `false` when it was withdrawn already.
    pub closed: bool,
    /// The newest seq of the session's conversation, when its status moved by this call.
    pub moved: Option<Seq>,
}

/// Why a request was not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawApprovalError {
    /// There is no such request.
    #[error("there is no permission request {0}")]
    Unknown(ApprovalId),
    /// It is closed otherwise.
    #[error(transparent)]
    Refused(#[from] WithdrawalRefused),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request whose deadline closed it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpiredApproval {
    /// The request as it stands.
    pub approval: Approval,
    /// The newest seq of the session's conversation, when its status moved by this.
    pub moved: Option<Seq>,
}

/// Which requests are wanted; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Those of this session.
    pub session_id: Option<SessionId>,
    /// Those of this session and all below it.
    pub subtree: Option<SessionId>,
    /// Those in one of these states; any when empty.
    pub statuses: Vec<ApprovalStatus>,
}

/// A place in the order of requests: newest first, equal times by id, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalCursor {
    /// When the request at the place was opened.
    pub opened_at: Timestamp,
    /// Its id.
    pub id: ApprovalId,
}

/// One page of requests, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalQuery {
    /// Which requests.
    pub filter: ApprovalFilter,
    /// Only those behind this place.
    pub before: Option<ApprovalCursor>,
    /// At most so many.
    pub limit: usize,
}

/// A page of requests as they stood at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalPage {
    /// The requests, newest first.
    pub approvals: Vec<Approval>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<ApprovalCursor>,
    /// The feed position of that moment: the fleet feed after it holds exactly what the page does not show.
    pub as_of: FeedPosition,
}

/// Keeps permission requests, open and closed. Those of a session that ends are closed by
/// [`super::SessionRepository::observe`], in the transaction of the end.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ApprovalRepository: Send + Sync {
    /// Opens a request under the rules of [`Ask::open`]: the request, its event, and the move of its session with its
    /// message and event, in one transaction.
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError>;

    /// One request, or `None`.
    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable>;

    /// Decides a request under the rules of [`ApprovalAction::decide`]. Of those who decide at the same time exactly one
    /// is accepted. Request, event, move of the session and audit entry are written in one transaction; a refusal writes
    /// its audit entry alone. If the audit entry cannot be written, nothing is. A key is treated as with
    /// [`super::OperatorActions`].
    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError>;

    /// Takes a request back under the rules of [`Withdrawal::close`], in one transaction as with a decision, but for the
    /// audit entry: no operator acted. Of a decision and a withdrawal at the same time exactly one counts.
    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError>;

    /// A page of requests, newest first, all read at one moment.
    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable>;

    /// At most `limit` open requests whose deadline is not after `now`, the earliest deadline first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable>;

    /// Closes a request under the rules of [`Expiry::close`], in one transaction as with a decision, but for the audit
    /// entry: nobody acted. `None` when there was nothing to do.
    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable>;
}
