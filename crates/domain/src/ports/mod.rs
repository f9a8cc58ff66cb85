//! What the rules need from outside, as traits.
//!
//! There is one file for each port. Every method is a contract that every implementation has to keep; the suite in
//! `flightdeck-store-contract` proves it for the stores.
//!
//! # Adding a port
//! Write the trait with its errors in a file of its own, re-export it here, add it to every store under the same file
//! name, and its cases to the suite.

mod api_key;
mod approval;
mod archive;
mod audit;
mod audit_spool;
mod change_reports;
mod changes;
mod checkpoint;
mod checkpoint_signer;
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
mod provider_config;
mod provider_kind;
mod read_copy;
mod readiness;
mod retention;
mod runner;
mod secret_sealer;
mod session;
mod sink;
mod sink_sender;
mod store_space;
mod survey;
mod transaction;
mod transfer;
mod unavailable;
mod usage;
mod wake_up;

pub use crate::audit::filter::AuditFilter;
pub use crate::message::outcome::AppendOutcome;
pub use crate::session::capabilities::{Capabilities, PauseCapability};
pub use api_key::{ApiKeyRepository, RevokeKeyError};
pub use approval::{
    ApprovalCursor, ApprovalFilter, ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError,
    DecidedApproval, ExpiredApproval, OpenApprovalError, OpenedApproval, WithdrawApprovalError, WithdrawnApproval,
};
pub use archive::{Archive, ArchiveError, ArchiveRecords, ArchiveWriter};
pub use audit::{AuditHeadError, AuditLog, AuditLogError, KeepsLedger};
pub use audit_spool::{AuditSpool, Waiting};
pub use change_reports::{ChangeReports, SaveReportError};
pub use changes::{Changes, ChangesError};
pub use checkpoint::{ArchiveHolds, ArchivePage, ArchivePlace, ArchiveTurn, CheckpointArchive, Checkpointing};
pub use checkpoint_signer::CheckpointSigner;
pub use clock::{Clock, IdGenerator};
pub use command::{AcknowledgeError, CommandQueue};
pub use epoch::{EpochRepository, KnownStore, StoreMemory};
pub use feed::FleetFeed;
pub use hooks::{HookCall, HookError, HookReceiver};
pub use login::{LoginRepository, RedeemLinkError};
pub use message::{AppendError, ConversationEnd, MessageRepository, MessageSlice};
pub use operation::{
    OperationCursor, OperationPage, OperationQuery, OperationRepository, TargetCursor, TargetPage, TargetQuery,
};
pub use operator_actions::{OperatorActionError, OperatorActions};
pub use provider::{AgentLog, AgentProvider, DeliverError, SpawnError};
pub use provider_config::{ConfigChangeError, ProviderConfigRepository};
pub use provider_kind::{ProviderKind, ProviderTrial, TrialFailed};
pub use read_copy::{CopyState, ReadCopy};
pub use readiness::Readiness;
pub use retention::{ArchiveRowError, RetentionChangeError, RetentionRepository};
pub use runner::{AssignmentError, AssignmentPlace, RunnerError, RunnerRepository};
pub use secret_sealer::SecretSealer;
pub use session::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, SessionCursor, SessionFilter, SessionPage,
    SessionQuery, SessionRepository,
};
pub use sink::{LetterQuery, SinkChangeError, SinkRepository};
pub use sink_sender::{MessageBody, Outgoing, SendFailed, SinkSender};
pub use store_space::StoreSpace;
pub use survey::FleetSurveyor;
pub use transaction::{
    AccessRows, ApprovalRows, ChangeReportRows, ControlRows, MissionAccounts, ProviderConfigRows, RecordRows,
    RetentionRows, Rows, RunnerRows, SessionRows, SinkRows, SurveyRows, TalkRows, Transactional, TreeLock, Tx,
    UsageRows, Work,
};
pub use transfer::{MovedReport, RememberedCall, TransferHeads, TransferPage, TransferSource, TransferTarget};
pub use unavailable::{Hindrance, StoreUnavailable};
pub use usage::{
    BudgetCommitted, MissionCursor, MissionPage, MissionQuery, MissionSummary, SessionUsage, SetBudgetError,
    UsageRepository,
};
pub use wake_up::{Preview, WakeUps};

#[cfg(feature = "mocks")]
pub use {
    api_key::MockApiKeyRepository, approval::MockApprovalRepository, archive::MockArchive, audit::MockAuditLog,
    audit_spool::MockAuditSpool, change_reports::MockChangeReports, changes::MockChanges,
    checkpoint::MockCheckpointArchive, checkpoint_signer::MockCheckpointSigner, clock::MockClock,
    clock::MockIdGenerator, command::MockCommandQueue, epoch::MockEpochRepository, epoch::MockStoreMemory,
    feed::MockFleetFeed, login::MockLoginRepository, message::MockMessageRepository,
    operation::MockOperationRepository, operator_actions::MockOperatorActions, provider::MockAgentProvider,
    provider_config::MockProviderConfigRepository, provider_kind::MockProviderKind, read_copy::MockReadCopy,
    retention::MockRetentionRepository, runner::MockRunnerRepository, secret_sealer::MockSecretSealer,
    session::MockSessionRepository, sink::MockSinkRepository, sink_sender::MockSinkSender, survey::MockFleetSurveyor,
    usage::MockUsageRepository, wake_up::MockWakeUps,
};
