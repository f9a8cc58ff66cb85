//! Moving a whole deployment from one store to another.

use async_trait::async_trait;

use crate::action::Remembered;
use crate::api_key::ApiKey;
use crate::approval::Approval;
use crate::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use crate::changes::ChangeReport;
use crate::command::Command;
use crate::epoch::{Epoch, ReplicaMark};
use crate::feed::FleetEvent;
use crate::ids::{FeedPosition, SessionId};
use crate::message::Message;
use crate::operation::{Operation, OperationTarget};
use crate::operator::Actor;
use crate::ports::StoreUnavailable;
use crate::provider_config::ProviderConfig;
use crate::retention::{ArchivedSession, Retention};
use crate::runner::{Assignment, Runner};
use crate::session::Session;
use crate::sink::{DeadLetter, Sink};
use crate::text::IdempotencyKey;
use crate::usage::{Account, UsageDay};

/// What a store keeps of a control call with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedCall {
    /// The actor of the key.
    pub actor: Actor,
    /// The key.
    pub key: IdempotencyKey,
    /// The result of the call.
    pub remembered: Remembered,
}

/// A report of changes, to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedReport {
    /// The session.
    pub session: SessionId,
    /// The turn; 0 for the whole session.
    pub turn: u32,
    /// The report.
    pub report: ChangeReport,
}

/// Records of one kind, in the order in which every store gives them: by the key of the kind, with ids by their bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum TransferPage {
    /// Sessions by id. A child may come before its parent.
    Sessions(Vec<Session>),
    /// Messages by session and place.
    Messages(Vec<Message>),
    /// Commands by session and place.
    Commands(Vec<Command>),
    /// Permission requests by id.
    Approvals(Vec<Approval>),
    /// Operations by id.
    Operations(Vec<Operation>),
    /// Targets by operation and session.
    Targets(Vec<OperationTarget>),
    /// Events of the fleet feed by position.
    Events(Vec<FleetEvent>),
    /// Entries of the audit log by place, each with the exact bytes that were hashed.
    AuditEntries(Vec<SealedAuditEntry>),
    /// Checkpoints of the audit log by place.
    Checkpoints(Vec<Checkpoint>),
    /// API keys by id.
    Keys(Vec<ApiKey>),
    /// Remembered calls by actor and key.
    Calls(Vec<RememberedCall>),
    /// Sums of usage and budgets, by scope and key.
    Accounts(Vec<Account>),
    /// Usage by session, day and model.
    UsageDays(Vec<UsageDay>),
    /// Configurations of providers by name, their credentials sealed as they are.
    ProviderConfigs(Vec<ProviderConfig>),
    /// Runners by name.
    Runners(Vec<Runner>),
    /// Assignments by session.
    Assignments(Vec<Assignment>),
    /// Sinks by name, their credentials sealed as they are.
    Sinks(Vec<Sink>),
    /// Dead letters by sink and place.
    DeadLetters(Vec<DeadLetter>),
    /// The rules of retention, without the lease; none before the first change.
    Retention(Vec<Retention>),
    /// What is noted of archived sessions, by session. The archive itself is not copied.
    Archived(Vec<ArchivedSession>),
    /// Reports of what agents changed, by session and turn.
    ChangeReports(Vec<MovedReport>),
    /// Marks of servers, by their names.
    Marks(Vec<ReplicaMark>),
}

impl TransferPage {
    /// An empty page of each kind, in an order in which every record comes after the records that it names, apart from
    /// sessions.
    #[must_use]
    pub const fn every_kind() -> [Self; 22] {
        [
            Self::Sessions(Vec::new()),
            Self::Messages(Vec::new()),
            Self::Commands(Vec::new()),
            Self::Approvals(Vec::new()),
            Self::Operations(Vec::new()),
            Self::Targets(Vec::new()),
            Self::Events(Vec::new()),
            Self::AuditEntries(Vec::new()),
            Self::Checkpoints(Vec::new()),
            Self::Keys(Vec::new()),
            Self::Calls(Vec::new()),
            Self::Accounts(Vec::new()),
            Self::UsageDays(Vec::new()),
            Self::ProviderConfigs(Vec::new()),
            Self::Runners(Vec::new()),
            Self::Assignments(Vec::new()),
            Self::Sinks(Vec::new()),
            Self::DeadLetters(Vec::new()),
            Self::Retention(Vec::new()),
            Self::Archived(Vec::new()),
            Self::ChangeReports(Vec::new()),
            Self::Marks(Vec::new()),
        ]
    }

