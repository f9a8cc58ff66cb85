//! What Flightdeck does, one file for each use case. A use case needs only ports, and its tests need only their mocks.
//!
//! A use case is made of anything that [`Has`] the ports that it needs: of [`Ports`], which has all of them, or of
//! [`StorePorts`] over a store that has only sessions and messages. A deployment may lack checkpoints and the spool;
//! use cases ask for them with [`MayHave`].
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
mod keep_runners;
mod live_of_runners;
mod log_in;
mod make_checkpoint;
mod manage_keys;
mod manage_providers;
mod manage_runners;
#[cfg(feature = "mocks")]
mod mock_ports;
mod name_keys;
mod offer_commands;
mod open_approval;
mod ports;
mod providers;
mod read_approvals;
mod read_audit;
mod read_history;
mod read_operations;
mod read_provider_configs;
mod read_sessions;
mod read_usage;
mod reconcile;
mod record_refusal;
mod refill_checkpoints;
mod register_session;
mod report_status;
mod reseal_credentials;
mod resolve_provider;
mod runner_provider;
mod search_history;
mod select_events;
mod serve_runners;
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
pub use keep_runners::KeepRunners;
pub use log_in::{LogIn, LogInError};
pub use make_checkpoint::{MadeCheckpoint, MakeCheckpoint, MakeCheckpointError};
pub use manage_keys::{CreateKey, CreateKeyError, ListKeys, NewKey, RevokeKey};
pub use manage_providers::{ManageProviderError, ManageProviders, NewProviderConfig};
pub use manage_runners::{ManageRunners, RunnerOverview, WaitingAgent, why_waiting};
#[cfg(feature = "mocks")]
pub use mock_ports::MockPorts;
pub use name_keys::{KeyNames, NameKeys};
pub use offer_commands::OfferCommands;
pub use open_approval::{NewApproval, OpenApproval};
pub use ports::{Has, MayHave, Ports, StorePorts};
pub use providers::{InternalProvider, ProviderOffer, Providers, UnknownKind, UnknownProvider};
pub use read_approvals::ReadApprovals;
pub use read_audit::{AuditReader, ReadAudit};
pub use read_history::{HistoryPlace, ReadHistory};
pub use read_operations::ReadOperations;
pub use read_provider_configs::{DescribedConfig, ReadProviderConfigs};
pub use read_sessions::ReadSessions;
pub use read_usage::ReadUsage;
pub use reconcile::{Reconcile, Reconciled};
pub use record_refusal::RecordRefusal;
pub use refill_checkpoints::RefillCheckpoints;
pub use register_session::{NewSession, RegisterSession};
pub use report_status::ReportStatus;
pub use reseal_credentials::{ResealCredentials, Resealed};
pub use resolve_provider::{ResolveError, ResolveProvider, Resolved};
pub use runner_provider::RunnerProvider;
pub use search_history::{SearchHistory, SearchPage, SearchWords, UnsearchableWords};
pub use select_events::{FeedFilter, SelectEvents};
pub use serve_runners::{ServeRunners, Start, StartError};
pub use set_budget::SetBudget;
pub use spawn_session::{SpawnSession, SpawnSessionError};
pub use spooled_actions::SpooledActions;
pub use stop_directly::Taken;
pub use transfer::{Transfer, TransferError, Transferred};
pub use verify_audit::VerifyAudit;
pub use withdraw_approval::WithdrawApproval;
