//! The types of requests and answers, one file for each noun. Nothing here decides anything.

mod approval;
mod audit;
mod change_report;
mod changes;
mod command;
mod control;
mod credentials;
mod feed;
mod key;
mod login;
mod message;
mod operation;
mod provider;
mod push;
mod rendered;
mod retention;
mod runner;
mod search;
mod session;
mod sink;
mod spawn_options;
pub(crate) mod texts;
mod usage;
pub(crate) mod words;

pub(crate) use approval::{ApprovalView, ApprovalsView, AskBody, DecideBody};
pub(crate) use audit::{AuditPageView, AuditVerificationView, CheckpointReply};
pub(crate) use change_report::ChangeReportBody;
pub(crate) use changes::ChangesView;
pub(crate) use command::{AcknowledgeBody, CancelReply, CommandView, CommandsView};
pub(crate) use control::{
    ConfigureBody, ConfigureReply, ControlBody, ControlReply, ControlView, HeartbeatReply, InjectBody, InjectReply,
    InterruptBody, KillAllReply, KillSwitchReply,
};
pub(crate) use feed::{FleetEventView, StreamEvent};
pub(crate) use key::{KeyBody, KeyView, KeysView, NewKeyView};
pub(crate) use login::{LoginBody, LoginLinkReply, MeView};
pub(crate) use message::{AppendAnswer, AppendBody, AppendReply, HistoryView, IntakeReply, MessageBody, MessageView};
pub(crate) use operation::{
    ControlAnswer, OperationView, OperationWithTargetsView, OperationsView, ScopedReply, TargetView,
};
pub(crate) use provider::{ProviderBody, ProviderConfigView, ProviderTrialView, ProviderView, ProvidersView};
pub(crate) use push::{PushBody, PushEndBody, PushView, PushesView};
pub(crate) use rendered::{RenderedPageView, RenderedView};
pub(crate) use retention::{RetentionBody, RetentionPlanView, RetentionView};
pub(crate) use runner::{
    JoinBody, JoinReply, LeaseBody, LeaseReply, LeaveBody, LeaveReply, PlacementView, RunnerView, RunnersView,
    StartBody, StartReply, WaitingAgentsView,
};
pub(crate) use search::SearchView;
pub(crate) use session::{RegisterBody, SessionView, Spawn, SpawnBody, SpawnReply, StatusBody, StatusReply, TreeEntry};
pub(crate) use sink::{DeadLettersView, ResendBody, ResendReply, SinkBody, SinkTrialView, SinkView, SinksView};
pub(crate) use spawn_options::SpawnOptions;
pub(crate) use usage::{
    AgentUsageView, BreakdownView, BudgetBody, FleetUsageView, GuardBody, MissionView, MissionsView, UsageBody,
};
