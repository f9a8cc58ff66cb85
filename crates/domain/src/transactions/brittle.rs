//! Transactions that break off on purpose.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::action::Remembered;
use crate::api_key::ApiKey;
use crate::approval::Approval;
use crate::audit::AuditDraft;
use crate::command::Command;
use crate::feed::FleetEventDraft;
use crate::ids::{ApprovalId, AuditSeq, CommandSeq, FeedPosition, KeyId, MessageId, OperationId, Seq, SessionId};
use crate::login::{Login, LoginId};
use crate::message::{Message, NewMessage};
use crate::operation::{Operation, OperationTarget, Scope, Wish};
use crate::operator::Actor;
use crate::ports::{
    AccessRows, ApprovalCursor, ApprovalQuery, ApprovalRows, ControlRows, ConversationEnd, MessageSlice,
    MissionAccounts, MissionQuery, OperationPage, OperationQuery, RecordRows, Rows, SessionCursor, SessionFilter,
    SessionQuery, SessionRows, StoreUnavailable, TalkRows, TargetPage, TargetQuery, TreeLock, Tx, UsageRows,
};
use crate::session::{Ancestor, Session, SessionStatus, Silence};
use crate::text::{IdempotencyKey, MissionId, Reason};
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, Totals};

/// How a transaction breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// An operation gives an error.
    Fails,
    /// An operation never returns.
    Hangs,
}

/// How many operations are left before a transaction breaks off. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Fuse {
    left: Arc<AtomicU64>,
    how: Break,
}

impl Fuse {
    /// The transaction breaks off at the operation behind so many.
    #[must_use]
    pub fn after(operations: u64, how: Break) -> Self {
        Self { left: Arc::new(AtomicU64::new(operations)), how }
    }

    /// It never breaks off.
    #[must_use]
    pub fn never() -> Self {
        Self::after(u64::MAX, Break::Fails)
    }

    /// Whether it has broken off.
    #[must_use]
    pub fn is_burnt(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    /// How many operations are left with the one that breaks; `None` when it never breaks off.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        Some(self.left.load(Ordering::SeqCst)).filter(|left| *left < u64::MAX / 2)
    }

    /// Whether whoever meets its end waits for ever.
    #[must_use]
    pub const fn hangs(&self) -> bool {
        matches!(self.how, Break::Hangs)
    }

    /// Burns one operation off.
    ///
    /// # Errors
    /// None was left, and it breaks by an error; otherwise it never returns.
    pub async fn step(&self) -> Rows<()> {
        let left = self.left.load(Ordering::SeqCst);
        if left > 0 {
            self.left.store(left - 1, Ordering::SeqCst);
        }
        // The last one that is left is the one that breaks.
        match (left > 1 || left == u64::MAX, self.how) {
            (true, _) => Ok(()),
            (false, Break::Fails) => Err(StoreUnavailable::new("broken off on purpose")),
            (false, Break::Hangs) => std::future::pending().await,
        }
    }
}

/// The operations that a transaction has begun, by their names, in their order. A clone is another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Steps(Arc<Mutex<Vec<&'static str>>>);

impl Steps {
    /// Their names so far.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, name: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

/// A transaction that breaks off by a fuse, and notes its operations: for proofs that it is whole or not at all, wherever it
/// breaks off, and of the order of what it does.
#[derive(Debug)]
pub struct Brittle<T> {
    tx: T,
    fuse: Fuse,
    steps: Steps,
}

impl<T> Brittle<T> {
    /// A transaction with a fuse.
    #[must_use]
    pub fn new(tx: T, fuse: Fuse) -> Self {
        Self { tx, fuse, steps: Steps::default() }
    }

    /// The same with its operations noted here.
    #[must_use]
    pub fn noting(self, steps: Steps) -> Self {
        Self { steps, ..self }
    }

    /// The transaction itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.tx
    }
}

/// Writes the operations of a trait for [`Brittle`], and for a transaction that is borrowed.
macro_rules! operations {
    ($rows:ident { $($name:ident($($arg:ident: $what:ty),*) -> $gives:ty;)* }) => {
        impl<T: Tx> $rows for Brittle<T> {
            $(async fn $name(&mut self, $($arg: $what),*) -> Rows<$gives> {
                self.steps.note(stringify!($name));
                self.fuse.step().await?;
                self.tx.$name($($arg),*).await
            })*
        }

        impl<T: Tx> $rows for &mut T {
            $(async fn $name(&mut self, $($arg: $what),*) -> Rows<$gives> {
                (**self).$name($($arg),*).await
            })*
        }
    };
}

