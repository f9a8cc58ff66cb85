//! Permission requests.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::Remembered;
use crate::approval::{
    Approval, ApprovalAction, ApprovalRefused, ApprovalStatus, Ask, AskRefused, Expiry, Withdrawal, WithdrawalRefused,
};
use crate::ids::{ApprovalId, AuditSeq, FeedPosition, Seq, SessionId};
use crate::mission_set::MissionSet;
use crate::time::Timestamp;

/// A request that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedApproval {
    /// The request in its current state.
    pub approval: Approval,
    /// Whether this call opened it; `false` when it was there already.
    pub created: bool,
    /// The newest seq of the session's conversation, if this call changed the session's status.
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
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request that was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidedApproval {
    /// The request in its current state.
    pub approval: Approval,
    /// The newest seq of the session's conversation, if the decision changed the session's status.
    pub moved: Option<Seq>,
    /// The decision's place on the audit log.
    pub audit_seq: AuditSeq,
    /// Whether an earlier call with the same key decided it.
    pub again: bool,
}

impl DecidedApproval {
    /// What is stored of it for a repeated call.
    #[must_use]
    pub fn remember(&self, action: &ApprovalAction) -> Remembered {
        Remembered::new(action.fingerprint(), action.by.at, Some(self.audit_seq))
    }
}

/// Why a decision was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DecideApprovalError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] ApprovalRefused),
    /// The store is not available. Neither the decision nor an entry was written.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request that its agent withdrew.
#[derive(Clone, Debug, PartialEq)]
pub struct WithdrawnApproval {
    /// The request in its current state.
    pub approval: Approval,
    /// Whether this call closed it; `false` when it was withdrawn already.
    pub closed: bool,
    /// The newest seq of the session's conversation, if this call changed the session's status.
    pub moved: Option<Seq>,
}

/// Why a request was not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawApprovalError {
    /// There is no such request.
    #[error("there is no permission request {0}")]
    Unknown(ApprovalId),
    /// The request is closed in another way.
    #[error(transparent)]
    Refused(#[from] WithdrawalRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A request whose deadline closed it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpiredApproval {
    /// The request in its current state.
    pub approval: Approval,
    /// The newest seq of the session's conversation, if the expiry changed the session's status.
    pub moved: Option<Seq>,
}

/// Which requests are wanted; every given part must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Requests of this session.
    pub session_id: Option<SessionId>,
    /// Requests of this session and all below it.
    pub subtree: Option<SessionId>,
    /// Requests of sessions of one of these missions.
    pub missions: Option<MissionSet>,
    /// Requests in one of these states; any state when empty.
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
    /// The filter.
    pub filter: ApprovalFilter,
    /// Only requests after this place.
    pub before: Option<ApprovalCursor>,
    /// The largest number of requests.
    pub limit: usize,
}

/// A page of requests in their state at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalPage {
    /// The requests, newest first.
    pub approvals: Vec<Approval>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<ApprovalCursor>,
    /// The feed position of that moment: the fleet feed after it has exactly what the page does not show.
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

    /// Gives one request, or `None`.
    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable>;

    /// Decides a request under the rules of [`ApprovalAction::decide`]. Of simultaneous decisions exactly one is
    /// accepted. The request, its event, the session's change of status and the audit entry are written in one
    /// transaction; a refusal writes only its audit entry. If the audit entry cannot be written, nothing is written. A
    /// key works as in [`super::OperatorActions`].
    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError>;

    /// Takes a request back under the rules of [`Withdrawal::close`], in one transaction like a decision, but without
    /// an audit entry, because no operator acted. Of a simultaneous decision and withdrawal exactly one counts.
    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError>;

    /// Gives a page of requests, newest first, all read at one moment.
    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable>;

    /// Gives at most `limit` open requests whose deadline is not after `now`, the earliest deadline first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable>;

    /// Closes a request under the rules of [`Expiry::close`], in one transaction like a decision, but without an audit
    /// entry, because nobody acted. `None` when there was nothing to do.
    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable>;
}
