//! What Flightdeck does, one file each. A use case needs ports only, and its tests need their mocks only.
//!
//! A mutation is durable when it returns; only then are followers woken ([`crate::ports::WakeUps`]).

mod authenticate;
mod authorize;
mod checkpoint_sources;
mod commands;
mod decide_approval;
mod enforce_budgets;
mod expire_approvals;
mod expire_leases;
mod export_audit;
mod fold_spool;
mod hand_over;
mod in_hand;
mod ingest_messages;
mod intervene;
mod intervene_fleet;
mod intervene_scope;
mod keep_epoch;
mod log_in;
mod make_checkpoint;
mod manage_keys;
mod offer_commands;
mod open_approval;
mod providers;
mod read_approvals;
mod read_audit;
mod read_history;
mod read_operations;
mod read_sessions;
mod read_usage;
mod reconcile;
mod refill_checkpoints;
mod register_session;
mod report_status;
mod search_history;
mod select_events;
mod set_budget;
mod spawn_session;
mod spooled_actions;
mod stop_directly;
#[cfg(test)]
mod testing;
mod transfer;
mod verify_audit;
mod withdraw_approval;

pub use authenticate::{Authenticate, AuthenticateError};
pub use authorize::{AccessDenied, Authorize, AuthorizeError};
pub use commands::{AcknowledgeCommand, ReadCommands};
pub use decide_approval::DecideApproval;
pub use enforce_budgets::EnforceBudgets;
pub use expire_approvals::ExpireApprovals;
pub use expire_leases::ExpireLeases;
pub use export_audit::{AuditExport, ExportAudit};
pub use fold_spool::FoldSpool;
pub use ingest_messages::{IngestError, IngestMessages, MessageInput};
pub use intervene::{Intervene, InterveneError, Intervened};
pub use intervene_fleet::InterveneFleet;
pub use intervene_scope::{InterveneScope, ScopedRequest};
pub use keep_epoch::{FoundEpoch, KeepEpoch, KeepEpochError};
pub use log_in::{LogIn, LogInError};
pub use make_checkpoint::{MadeCheckpoint, MakeCheckpoint, MakeCheckpointError};
pub use manage_keys::{CreateKey, CreateKeyError, ListKeys, NewKey, RevokeKey};
pub use offer_commands::OfferCommands;
pub use open_approval::{NewApproval, OpenApproval};
pub use providers::{InternalProvider, Providers, UnknownProvider};
pub use read_approvals::ReadApprovals;
pub use read_audit::{AuditReader, ReadAudit};
pub use read_history::{HistoryPlace, ReadHistory};
pub use read_operations::ReadOperations;
pub use read_sessions::ReadSessions;
pub use read_usage::ReadUsage;
pub use reconcile::{Reconcile, Reconciled};
pub use refill_checkpoints::RefillCheckpoints;
pub use register_session::{NewSession, RegisterSession};
pub use report_status::ReportStatus;
pub use search_history::{SearchHistory, SearchPage, SearchWords, UnsearchableWords};
pub use select_events::{FeedFilter, SelectEvents};
pub use set_budget::SetBudget;
pub use spawn_session::{SpawnSession, SpawnSessionError};
pub use spooled_actions::SpooledActions;
pub use stop_directly::Taken;
pub use transfer::{Transfer, TransferError, Transferred};
pub use verify_audit::VerifyAudit;
pub use withdraw_approval::WithdrawApproval;

use std::sync::Arc;

use self::in_hand::LetGo;
use crate::ports::{
    ApiKeyRepository, ApprovalRepository, AuditLog, AuditSpool, CheckpointArchive, CheckpointSigner, Checkpointing,
    Clock, CommandQueue, EpochRepository, FleetFeed, IdGenerator, LoginRepository, MessageRepository,
    OperationRepository, OperatorActions, SessionRepository, UsageRepository, WakeUps,
};

/// Every port, as one deployment has them.
#[derive(Clone)]
pub struct Ports {
    /// The session tree.
    pub sessions: Arc<dyn SessionRepository>,
    /// Conversations.
    pub messages: Arc<dyn MessageRepository>,
    /// Commands that wait for agents.
    pub commands: Arc<dyn CommandQueue>,
    /// Operator actions.
    pub actions: Arc<dyn OperatorActions>,
    /// Permission requests.
    pub approvals: Arc<dyn ApprovalRepository>,
    /// Operations and what became of them.
    pub operations: Arc<dyn OperationRepository>,
    /// Usage and budgets.
    pub usage: Arc<dyn UsageRepository>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The fleet feed.
    pub feed: Arc<dyn FleetFeed>,
    /// API keys.
    pub keys: Arc<dyn ApiKeyRepository>,
    /// Which history of the deployment the store holds.
    pub epochs: Arc<dyn EpochRepository>,
    /// Logins.
    pub logins: Arc<dyn LoginRepository>,
    /// Signed checkpoints of the audit log; `None` where there are none.
    pub checkpointing: Option<Checkpointing>,
    /// Where stops lie whose audit entry cannot be written; `None` where they are refused then.
    pub spool: Option<Arc<dyn AuditSpool>>,
    /// Hints to whoever follows.
    pub wake_ups: Arc<dyn WakeUps>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn IdGenerator>,
}

impl Ports {
    /// Takes every repository port from one store.
    #[must_use]
    pub fn from_store<S>(
        store: Arc<S>,
        wake_ups: Arc<dyn WakeUps>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self
    where
        S: SessionRepository
            + MessageRepository
            + CommandQueue
            + OperatorActions
            + ApprovalRepository
            + OperationRepository
            + UsageRepository
            + AuditLog
            + FleetFeed
            + ApiKeyRepository
            + EpochRepository
            + LoginRepository
            + 'static,
    {
        Self {
            sessions: store.clone(),
            messages: store.clone(),
            commands: store.clone(),
            actions: store.clone(),
            approvals: store.clone(),
            operations: store.clone(),
            usage: store.clone(),
            audit: store.clone(),
            feed: store.clone(),
            keys: store.clone(),
            epochs: store.clone(),
            logins: store,
            checkpointing: None,
            spool: None,
            wake_ups,
            clock,
            ids,
        }
    }

    /// Has the audit log signed.
    #[must_use]
    pub fn with_checkpoints(self, signer: Arc<dyn CheckpointSigner>, archive: Arc<dyn CheckpointArchive>) -> Self {
        Self { checkpointing: Some(Checkpointing { signer, archive }), ..self }
    }

    /// Lets kills and pauses go on while the audit log cannot be written.
    #[must_use]
    pub fn with_spool(self, spool: Arc<dyn AuditSpool>) -> Self {
        let actions = SpooledActions::new(self.actions, Arc::clone(&spool), Arc::clone(&self.ids));
        // What an action comes to is decided by its own attempt, as long as that goes on.
        let in_hand = actions.in_hand();
        Self { actions: Arc::new(actions), spool: Some(Arc::new(LetGo { spool, in_hand })), ..self }
    }
}
