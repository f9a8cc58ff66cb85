//! What the rules need of the world outside.
//!
//! One file for each port. Every method is a contract: what is promised holds for every implementation, and the suite in
//! `flightdeck-store-contract` proves it for the stores.
//!
//! # Adding a port
//! Write the trait with its errors in a file of its own, re-export it here, add it to every store under the same file
//! name, and its cases to the suite.

mod api_key;
mod approval;
mod audit;
mod audit_spool;
mod checkpoint;
mod clock;
mod command;
mod epoch;
mod feed;
mod hooks;
mod login;
mod message;
mod operation;
mod operator_actions;
mod provider;
mod readiness;
mod session;
mod transaction;
mod transfer;
mod usage;
mod wake_up;

pub use api_key::{ApiKeyRepository, RevokeKeyError};
pub use approval::{
    ApprovalCursor, ApprovalFilter, ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError,
    DecidedApproval, ExpiredApproval, OpenApprovalError, OpenedApproval, WithdrawApprovalError, WithdrawnApproval,
};
pub use audit::{AuditFilter, AuditHeadError, AuditLog, AuditLogError, KeepsLedger};
pub use audit_spool::{AuditSpool, Waiting};
pub use checkpoint::{
    ArchiveHolds, ArchivePage, ArchivePlace, ArchiveTurn, CheckpointArchive, CheckpointSigner, Checkpointing,
};
pub use clock::{Clock, IdGenerator};
pub use command::{AcknowledgeError, CommandQueue};
pub use epoch::{EpochRepository, KnownStore, StoreMemory};
pub use feed::FleetFeed;
pub use hooks::{HookCall, HookError, HookReceiver};
pub use login::{LoginRepository, RedeemLinkError};
pub use message::{AppendError, AppendOutcome, ConversationEnd, MessageRepository, MessageSlice};
pub use operation::{
    OperationCursor, OperationPage, OperationQuery, OperationRepository, TargetCursor, TargetPage, TargetQuery,
};
pub use operator_actions::{OperatorActionError, OperatorActions};
pub use provider::{AgentLog, AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
pub use readiness::Readiness;
pub use session::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, SessionCursor, SessionFilter, SessionPage,
    SessionQuery, SessionRepository,
};
pub use transaction::{
    AccessRows, ApprovalRows, ControlRows, MissionAccounts, RecordRows, Rows, SessionRows, TalkRows, Transactional,
    TreeLock, Tx, UsageRows, Work,
};
pub use transfer::{RememberedCall, TransferHeads, TransferPage, TransferSource, TransferTarget};
pub use usage::{
    BudgetCommitted, MissionCursor, MissionPage, MissionQuery, MissionSummary, SessionUsage, SetBudgetError,
    UsageRepository,
};
pub use wake_up::{Preview, WakeUps};

#[cfg(feature = "mocks")]
pub use {
    api_key::MockApiKeyRepository, approval::MockApprovalRepository, audit::MockAuditLog, audit_spool::MockAuditSpool,
    checkpoint::MockCheckpointArchive, checkpoint::MockCheckpointSigner, clock::MockClock, clock::MockIdGenerator,
    command::MockCommandQueue, epoch::MockEpochRepository, epoch::MockStoreMemory, feed::MockFleetFeed,
    login::MockLoginRepository, message::MockMessageRepository, operation::MockOperationRepository,
    operator_actions::MockOperatorActions, provider::MockAgentProvider, session::MockSessionRepository,
    usage::MockUsageRepository, wake_up::MockWakeUps,
};

/// A port could not do its work: the database is away, a disk is full, a stored value is broken. Nothing was written.
///
/// The caller can only try again later; the cause is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available")]
pub struct StoreUnavailable {
    hindrance: Hindrance,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What keeps a store from working, as far as an operator can act on it without the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hindrance {
    /// There is no room for what is to be written.
    DiskFull,
    /// The database takes no writes: a standby, or files that this user may only read.
    ReadOnly,
    /// Something else; the cause says what.
    #[default]
    Other,
}

impl StoreUnavailable {
    /// Wraps the cause.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { hindrance: Hindrance::Other, cause: cause.into() }
    }

    /// The same with a hindrance that the store knows.
    #[must_use]
    pub fn hindered(self, hindrance: Hindrance) -> Self {
        Self { hindrance, ..self }
    }

    /// What keeps the store from working.
    #[must_use]
    pub const fn hindrance(&self) -> Hindrance {
        self.hindrance
    }
}
