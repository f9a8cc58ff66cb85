//! Moving a whole deployment from one store to another.

use async_trait::async_trait;

use crate::action::Remembered;
use crate::api_key::ApiKey;
use crate::approval::Approval;
use crate::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use crate::command::Command;
use crate::epoch::{Epoch, ReplicaMark};
use crate::feed::FleetEvent;
use crate::ids::FeedPosition;
use crate::message::Message;
use crate::operation::{Operation, OperationTarget};
use crate::operator::Actor;
use crate::ports::StoreUnavailable;
use crate::session::Session;
use crate::text::IdempotencyKey;
use crate::usage::Account;

/// What a store keeps of a control call that came with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedCall {
    /// Whose key it is.
    pub actor: Actor,
    /// The key.
    pub key: IdempotencyKey,
    /// What the call came to.
    pub remembered: Remembered,
}

/// Some records of one kind, in the order that every store gives them in: by the key of the kind, ids by their bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum TransferPage {
    /// Sessions by id; so a child may come before its parent.
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
    /// Entries of the audit log by place, each with the very bytes that were hashed.
    AuditEntries(Vec<SealedAuditEntry>),
    /// Signed heads of the audit log by place.
    Checkpoints(Vec<Checkpoint>),
    /// API keys by id.
    Keys(Vec<ApiKey>),
    /// Remembered calls by actor and key.
    Calls(Vec<RememberedCall>),
    /// Sums of usage and budgets, by scope and key.
    Accounts(Vec<Account>),
    /// What servers left in the store, by their names.
    Marks(Vec<ReplicaMark>),
}

impl TransferPage {
    /// An empty page of each kind, in an order in which nothing comes before what it names, sessions aside.
    #[must_use]
    pub const fn every_kind() -> [Self; 13] {
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
            Self::Marks(Vec::new()),
        ]
    }

    /// What the records are, for a person.
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
            Self::Marks(_) => "marks of servers",
        }
    }

    /// How many records.
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
            Self::Marks(records) => records.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a store knows once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferHeads {
    /// The end of the audit log.
    pub audit: AuditHead,
    /// The newest position that the feed has given.
    pub feed: FeedPosition,
    /// Whether the kill switch is engaged.
    pub kill_switch: bool,
    /// Which history of the deployment it is.
    pub epoch: Option<Epoch>,
}

impl TransferHeads {
    /// Those of a store in which nothing has happened.
    pub const EMPTY: Self =
        Self { audit: AuditHead::EMPTY, feed: FeedPosition::new(0), kill_switch: false, epoch: None };
}

/// A store that is read as a whole. All that it gives is of one moment.
///
/// It belongs to a command of its own, not to a server: it may block the thread that asks.
#[async_trait]
pub trait TransferSource: Send {
    /// The records that follow the last one of `page`, or the first ones when it is empty: of the same kind, and so few that
    /// they fit into memory with room to spare. Nothing when there are no more.
    async fn following(&mut self, page: &TransferPage) -> Result<TransferPage, StoreUnavailable>;

    /// What it knows once.
    async fn heads(&mut self) -> Result<TransferHeads, StoreUnavailable>;

    /// Goes on to the present moment: what others have written meanwhile is seen from here on.
    async fn look_again(&mut self) -> Result<(), StoreUnavailable>;
}

/// A store that is filled as a whole. It is one transaction from the beginning: nobody else writes meanwhile, it reads what
/// it has put, and dropping it leaves everything as it was.
#[async_trait]
pub trait TransferTarget: TransferSource {
    /// Writes records as they are, whatever the rules would say to them.
    async fn put(&mut self, page: &TransferPage) -> Result<(), StoreUnavailable>;

    /// Writes what is known once. Comes after every record.
    async fn put_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreUnavailable>;

    /// Makes all of it durable at once.
    async fn commit(self: Box<Self>) -> Result<(), StoreUnavailable>;
}
