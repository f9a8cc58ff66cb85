//! Writes of all kinds that share a commit.

use std::sync::Arc;

use flightdeck_domain::action::{ActionRefused, Intervention, OperatorAction};
use flightdeck_domain::audit::ChainVerifier;
use flightdeck_domain::ids::{AuditSeq, FeedPosition, SessionId};
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::ports::{
    AuditLog, FleetFeed, MessageRepository, ObserveError, OperationRepository, OperatorActionError, OperatorActions,
    SessionRepository,
};
use flightdeck_domain::session::SessionStatus;
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{Options, PostgresStore};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::bench::{Bench, options, told};

/// The session whose lock holds up the first group.
const HELD: u32 = 900;

/// One line, so that what queues is one group.
async fn bench() -> Bench {
    let bench = Bench::with(Options { write_groups: 1, ..options() }).await;
    for n in [1, 2, 3, 4, HELD] {
        bench.store.register(given::registration(n)).await.expect("registered");
    }
    bench
}

/// Holds up a group until whatever is queued meanwhile is the next one.
struct Gate {
    holder: Client,
    first: JoinHandle<()>,
    groups: u64,
}

impl Gate {
    async fn close(bench: &Bench) -> Self {
        let groups = bench.store.stats().write_groups;
        let holder = bench.client().await;
        let sql = format!("BEGIN; SELECT id FROM sessions WHERE id = '{}' FOR UPDATE", given::session_id(HELD));
        holder.batch_execute(&sql).await.expect("locked");
        let store = Arc::clone(&bench.store);
        let first = tokio::spawn(async move {
            store.heartbeat(given::session_id(HELD), given::at(1)).await.expect("heard");
        });
        while bench.store.stats().write_groups == groups {
            tokio::task::yield_now().await;
        }
        Self { holder, first, groups: groups + 1 }
    }

    /// All of the group has to be queued by then. Gives how many groups it was.
    async fn open(self, bench: &Bench) -> impl Future<Output = u64> {
        self.holder.batch_execute("COMMIT").await.expect("let go");
        self.first.await.expect("no panic");
        let store = Arc::clone(&bench.store);
        async move { store.stats().write_groups - self.groups }
    }
}

/// Queues a write, and returns when it stands in the line.
async fn queued<T, F>(bench: &Bench, write: impl FnOnce(Arc<PostgresStore>) -> F) -> JoinHandle<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let before = bench.store.stats().waiting;
    let answer = tokio::spawn(write(Arc::clone(&bench.store)));
    while bench.store.stats().waiting == before {
        tokio::task::yield_now().await;
    }
    answer
}

fn inject(n: u32, message: u32) -> OperatorAction {
    given::action(n, given::inject(message))
}

async fn status(bench: &Bench, id: SessionId) -> SessionStatus {
    bench.store.get(id).await.expect("read").expect("there").status
}

/// The whole audit log, whose hashes make one chain.
async fn sound_log(bench: &Bench) -> Vec<u64> {
    let entries = bench.store.walk(AuditSeq::ZERO, 100).await.expect("read");
    let mut verifier = ChainVerifier::default();
    for entry in &entries {
        verifier.next(entry).expect("a good entry");
    }
    let proof = verifier.finish(AuditLog::head(&*bench.store).await.expect("read"));
    assert!(proof.valid, "{proof:?}");
    entries.iter().map(|entry| entry.seq.get()).collect()
}

/// The positions of the feed, which have no gap.
async fn events(bench: &Bench) -> usize {
    let events = FleetFeed::after(&*bench.store, FeedPosition::ZERO, 100).await.expect("read");
    for (place, event) in (1..).zip(&events) {
        assert_eq!(event.position.get(), place);
    }
    events.len()
}

