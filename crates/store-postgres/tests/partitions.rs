//! The messages are put into parts while they are written and read, and nobody notices.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::{AppendError, MessageRepository, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{
    MessageLayout, MessageParts, MoveError, MovePhase, MoveStep, MoveWaits, PostgresStore,
};
use libtest_mimic::Arguments;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::bench::{Bench, options};

/// Sessions and messages that are there before the move.
const OLD: u32 = 300;
const EACH: u32 = 30;

fn main() {
    let trials = vec![
        bench::case("nobody_who_writes_or_reads_notices_the_move", nobody_notices),
        bench::case("a_move_that_breaks_off_goes_on_where_it_was", goes_on),
        bench::case("a_copy_that_differs_is_never_used", differs),
        bench::case("a_move_waits_for_who_reads_as_of_earlier", waits),
        bench::case("what_is_granted_stays_granted", granted),
    ];
    bench::main(trials, &Arguments::from_args());
}

/// A database with old messages.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench
        .execute(&format!(
            "INSERT INTO sessions (id, root_id, status, desired_status, last_seq, last_command_seq, revision, spawned_at, \
                 provider, task_id, task_source, agent_type, context, metadata) \
             SELECT ('00000000-0000-0000-0001-' || lpad(to_hex(n), 12, '0'))::uuid, \
                 ('00000000-0000-0000-0001-' || lpad(to_hex(n), 12, '0'))::uuid, 'running', 'running', {EACH}, 0, 1, 1, \
                 'internal', 'FD-1', 'jira', 'worker', '{{}}', '{{}}' FROM generate_series(0, {OLD} - 1) AS n; \
             INSERT INTO messages SELECT id, seq, gen_random_uuid(), 'user', 'internal', 0, '{{}}', 'hello ' || seq \
             FROM sessions, generate_series(1, {EACH}) AS seq"
        ))
        .await;
    bench.analyze().await;
    bench
}

fn old_session(number: u32) -> SessionId {
    SessionId::new(Uuid::from_u128((1 << 48) + u128::from(number)))
}

/// A step that does not wait for the transactions of other tests, whose schemas are in the same database.
async fn past_other_tests(mover: &MessageParts) -> Result<MoveStep, MoveError> {
    loop {
        match mover.step().await {
            Ok(MoveStep::Waits(MoveWaits::Transactions(_))) => tokio::time::sleep(Duration::from_millis(20)).await,
            step => return step,
        }
    }
}

async fn parts(bench: &Bench) -> MessageParts {
    MessageParts::open(bench.place.url(), &options(), Handle::current()).await.expect("opened")
}

