//! Transactions that fail on purpose.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::action::Remembered;
use crate::api_key::ApiKey;
use crate::approval::Approval;
use crate::audit::AuditDraft;
use crate::changes::ChangeReport;
use crate::command::Command;
use crate::feed::FleetEventDraft;
use crate::ids::{ApprovalId, AuditSeq, CommandSeq, FeedPosition, KeyId, MessageId, OperationId, Seq, SessionId};
use crate::login::{Login, LoginId};
use crate::message::{Message, NewMessage};
use crate::operation::{Operation, OperationTarget, Scope, Wish};
use crate::operator::Actor;
use crate::ports::{
    AccessRows, ApprovalCursor, ApprovalQuery, ApprovalRows, AssignmentPlace, ChangeReportRows, ControlRows,
    ConversationEnd, LetterQuery, MessageSlice, MissionAccounts, MissionQuery, OperationPage, OperationQuery,
    ProviderConfigRows, RecordRows, RetentionRows, Rows, RunnerRows, SessionCursor, SessionFilter, SessionQuery,
    SessionRows, SinkRows, StoreUnavailable, SurveyRows, TalkRows, TargetPage, TargetQuery, TreeLock, Tx, UsageRows,
};
use crate::provider_config::{ConfigName, ProviderConfig};
use crate::retention::{ArchivedSession, EndedPlace, Retention};
use crate::runner::{Assignment, AssignmentFilter, AssignmentState, Runner, RunnerName};
use crate::session::{Ancestor, Session, SessionStatus, Silence};
use crate::sink::{DeadLetter, Sink, SinkName};
use crate::survey::Waiting;
use crate::text::{IdempotencyKey, MissionId, Reason};
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, Totals, UsageDay, UsageLine, UsageQuery};

/// How a transaction fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// An operation gives an error.
    Fails,
    /// An operation never returns.
    Hangs,
}

/// How many operations are left before a transaction fails. A clone is another handle to the same counter.
#[derive(Clone, Debug)]
pub struct Fuse {
    left: Arc<AtomicU64>,
    whole: u64,
    how: Break,
}

impl Fuse {
    /// The transaction fails at the operation after this number of operations.
    #[must_use]
    pub fn after(operations: u64, how: Break) -> Self {
        Self { left: Arc::new(AtomicU64::new(operations)), whole: operations, how }
    }

    /// It never fails.
    #[must_use]
    pub fn never() -> Self {
        Self::after(u64::MAX, Break::Fails)
    }

    /// As long as it was, for a transaction that is done again from its beginning.
    pub fn renew(&self) {
        self.left.store(self.whole, Ordering::SeqCst);
    }

    /// Whether it has failed.
    #[must_use]
    pub fn is_burnt(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    /// How many operations are left, including the one that fails; `None` when it never fails.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        Some(self.left.load(Ordering::SeqCst)).filter(|left| *left < u64::MAX / 2)
    }

    /// Whether the failing operation waits for ever.
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

/// The names of the operations that a transaction has begun, in their order. A clone is another handle to the same
/// list.
#[derive(Clone, Debug, Default)]
pub struct Steps(Arc<Mutex<Vec<&'static str>>>);

impl Steps {
    /// The names so far.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets them, for a transaction that is done again from its beginning.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn note(&self, name: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

/// A transaction that fails by a fuse, and notes its operations. It serves to prove that the transaction is whole or
/// not at all, wherever it fails, and in which order it works.
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

    /// The same, with its operations noted here.
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
    add_days(days: &[UsageDay]) -> ();
    usage_lines(query: &UsageQuery) -> Vec<UsageLine>;
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

operations! { ProviderConfigRows {
    insert_provider_config(config: &ProviderConfig) -> bool;
    provider_config(name: &ConfigName) -> Option<ProviderConfig>;
    lock_provider_config(name: &ConfigName) -> Option<ProviderConfig>;
    provider_configs() -> Vec<ProviderConfig>;
    save_provider_config(config: &ProviderConfig) -> ();
    remove_provider_config(name: &ConfigName) -> ();
} }

operations! { RunnerRows {
    insert_runner(runner: &Runner) -> bool;
    runner(name: &RunnerName) -> Option<Runner>;
    lock_runner(name: &RunnerName) -> Option<Runner>;
    runners() -> Vec<Runner>;
    save_runner(runner: &Runner) -> ();
    remove_runner(name: &RunnerName) -> ();
    insert_assignment(assignment: &Assignment) -> bool;
    assignment(session: SessionId) -> Option<Assignment>;
    lock_assignment(session: SessionId) -> Option<Assignment>;
    assignments(filter: &AssignmentFilter, after: Option<AssignmentPlace>, limit: usize) -> Vec<Assignment>;
    open_assignments(now: Timestamp, runner: &RunnerName, after: Option<AssignmentPlace>, limit: usize) -> Vec<Assignment>;
    loads() -> Vec<(RunnerName, u64)>;
    save_assignment(assignment: &Assignment) -> ();
} }

operations! { SurveyRows {
    survey_sessions() -> BTreeMap<SessionStatus, u64>;
    survey_approvals() -> Waiting;
    survey_operations() -> Waiting;
    survey_assignments() -> BTreeMap<AssignmentState, u64>;
    store_bytes() -> Option<u64>;
} }

operations! { SinkRows {
    insert_sink(sink: &Sink) -> bool;
    sink(name: &SinkName) -> Option<Sink>;
    lock_sink(name: &SinkName) -> Option<Sink>;
    sinks() -> Vec<Sink>;
    save_sink(sink: &Sink) -> ();
    remove_sink(name: &SinkName) -> ();
    insert_letter(letter: &DeadLetter) -> ();
    letter(sink: &SinkName, place: u64) -> Option<DeadLetter>;
    letters(query: &LetterQuery) -> Vec<DeadLetter>;
    count_letters() -> Vec<(SinkName, u64)>;
    save_letters_again(sink: &SinkName, places: &[u64]) -> u64;
    remove_letter(sink: &SinkName, place: u64) -> ();
} }

operations! { RetentionRows {
    retention() -> Retention;
    lock_retention() -> Retention;
    save_retention(retention: &Retention) -> ();
    ended_before(before: Timestamp, after: Option<EndedPlace>, limit: usize) -> Vec<Session>;
    conversation_bytes(session: SessionId) -> u64;
    commands_after(session: SessionId, after: CommandSeq, limit: usize) -> Vec<Command>;
    save_archived(archived: &ArchivedSession) -> ();
    archived(sessions: &[SessionId]) -> Vec<ArchivedSession>;
    unfinished_removals(limit: usize) -> Vec<ArchivedSession>;
    remove_archived(session: SessionId) -> ();
    remove_messages(session: SessionId, through: Seq) -> ();
    remove_commands(session: SessionId, through: CommandSeq) -> ();
    remove_events(through: FeedPosition) -> u64;
} }

operations! { ChangeReportRows {
    change_report(session: SessionId, turn: u32) -> Option<ChangeReport>;
    save_change_report(session: SessionId, turn: u32, report: &ChangeReport) -> ();
    remove_change_reports(session: SessionId, turns: RangeInclusive<u32>) -> ();
} }

operations! { RecordRows {
    tell(event: FleetEventDraft) -> ();
    record(entry: AuditDraft) -> AuditSeq;
    feed_head() -> FeedPosition;
} }