pub(crate) async fn writes_of_all_kinds_share_a_commit_and_each_stands_alone() {
    let bench = bench().await;
    bench.store.observe(given::observation(4, SessionStatus::Completed, 4)).await.expect("ended");
    let (events_before, alone_before) = (events(&bench).await, bench.store.stats().writes_alone);
    let gate = Gate::close(&bench).await;
    let idle = given::observation(1, SessionStatus::Idle, 5);
    let idle = queued(&bench, |store| async move { store.observe(idle).await }).await;
    // The same session: it waits for the report before it, and sees it.
    let said = queued(&bench, |store| async move { store.commit(inject(1, 50)).await }).await;
    let also = queued(&bench, |store| async move { store.commit(inject(2, 51)).await }).await;
    let heard = queued(&bench, |store| async move { store.heartbeat(given::session_id(3), given::at(9)).await }).await;
    let new = queued(&bench, |store| async move { store.register(given::registration(5)).await }).await;
    let same = queued(&bench, |store| async move { store.register(given::registration(5)).await }).await;
    let child = queued(&bench, |store| async move { store.register(given::child(6, 1)).await }).await;
    let ended = given::observation(4, SessionStatus::Running, 6);
    let ended = queued(&bench, |store| async move { store.observe(ended).await }).await;
    let unknown = queued(&bench, |store| async move { store.commit(inject(99, 52)).await }).await;
    let kill = given::action(3, Intervention::Kill);
    let kill = queued(&bench, |store| async move { store.commit(kill).await }).await;
    let groups = gate.open(&bench).await;

    assert!(idle.await.expect("no panic").expect("observed").changed);
    let said = said.await.expect("no panic").expect("accepted");
    assert_eq!(said.session.status, SessionStatus::Idle, "as the report before it left it");
    let also = also.await.expect("no panic").expect("accepted");
    assert!(heard.await.expect("no panic").expect("heard").is_some());
    assert!(new.await.expect("no panic").expect("registered").created);
    assert!(!same.await.expect("no panic").expect("registered").created, "one of the two is first");
    assert_eq!(child.await.expect("no panic").expect("registered").session.parent_id, Some(given::session_id(1)));
    assert!(matches!(ended.await.expect("no panic"), Err(ObserveError::Illegal(_))));
    let unknown = unknown.await.expect("no panic");
    assert!(matches!(unknown, Err(OperatorActionError::Refused(ActionRefused::UnknownSession(_)))));
    let killed = kill.await.expect("no panic").expect("accepted");
    assert_eq!(groups.await, 1, "one for all");
    let stats = bench.store.stats();
    assert_eq!((stats.writes_alone - alone_before, stats.broken_write_groups), (1, 0), "the kill had one of its own");

    assert_eq!(status(&bench, given::session_id(1)).await, SessionStatus::Idle);
    let log = sound_log(&bench).await;
    assert_eq!(log, [1, 2, 3, 4], "with the refusal");
    for seq in [said.audit_seq, also.audit_seq, killed.audit_seq] {
        assert!(log.contains(&seq.expect("recorded").get()));
    }
    assert!(events(&bench).await > events_before);
}

/// The counting of an operation is read and written by each session that settles a part of it.
pub(crate) async fn agents_that_obey_at_the_same_time_are_all_counted() {
    let bench = bench().await;
    for n in [10, 11, 12, 13] {
        bench.store.register(given::child(n, 1)).await.expect("registered");
    }
    bench.store.commit_scoped(given::scoped(1, 1, Wish::Pause, Reach::Subtree)).await.expect("accepted");
    let gate = Gate::close(&bench).await;
    let mut answers = Vec::new();
    for n in [1, 10, 11, 12, 13] {
        let paused = given::observation(n, SessionStatus::Paused, 7);
        answers.push(queued(&bench, |store| async move { store.observe(paused).await }).await);
    }
    let groups = gate.open(&bench).await;
    for answer in answers {
        assert!(answer.await.expect("no panic").expect("observed").changed);
    }
    assert_eq!((groups.await, bench.store.stats().broken_write_groups), (1, 0));
    let operation = bench.store.operation(given::operation_id(1)).await.expect("read").expect("there");
    assert_eq!((operation.tally.observed, operation.tally.open), (5, 0));
    assert!(operation.completed_at.is_some());
}

