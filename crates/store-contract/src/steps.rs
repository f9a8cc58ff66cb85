//! Steps that the cases share. Each does one thing that is to succeed, and panics when it does not.

use std::sync::Arc;

use flightdeck_domain::action::{Committed, Intervention};
use flightdeck_domain::audit::{AuditDraft, AuditEntry, AuditVerification, ChainVerifier, SealedAuditEntry};
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::{FleetEvent, FleetEventKind};
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, OperationId, Seq};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::{
    AppendOutcome, AuditLog, FleetFeed, MessageRepository, OperationQuery, OperationRepository, OperatorActions,
    SessionFilter, SessionQuery, SessionRepository, TargetQuery,
};
use flightdeck_domain::session::{Observation, Registration, Session};
use tokio::sync::Barrier;

use crate::Store;
use crate::given::{action, at, session_id};

pub(crate) async fn register(store: &dyn Store, registration: Registration) -> Session {
    let done = store.register(registration).await.expect("registered");
    assert!(done.created, "a new session: {:?}", done.session);
    done.session
}

pub(crate) async fn session(store: &dyn Store, n: u32) -> Session {
    SessionRepository::get(store, session_id(n)).await.expect("read").expect("the session is there")
}

pub(crate) async fn observe(store: &dyn Store, observation: Observation) -> Session {
    store.observe(observation).await.expect("taken in").session
}

pub(crate) async fn append(store: &dyn Store, n: u32, batch: Vec<NewMessage>) -> AppendOutcome {
    let outcome = store.append(session_id(n), batch, at(0)).await.expect("appended");
    let created: Vec<Seq> = outcome.appended.iter().filter(|it| it.created).map(|it| it.seq).collect();
    let inserted: Vec<Seq> = outcome.inserted.iter().map(|it| it.seq).collect();
    assert_eq!(inserted, created, "what was put there is told");
    if let Some(first) = outcome.inserted.first() {
        let before = Seq::new(first.seq.get() - 1);
        let slice = MessageRepository::after(store, session_id(n), before, inserted.len()).await.expect("read");
        assert_eq!(slice.map(|slice| slice.messages).as_ref(), Some(&outcome.inserted), "as it is read");
    }
    outcome
}

pub(crate) async fn commit(store: &dyn Store, n: u32, intervention: Intervention) -> Committed {
    OperatorActions::commit(store, action(n, intervention)).await.expect("accepted")
}

/// The whole conversation of session `n`.
pub(crate) async fn conversation(store: &dyn Store, n: u32) -> Vec<Message> {
    let slice = MessageRepository::after(store, session_id(n), Seq::ZERO, 10_000).await.expect("read");
    let slice = slice.expect("the session is there");
    let last = slice.messages.last().map_or(Seq::ZERO, |message| message.seq);
    assert_eq!(last, slice.last_seq, "the newest seq is that of the last message");
    slice.messages
}

pub(crate) async fn pending(store: &dyn Store, n: u32) -> Vec<Command> {
    let pending = store.pending(session_id(n), CommandSeq::ZERO, 10_000).await.expect("read");
    pending.expect("the session is there")
}

/// Every session, newest first.
pub(crate) async fn sessions(store: &dyn Store, filter: SessionFilter) -> Vec<Session> {
    let query = SessionQuery { filter, after: None, limit: 10_000, heads_only: false };
    SessionRepository::list(store, query).await.expect("read").sessions
}

/// Every operation, newest first.
pub(crate) async fn operations(store: &dyn Store) -> Vec<Operation> {
    let query = OperationQuery { limit: 10_000, ..OperationQuery::default() };
    OperationRepository::operations(store, query).await.expect("read").operations
}

/// Every target of an operation, leaves first.
pub(crate) async fn targets(store: &dyn Store, operation: OperationId) -> Vec<OperationTarget> {
    let query = TargetQuery { operation, unseen_only: false, missions: None, after: None, limit: 10_000 };
    OperationRepository::targets(store, query).await.expect("read").targets
}

/// The whole fleet feed.
pub(crate) async fn feed(store: &dyn Store) -> Vec<FleetEvent> {
    FleetFeed::after(store, FeedPosition::ZERO, 10_000).await.expect("read")
}

pub(crate) async fn feed_after(store: &dyn Store, position: FeedPosition) -> Vec<FleetEvent> {
    FleetFeed::after(store, position, 10_000).await.expect("read")
}

pub(crate) async fn feed_head(store: &dyn Store) -> FeedPosition {
    FleetFeed::head(store).await.expect("read")
}

pub(crate) fn of_kind(events: &[FleetEvent], kind: FleetEventKind) -> Vec<&FleetEvent> {
    events.iter().filter(|event| event.kind == kind).collect()
}

/// The whole audit log, oldest first.
pub(crate) async fn audit(store: &dyn Store) -> Vec<SealedAuditEntry> {
    store.walk(AuditSeq::ZERO, 10_000).await.expect("read")
}

/// The newest entry of the audit log.
pub(crate) async fn newest_entry(store: &dyn Store) -> AuditEntry {
    audit(store).await.pop().expect("an entry").entry().expect("readable")
}

/// An entry of the rule as it has to be recorded: what is aimed at a session says what runs it.
pub(crate) fn run_by(session: &Session, entry: Option<AuditDraft>) -> AuditDraft {
    entry.expect("an entry").run_by(&session.provider)
}

/// The audit chain from end to end, against the head that the store remembers.
pub(crate) async fn verify(store: &dyn Store) -> AuditVerification {
    let head = AuditLog::head(store).await.expect("read");
    let mut verifier = ChainVerifier::default();
    for entry in audit(store).await {
        verifier.next(&entry).expect("a good entry");
    }
    verifier.finish(head)
}

/// Runs a task so many times, all set off at the same moment, and gives their results in order.
pub(crate) async fn together<F>(count: u32, task: impl Fn(u32) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let start = Arc::new(Barrier::new(usize::try_from(count).expect("a few")));
    let running: Vec<_> = (0..count)
        .map(|n| {
            let (start, task) = (Arc::clone(&start), task(n));
            tokio::spawn(async move {
                start.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        results.push(task.await.expect("the task ran to its end"));
    }
    results
}
