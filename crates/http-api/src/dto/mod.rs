//! What goes over the wire. One file for each noun; nothing here decides anything.

mod approval;
mod audit;
mod command;
mod control;
mod feed;
mod login;
mod message;
mod operation;
mod provider;
mod search;
mod session;
pub(crate) mod texts;
mod usage;
pub(crate) mod words;

pub(crate) use approval::{ApprovalView, ApprovalsView, AskBody, DecideBody};
pub(crate) use audit::{AuditPageView, AuditVerificationView, CheckpointReply};
pub(crate) use command::{AcknowledgeBody, CancelReply, CommandView, CommandsView};
pub(crate) use control::{
    ControlBody, ControlReply, ControlView, HeartbeatReply, InjectBody, InjectReply, InterruptBody, KillAllReply,
    KillSwitchReply,
};
pub(crate) use feed::{FleetEventView, StreamEvent};
pub(crate) use login::{LoginBody, LoginLinkReply, MeView};
pub(crate) use message::{AppendAnswer, AppendBody, AppendReply, HistoryView, IntakeReply, MessageBody, MessageView};
pub(crate) use operation::{
    ControlAnswer, OperationView, OperationWithTargetsView, OperationsView, ScopedReply, TargetView,
};
pub(crate) use provider::{ProviderView, ProvidersView};
pub(crate) use search::SearchView;
pub(crate) use session::{RegisterBody, SessionView, SpawnBody, SpawnReply, StatusBody, StatusReply, TreeEntry};
pub(crate) use usage::{AgentUsageView, BudgetBody, MissionView, MissionsView, TotalsView, UsageBody};