async fn to_the_end(parts: &MessageParts) {
    loop {
        match parts.step().await.expect("a step") {
            MoveStep::Done => return,
            MoveStep::Worked => {}
            MoveStep::Waits(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn phase(parts: &MessageParts) -> Option<MovePhase> {
    match parts.layout().await.expect("read") {
        MessageLayout::Moving(progress) => Some(progress.phase),
        _ => None,
    }
}

async fn count(bench: &Bench, sql: &str) -> i64 {
    bench.client().await.query_one(sql, &[]).await.expect(sql).get(0)
}

/// The conversation of a session, page by page.
async fn seqs(store: &PostgresStore, session: SessionId) -> Vec<u64> {
    let mut seqs = Vec::new();
    loop {
        let after = Seq::new(seqs.last().copied().unwrap_or_default());
        let page = store.after(session, after, 100).await.expect("read").expect("a session");
        if page.messages.is_empty() {
            assert_eq!(page.last_seq, after, "as many as the session says");
            return seqs;
        }
        seqs.extend(page.messages.iter().map(|message| message.seq.get()));
    }
}

fn dense(count: u64) -> Vec<u64> {
    (1..=count).collect()
}

async fn nobody_notices() {
    const WRITERS: u32 = 8;
    let bench = bench().await;
    let (store, stop, written) = (&bench.store, Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, stop, written) = (Arc::clone(store), Arc::clone(&stop), Arc::clone(&written));
        tasks.spawn(async move {
            // One old session, and new ones; each message is sent again now and then.
            let mut number = writer * 1_000_000;
            let mut session = old_session(writer);
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                if number.is_multiple_of(20) {
                    store.register(given::registration(number)).await.expect("registered");
                    session = given::session_id(number);
                }
                let batch = vec![given::said(number, "hello"), given::said(number + 500_000, "again")];
                store.append(session, batch.clone(), given::at(1)).await.expect("appended");
                written.fetch_add(2, Ordering::Relaxed);
                if number.is_multiple_of(7) {
                    let again = store.append(session, batch, given::at(1)).await.expect("appended again");
                    assert!(again.appended.iter().all(|it| !it.created), "nothing twice");
                }
            }
        });
    }
    for reader in 0..3 {
        let (store, stop) = (Arc::clone(store), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut number = reader;
            while !stop.load(Ordering::Relaxed) {
                number = (number + 7) % OLD;
                let page = store.after(old_session(number), Seq::ZERO, 30).await.expect("read").expect("a session");
                let seqs: Vec<u64> = page.messages.iter().map(|message| message.seq.get()).collect();
                assert_eq!(seqs, dense(u64::from(EACH)));
            }
        });
    }
    while written.load(Ordering::Relaxed) < 100 {
        tokio::task::yield_now().await;
    }
    to_the_end(&parts(&bench).await).await;
    let at_switch = written.load(Ordering::Relaxed);
    while written.load(Ordering::Relaxed) < at_switch + 200 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = tasks.join_next().await {
        done.expect("no error to a client");
    }
    let all = i64::from(OLD * EACH) + i64::try_from(written.load(Ordering::Relaxed)).expect("few");
    assert_eq!(count(&bench, "SELECT count(*) FROM messages").await, all, "none is lost, and none is there twice");
    assert_eq!(count(&bench, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'messages'::regclass").await, 16);
    let lost = "SELECT count(*) FROM sessions WHERE last_seq <> (SELECT count(*) FROM messages WHERE session_id = sessions.id) \
                    OR last_seq <> (SELECT coalesce(max(seq), 0) FROM messages WHERE session_id = sessions.id)";
    assert_eq!(count(&bench, lost).await, 0, "each conversation is dense");
    let missing = "SELECT count(*) FROM messages_old AS old LEFT JOIN messages AS new USING (session_id, seq) \
                   WHERE new.id IS DISTINCT FROM old.id OR new.content <> old.content";
    assert_eq!(count(&bench, missing).await, 0);
    let whole = seqs(store, old_session(3)).await;
    assert_eq!(whole, dense(u64::try_from(whole.len()).expect("few")));
    let parts = parts(&bench).await;
    assert_eq!(parts.layout().await.expect("read"), MessageLayout::Parts { old: true });
    parts.drop_old().await.expect("removed");
    assert_eq!(parts.layout().await.expect("read"), MessageLayout::Parts { old: false });
    assert!(matches!(parts.drop_old().await, Err(MoveError::Layout(_))));
    assert_eq!(parts.step().await.expect("nothing to do"), MoveStep::Done);
    // A store that is opened on it finds what it needs.
    let again = PostgresStore::open(bench.place.url(), options(), Handle::current()).await.expect("opened");
    again.append(old_session(9), vec![given::said(1, "hello")], given::at(1)).await.expect("appended");
}

async fn goes_on() {
    let bench = bench().await;
    let mut steps = 0;
    loop {
        // Each mover is lost in the midst of a step, sooner or later in it.
        let mover = parts(&bench).await;
        let patience = Duration::from_millis(4 * u64::from(steps % 100));
        let step = tokio::time::timeout(patience, mover.step()).await;
        drop(mover);
        // New messages come in between.
        let batch = vec![given::said(steps + 1, "hello")];
        bench.store.append(old_session(steps % OLD), batch, given::at(1)).await.expect("appended");
        steps += 1;
        if let Ok(step) = step
            && step.expect("a step") == MoveStep::Done
        {
            break;
        }
        assert!(steps < 2_000, "it gets nowhere");
    }
    let all = i64::from(OLD * EACH + steps);
    assert_eq!(count(&bench, "SELECT count(*) FROM messages").await, all);
    assert!(count(&bench, "SELECT count(*) FROM messages_old").await <= all);
    let last = (steps - 1) % OLD;
    let whole = seqs(&bench.store, old_session(last)).await;
    assert_eq!(whole, dense(u64::try_from(whole.len()).expect("few")));
}

async fn differs() {
    let bench = bench().await;
    let mover = parts(&bench).await;
    assert!(matches!(mover.undo().await, Err(MoveError::Layout(_))), "there is nothing to undo");
    while phase(&mover).await != Some(MovePhase::Compare) {
        mover.step().await.expect("a step");
    }
    let changed = bench.client().await.batch_execute("DELETE FROM messages WHERE seq = 1").await.expect_err("refused");
    assert!(changed.as_db_error().is_some_and(|error| error.message().contains("being moved")), "{changed}");
    bench.execute("UPDATE messages_next SET content = content || '!' WHERE seq = 30").await;
    let error = loop {
        match mover.step().await {
            Ok(step) => assert_ne!(step, MoveStep::Done),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, MoveError::Differs { .. }), "{error}");
    assert!(mover.step().await.is_err(), "and it stays so");
    mover.undo().await.expect("undone");
    assert!(matches!(mover.layout().await.expect("read"), MessageLayout::Whole { .. }));
    // One that was changed meanwhile in its shape.
    while phase(&mover).await != Some(MovePhase::Switch) {
        mover.step().await.expect("a step");
    }
    bench.execute("ALTER TABLE messages ADD COLUMN more TEXT").await;
    assert!(matches!(past_other_tests(&mover).await, Err(MoveError::Shape)));
    bench.execute("ALTER TABLE messages_next ADD COLUMN more TEXT").await;
    to_the_end(&mover).await;
    assert_eq!(count(&bench, "SELECT count(*) FROM messages").await, i64::from(OLD * EACH));
    let unknown = bench.store.append(given::session_id(7), vec![given::said(1, "hello")], given::at(1)).await;
    assert!(matches!(unknown, Err(AppendError::UnknownSession(_))));
}

async fn waits() {
    let bench = bench().await;
    let mover = parts(&bench).await;
    mover.step().await.expect("begun");
    let reader = bench.client().await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM sessions";
    reader.batch_execute(begin).await.expect("begun");
    while phase(&mover).await != Some(MovePhase::Switch) {
        mover.step().await.expect("a step");
    }
    let waits = mover.step().await.expect("a step");
    assert!(matches!(waits, MoveStep::Waits(MoveWaits::Transactions(_))), "{waits:?}");
    let read: i64 = reader.query_one("SELECT count(*) FROM messages", &[]).await.expect("read").get(0);
    assert_eq!(read, i64::from(OLD * EACH), "who reads as of earlier misses nothing");
    reader.batch_execute("COMMIT").await.expect("ended");
    // One that holds the table itself.
    reader.batch_execute("BEGIN; SELECT count(*) FROM messages").await.expect("begun");
    let waits = past_other_tests(&mover).await.expect("a step");
    assert_eq!(waits, MoveStep::Waits(MoveWaits::Lock));
    bench.store.append(old_session(1), vec![given::said(1, "hello")], given::at(1)).await.expect("others go on");
    reader.batch_execute("COMMIT").await.expect("ended");
    to_the_end(&mover).await;
}

async fn granted() {
    let bench = bench().await;
    bench.execute("GRANT SELECT ON messages TO pg_monitor; GRANT SELECT ON messages TO PUBLIC").await;
    to_the_end(&parts(&bench).await).await;
    let grants = "SELECT count(*) FROM pg_class, aclexplode(relacl) \
                  WHERE oid = 'messages'::regclass AND grantee <> relowner AND privilege_type = 'SELECT'";
    assert_eq!(count(&bench, grants).await, 2);
}