operations! { SessionRows {
    lock_tree(how: TreeLock) -> ();
    lock_everything_open() -> ();
    lock_operations_of(sessions: &[SessionId]) -> ();
    session(id: SessionId) -> Option<Session>;
    head(id: SessionId) -> Option<Session>;
    lock_session(id: SessionId) -> Option<Session>;
    lock_head(id: SessionId) -> Option<Session>;
    lock_heads(ids: &[SessionId]) -> Vec<Session>;
    insert_session(session: &Session) -> bool;
    save_session(session: &Session) -> ();
    touch_session(session: &Session, last_seq: Seq, at: Timestamp) -> ();
    silent_sessions(silence: &Silence, limit: usize) -> Vec<SessionId>;
    line(from: SessionId) -> Vec<Ancestor>;
    is_within(id: SessionId, top: SessionId) -> bool;
    open_within(scope: &Scope) -> Vec<(SessionId, u64)>;
    count_open() -> u64;
    session_page(query: &SessionQuery) -> (Vec<Session>, Option<SessionCursor>);
    count_sessions(filter: &SessionFilter) -> u64;
    kill_switch() -> bool;
    set_kill_switch(engaged: bool) -> ();
    kill_open(operation: Option<&Operation>, reason: Option<&Reason>, at: Timestamp) -> ();
} }

operations! { TalkRows {
    insert_messages(new: &[Message]) -> ();
    known_messages(session: SessionId, batch: &[NewMessage]) -> HashMap<MessageId, Message>;
    messages_after(session: SessionId, after: Seq, limit: usize) -> Option<MessageSlice>;
    messages_before(session: SessionId, before: Seq, limit: usize) -> Option<MessageSlice>;
    conversation_ends(sessions: &[SessionId]) -> Vec<ConversationEnd>;
    insert_command(command: &Command) -> ();
    command(session: SessionId, seq: CommandSeq) -> Option<Command>;
    save_command(command: &Command) -> ();
    pending_commands(session: SessionId, after: CommandSeq, limit: usize) -> Vec<Command>;
    count_pending(session: SessionId) -> u64;
} }

operations! { ControlRows {
    insert_operation(operation: &Operation) -> ();
    insert_targets(targets: &[OperationTarget]) -> ();
    operation(id: OperationId) -> Option<Operation>;
    lock_operation(id: OperationId) -> Option<Operation>;
    save_operation(operation: &Operation) -> ();
    open_operations(wish: Wish) -> Vec<Operation>;
    open_targets(session: SessionId) -> Vec<OperationTarget>;
    save_target(target: &OperationTarget) -> ();
    supersede_targets(operation: OperationId) -> ();
    operation_page(query: &OperationQuery) -> OperationPage;
    target_page(query: &TargetQuery) -> TargetPage;
    remembered(actor: &Actor, key: &IdempotencyKey) -> Option<Remembered>;
    remember(actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> ();
    forget_calls(before: Timestamp) -> ();
} }

operations! { ApprovalRows {
    insert_approval(approval: &Approval) -> bool;
    approval(id: ApprovalId) -> Option<Approval>;
    save_approval(approval: &Approval) -> ();
    open_approvals(session: SessionId) -> Vec<Approval>;
    count_open_approvals(session: SessionId) -> u64;
    due_approvals(now: Timestamp, limit: usize) -> Vec<ApprovalId>;
    approval_page(query: &ApprovalQuery) -> (Vec<Approval>, Option<ApprovalCursor>);
} }

operations! { UsageRows {
    account(key: &AccountKey) -> Option<Account>;
    open_account(key: &AccountKey, at: Timestamp) -> ();
    lock_accounts(keys: &[AccountKey], at: Timestamp) -> HashMap<AccountKey, Account>;
    put_accounts(accounts: &[Account]) -> ();
    above(sessions: &[SessionId]) -> HashMap<SessionId, Vec<SessionId>>;
    usage_sum() -> Totals;
    mission_page(query: &MissionQuery) -> MissionAccounts;
    mission_counts(mission: &MissionId) -> BTreeMap<SessionStatus, u64>;
    exhausted_accounts(limit: usize) -> Vec<Account>;
} }

operations! { AccessRows {
    lock_keys() -> ();
    insert_key(key: &ApiKey) -> ();
    key(id: &KeyId) -> Option<ApiKey>;
    lock_key(id: &KeyId) -> Option<ApiKey>;
    any_key() -> bool;
    keys() -> Vec<ApiKey>;
    save_key(key: &ApiKey) -> ();
    insert_login(login: &Login) -> ();
    login(id: &LoginId) -> Option<Login>;
    lock_login(id: &LoginId) -> Option<Login>;
    save_login(login: &Login) -> ();
    forget_logins(before: Timestamp) -> ();
} }

operations! { RecordRows {
    tell(event: FleetEventDraft) -> ();
    record(entry: AuditDraft) -> AuditSeq;
    feed_head() -> FeedPosition;
} }
