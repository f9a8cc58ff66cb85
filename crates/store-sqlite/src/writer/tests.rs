//! Groups put together on purpose: the first job holds the writer until the others are in line.

use std::sync::mpsc::{Receiver, Sender, channel};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use tempfile::TempDir;

use super::*;
use crate::connection::DatabaseFile;
use crate::error::GroupFailure;

type Done = Result<i64, StoreError>;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

struct Bench {
    writer: Option<Writer>,
    file: DatabaseFile,
    _folder: TempDir,
}

impl Bench {
    fn new(queue: usize, group: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = DatabaseFile::prepare(&folder.path().join("bench.db")).expect("made");
        let mut connection = file.writer().expect("opened");
        connection
            .batch_execute(
                "CREATE TABLE t (n INTEGER NOT NULL UNIQUE);
                 CREATE TABLE late (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED);
                 PRAGMA busy_timeout = 0;",
            )
            .expect("made");
        let again = file.clone();
        let writer = Writer::start(connection, move || again.writer(), queue, group).expect("started");
        Self { writer: Some(writer), file, _folder: folder }
    }

    fn writer(&self) -> &Writer {
        self.writer.as_ref().expect("open")
    }

    /// What somebody else sees.
    fn rows(&self) -> Vec<i64> {
        let mut other = self.file.reader().expect("opened");
        let rows: Vec<Row> = diesel::sql_query("SELECT n FROM t ORDER BY n").load(&mut other).expect("read");
        rows.iter().map(|row| row.n).collect()
    }

    fn done(&self) -> (u64, u64) {
        let counters = self.writer().counters();
        (counters.commits.load(Ordering::Relaxed), counters.writes.load(Ordering::Relaxed))
    }

    async fn insert(&self, n: i64) -> Done {
        self.writer().write(move |connection| insert(connection, n)).await
    }

    /// Inserts, and then thinks better of it.
    async fn insert_and_fail(&self, n: i64) -> Done {
        self.writer()
            .write(move |connection| {
                insert(connection, n)?;
                Err(StoreError::NotMigrated("made up".to_owned()))
            })
            .await
    }

    /// Inserts when it is let go.
    async fn held(&self, gate: Receiver<()>, n: i64) -> Done {
        self.writer()
            .write(move |connection| {
                gate.recv().expect("let go");
                insert(connection, n)
            })
            .await
    }

    async fn panic(&self) -> Done {
        self.writer().write(|_| panic!("on purpose")).await
    }
}

fn insert(connection: &mut SqliteConnection, n: i64) -> Done {
    diesel::sql_query("INSERT INTO t VALUES (?)").bind::<BigInt, _>(n).execute(connection)?;
    Ok(n)
}

/// Polled last, so that all others are in line by then.
fn release(gate: Sender<()>) -> impl Future<Output = ()> {
    std::future::poll_fn(move |_| {
        gate.send(()).expect("held");
        std::task::Poll::Ready(())
    })
}

#[tokio::test]
async fn what_queued_meanwhile_shares_one_commit() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    let (a, b, c, ()) = tokio::join!(biased; bench.held(held, 1), bench.insert(2), bench.insert(3), release(gate));
    assert_eq!((a.expect("done"), b.expect("done"), c.expect("done")), (1, 2, 3));
    assert_eq!((bench.rows(), bench.done()), (vec![1, 2, 3], (1, 3)));
}

#[tokio::test]
async fn a_group_has_a_limit() {
    let (bench, (gate, held)) = (Bench::new(16, 2), channel());
    let (a, b, c, ()) = tokio::join!(biased; bench.held(held, 1), bench.insert(2), bench.insert(3), release(gate));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!((bench.rows(), bench.done()), (vec![1, 2, 3], (2, 3)));
}

#[tokio::test]
async fn a_failing_job_undoes_itself_and_not_its_neighbours() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    let (a, b, c, d, ()) = tokio::join!(
        biased;
        bench.held(held, 1), bench.insert_and_fail(2), bench.insert(1), bench.insert(3), release(gate)
    );
    assert!(a.is_ok() && d.is_ok());
    assert!(matches!(b, Err(StoreError::NotMigrated(_))), "{b:?}");
    assert!(matches!(c, Err(StoreError::Sql(_))), "{c:?}");
    assert_eq!((bench.rows(), bench.done()), (vec![1, 3], (1, 4)));
}

#[tokio::test]
async fn a_job_that_fails_first_undoes_itself_and_not_those_behind() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    bench.insert(1).await.expect("done");
    let (a, b, ()) = tokio::join!(biased; bench.held(held, 1), bench.insert(2), release(gate));
    assert!(matches!(a, Err(StoreError::Sql(_))), "{a:?}");
    assert!(b.is_ok());
    let before = bench.done();
    assert!(bench.insert_and_fail(9).await.is_err());
    assert_eq!((bench.rows(), bench.done()), (vec![1, 2], (before.0, before.1 + 1)), "nothing to commit");
}