pub(crate) async fn a_call_that_comes_twice_in_a_group_is_done_once() {
    let bench = bench().await;
    let gate = Gate::close(&bench).await;
    let call = || OperatorAction { by: given::keyed(1, 30, "once"), ..inject(1, 60) };
    let (one, two) = (call(), call());
    let one = queued(&bench, |store| async move { store.commit(one).await }).await;
    let two = queued(&bench, |store| async move { store.commit(two).await }).await;
    let groups = gate.open(&bench).await;
    let one = one.await.expect("no panic").expect("accepted");
    let two = two.await.expect("no panic").expect("accepted");
    assert_eq!((groups.await, bench.store.stats().broken_write_groups), (1, 0));
    assert_eq!((one.again, two.again, one.audit_seq), (false, true, two.audit_seq));
    assert_eq!(sound_log(&bench).await, [1]);
    let said =
        MessageRepository::after(&*bench.store, given::session_id(1), flightdeck_domain::ids::Seq::ZERO, 10).await;
    assert_eq!(said.expect("read").expect("there").messages.len(), 1);
}

pub(crate) async fn a_member_that_the_database_refuses_takes_nobody_along() {
    let bench = bench().await;
    bench
        .execute(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$; \
             CREATE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW WHEN (NEW.id = '{}') EXECUTE FUNCTION refuse()",
            given::session_id(2)
        ))
        .await;
    let gate = Gate::close(&bench).await;
    let mut answers = Vec::new();
    for n in [1, 2, 3] {
        let idle = given::observation(n, SessionStatus::Idle, 5);
        answers.push(queued(&bench, |store| async move { store.observe(idle).await }).await);
    }
    gate.open(&bench).await.await;
    let mut refused = Vec::new();
    for (n, answer) in [1, 2, 3].into_iter().zip(answers) {
        match answer.await.expect("no panic") {
            Ok(observed) => assert!(observed.changed),
            Err(error) => {
                assert!(told(&error).contains("not this one"), "{}", told(&error));
                refused.push(n);
            }
        }
    }
    assert_eq!(refused, [2]);
    assert_eq!(bench.store.stats().broken_write_groups, 1);
    events(&bench).await;
}

/// What two replicas commit at the same time is one order, however much of it shares a commit.
pub(crate) async fn replicas_that_write_everything_at_once_share_one_order() {
    let bench = Bench::new().await;
    let other = PostgresStore::open(bench.place.url(), options(), Handle::current()).await.expect("opened");
    let (stores, each) = ([Arc::clone(&bench.store), Arc::new(other)], 20_u32);
    let mut callers = Vec::new();
    for n in 1..=40_u32 {
        let store = Arc::clone(&stores[usize::try_from(n % 2).expect("small")]);
        callers.push(tokio::spawn(async move {
            store.register(given::registration(n)).await.expect("registered");
            for turn in 0..each {
                let status = if turn.is_multiple_of(2) { SessionStatus::Idle } else { SessionStatus::Running };
                let seen = given::observation(n, status, 10 + turn);
                let seen =
                    flightdeck_domain::session::Observation { message_id: given::message_id(n * 1_000 + turn), ..seen };
                assert!(store.observe(seen).await.expect("observed").changed);
                if turn == 7 {
                    store.commit(inject(n, 100_000 + n)).await.expect("accepted");
                }
            }
        }));
    }
    for caller in callers {
        caller.await.expect("no panic");
    }
    let mut position = FeedPosition::ZERO;
    let mut told = 0_u64;
    loop {
        let page = FleetFeed::after(&*bench.store, position, 100).await.expect("read");
        let Some(last) = page.last() else { break };
        for event in &page {
            told += 1;
            assert_eq!(event.position.get(), told, "dense");
        }
        position = last.position;
    }
    // One for each registration and each change, and one for each message's receipt.
    assert!(told >= 40 + 40 * u64::from(each), "{told}");
    assert_eq!(sound_log(&bench).await.len(), 40);
    let stats = bench.store.stats();
    assert!(stats.write_groups < stats.writes, "{stats:?}");
}