    /// The kind of the records, in words for people.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Sessions(_) => "sessions",
            Self::Messages(_) => "messages",
            Self::Commands(_) => "commands",
            Self::Approvals(_) => "approvals",
            Self::Operations(_) => "operations",
            Self::Targets(_) => "operation targets",
            Self::Events(_) => "feed events",
            Self::AuditEntries(_) => "audit entries",
            Self::Checkpoints(_) => "checkpoints",
            Self::Keys(_) => "API keys",
            Self::Calls(_) => "idempotency keys",
            Self::Accounts(_) => "usage accounts",
            Self::UsageDays(_) => "usage by day",
            Self::ProviderConfigs(_) => "provider configurations",
            Self::Runners(_) => "runners",
            Self::Assignments(_) => "assignments",
            Self::Sinks(_) => "sinks",
            Self::DeadLetters(_) => "dead letters",
            Self::Retention(_) => "retention rules",
            Self::Archived(_) => "archived sessions",
            Self::ChangeReports(_) => "reports of changes",
            Self::Marks(_) => "marks of servers",
        }
    }

    /// The number of records.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Sessions(records) => records.len(),
            Self::Messages(records) => records.len(),
            Self::Commands(records) => records.len(),
            Self::Approvals(records) => records.len(),
            Self::Operations(records) => records.len(),
            Self::Targets(records) => records.len(),
            Self::Events(records) => records.len(),
            Self::AuditEntries(records) => records.len(),
            Self::Checkpoints(records) => records.len(),
            Self::Keys(records) => records.len(),
            Self::Calls(records) => records.len(),
            Self::Accounts(records) => records.len(),
            Self::UsageDays(records) => records.len(),
            Self::ProviderConfigs(records) => records.len(),
            Self::Runners(records) => records.len(),
            Self::Assignments(records) => records.len(),
            Self::Sinks(records) => records.len(),
            Self::DeadLetters(records) => records.len(),
            Self::Retention(records) => records.len(),
            Self::Archived(records) => records.len(),
            Self::ChangeReports(records) => records.len(),
            Self::Marks(records) => records.len(),
        }
    }

    /// Whether there are no records.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The single values of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferHeads {
    /// The end of the audit log.
    pub audit: AuditHead,
    /// The newest position that the feed has given.
    pub feed: FeedPosition,
    /// Whether the kill switch is engaged.
    pub kill_switch: bool,
    /// The current epoch.
    pub epoch: Option<Epoch>,
}

impl TransferHeads {
    /// The values of an empty store.
    pub const EMPTY: Self =
        Self { audit: AuditHead::EMPTY, feed: FeedPosition::new(0), kill_switch: false, epoch: None };
}

/// A store that is read as a whole. Everything that it gives is of one moment.
///
/// It belongs to a command, not to a server: it may block the thread of the caller.
#[async_trait]
pub trait TransferSource: Send {
    /// Gives the records that follow the last one of `page`, or the first records when it is empty. They are of the
    /// same kind, and few enough to fit into memory easily. Empty when there are no more.
    async fn following(&mut self, page: &TransferPage) -> Result<TransferPage, StoreUnavailable>;

    /// Gives the single values.
    async fn heads(&mut self) -> Result<TransferHeads, StoreUnavailable>;

    /// Moves to the present moment: from here on it sees what others have written meanwhile.
    async fn look_again(&mut self) -> Result<(), StoreUnavailable>;
}

/// A store that is filled as a whole. It is one transaction from the beginning: nobody else writes meanwhile, it reads
/// what it has written, and dropping it changes nothing.
#[async_trait]
pub trait TransferTarget: TransferSource {
    /// Writes records unchanged, without asking any rule.
    async fn put(&mut self, page: &TransferPage) -> Result<(), StoreUnavailable>;

    /// Writes the single values. Call it after all records.
    async fn put_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreUnavailable>;

    /// Makes all of it durable at once.
    async fn commit(self: Box<Self>) -> Result<(), StoreUnavailable>;
}