#[tokio::test]
async fn a_panic_undoes_the_group_and_the_thread_lives_on() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    let (a, b, ()) = tokio::join!(biased; bench.held(held, 1), bench.panic(), release(gate));
    for error in [a.expect_err("undone"), b.expect_err("panicked")] {
        let StoreError::Group(cause) = &error else { panic!("{error:?}") };
        assert!(matches!(&**cause, GroupFailure::Panic(text) if text == "on purpose"), "{cause:?}");
    }
    assert_eq!(bench.rows(), [0; 0]);
    assert!(bench.panic().await.is_err());
    bench.insert(2).await.expect("done");
    assert_eq!(bench.rows(), [2]);
}

#[tokio::test]
async fn nobody_is_told_of_success_when_the_commit_fails() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    // Points at a row that never comes; SQLite finds that out at the commit.
    let dangling = bench.writer().write(|connection| {
        Ok::<_, StoreError>(diesel::sql_query("INSERT INTO late VALUES (99)").execute(connection)?)
    });
    let (a, b, c, ()) = tokio::join!(biased; bench.held(held, 1), dangling, bench.insert(2), release(gate));
    for error in [a.expect_err("undone"), b.map(|_| 0).expect_err("undone"), c.expect_err("undone")] {
        let StoreError::Group(cause) = &error else { panic!("{error:?}") };
        assert!(matches!(&**cause, GroupFailure::Commit(_)), "{cause:?}");
    }
    assert_eq!(bench.rows(), [0; 0]);
    bench.insert(3).await.expect("done");
    assert_eq!(bench.rows(), [3]);
}

#[tokio::test]
async fn an_answer_means_that_others_see_it() {
    let bench = Bench::new(16, 16);
    for n in 0..50 {
        bench.insert(n).await.expect("done");
        assert_eq!(bench.rows().last(), Some(&n));
    }
}

#[tokio::test]
async fn work_is_done_though_its_caller_went_away() {
    let (bench, (gate, held)) = (Bench::new(16, 16), channel());
    tokio::select! {
        biased;
        _ = bench.held(held, 1) => panic!("it is held"),
        () = std::future::ready(()) => {}
    }
    gate.send(()).expect("held");
    bench.insert(2).await.expect("done");
    assert_eq!(bench.rows(), [1, 2]);
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait() {
    let (bench, (gate, held)) = (Bench::new(1, 2), channel());
    let (first, rest, ()) = tokio::join!(
        biased;
        bench.held(held, 1),
        async { tokio::try_join!(biased; bench.insert(2), bench.insert(3), bench.insert(4), bench.insert(5)) },
        release(gate)
    );
    assert!(first.is_ok() && rest.is_ok());
    assert_eq!(bench.rows(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_a_clear_error_and_passes() {
    let bench = Bench::new(16, 16);
    let mut other = bench.file.writer().expect("opened");
    other.batch_execute("BEGIN IMMEDIATE").expect("locked");
    let refused = bench.insert(1).await.expect_err("locked");
    assert!(refused.to_string().contains("another process"), "{refused}");
    let cause = std::error::Error::source(&refused).expect("a cause").to_string();
    assert_eq!(cause, "database is locked");
    other.batch_execute("ROLLBACK").expect("unlocked");
    bench.insert(2).await.expect("done");
    assert_eq!(bench.rows(), [2]);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let (mut bench, (gate, held)) = (Bench::new(16, 16), channel());
    tokio::select! {
        biased;
        _ = async { tokio::join!(biased; bench.held(held, 1), bench.insert(2), bench.insert(3)) } => panic!("held"),
        () = std::future::ready(()) => {}
    }
    gate.send(()).expect("held");
    bench.writer = None;
    assert_eq!(bench.rows(), [1, 2, 3]);
}

/// A panic that nobody guards against: that of an answer.
struct Bomb(oneshot::Sender<Result<(), StoreError>>);

impl Job for Bomb {
    fn run(&mut self, connection: &mut SqliteTx) -> Effects {
        insert(connection, 7).expect("inserted");
        Effects::Undo
    }

    fn answer(self: Box<Self>) {
        let kept = &self.0;
        assert!(kept.is_closed(), "on purpose");
    }

    fn fail(self: Box<Self>, _cause: StoreError) {}
}

#[tokio::test]
async fn a_thread_that_panics_begins_again_and_nobody_hangs() {
    let bench = Bench::new(16, 16);
    bench.insert(1).await.expect("written");
    let broken = bench.writer().queue::<(), StoreError>(|reply| Box::new(Bomb(reply))).await.expect_err("it panicked");
    assert!(matches!(broken, StoreError::Broken), "{broken:?}");
    bench.insert(2).await.expect("written by the new start");
    assert_eq!(bench.rows(), [1, 2]);
    let panics = Vitals::process().report().into_iter().find(|worker| worker.name == WORKER).expect("known").panics;
    assert_eq!(panics, 1);
}
