//! What SQLite makes durable in this process, with a table of messages as a server has it: WAL, `synchronous=FULL`.

use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::rows::{Row, Rows};
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::number::{count, per_second};
use crate::stats::Samples;

diesel::table! {
    messages (session_id, seq) {
        session_id -> Binary,
        seq -> BigInt,
        id -> Binary,
        role -> Text,
        provider -> Text,
        created_at -> BigInt,
        metadata -> Text,
        content -> Text,
    }
}

const SCHEMA: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -32000;
    CREATE TABLE messages (
        session_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,
        role TEXT NOT NULL,
        provider TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        metadata TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (session_id, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_id ON messages (session_id, id);";

/// Callers of the writer thread.
const CALLERS: u32 = 64;
/// The most rows in one commit of the writer thread.
const GROUP: usize = 512;

fn failed<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> BenchError {
    move |source| BenchError::Sqlite { what, source: Box::new(source) }
}

fn open(folder: &Path, name: &str) -> Outcome<SqliteConnection> {
    let path = folder.join(name).display().to_string();
    let mut connection = SqliteConnection::establish(&path).map_err(failed("cannot open a database"))?;
    connection.batch_execute(SCHEMA).map_err(failed("cannot make a table"))?;
    Ok(connection)
}

fn insert(connection: &mut SqliteConnection, row: &Row) -> QueryResult<usize> {
    diesel::insert_into(messages::table)
        .values((
            messages::session_id.eq(row.session.as_slice()),
            messages::seq.eq(row.seq),
            messages::id.eq(row.id.as_slice()),
            messages::role.eq("assistant"),
            messages::provider.eq("internal"),
            messages::created_at.eq(1_700_000_000_000_000_i64 + row.seq),
            messages::metadata.eq("{}"),
            messages::content.eq(row.content.as_str()),
        ))
        .execute(connection)
}

/// Commits of 1, 10 and 100 rows one after the other, and what a writer thread reaches that commits what has queued.
pub(super) async fn measure(folder: &Path, span: Duration, figures: &mut Figures) -> Outcome<()> {
    for rows in [1, 10, 100] {
        alone(folder, span, rows, figures)?;
    }
    paced(folder, span, figures).await?;
    grouped(folder, span, figures).await
}

/// How many commits a second a load makes that leaves the machine time to rest.
const PACE: u32 = 20;

/// Single commits with a rest before each: a processor and a disk that rested take longer than those that run.
pub(super) async fn paced(folder: &Path, span: Duration, figures: &mut Figures) -> Outcome<()> {
    let mut connection = open(folder, "paced.db")?;
    let (mut rows, mut times) = (Rows::of_session(1), Samples::default());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / PACE);
    let begin = Instant::now();
    while begin.elapsed() < span {
        ticks.tick().await;
        let row = rows.next();
        let sent = Instant::now();
        let write = |connection: &mut SqliteConnection| insert(connection, &row).map(|_| ());
        connection.immediate_transaction(write).map_err(failed("cannot commit"))?;
        times.add(sent.elapsed());
    }
    figures.add("SQLite, 20 commits a second p50", "ms", times.sorted().p50());
    Ok(())
}

/// Commits of so many rows, one after the other.
pub(super) fn alone(folder: &Path, span: Duration, rows: usize, figures: &mut Figures) -> Outcome<()> {
    let mut connection = open(folder, &format!("alone-{rows}.db"))?;
    let mut source = Rows::of_session(1);
    let mut times = Samples::default();
    let begin = Instant::now();
    while begin.elapsed() < span {
        let batch = source.many(rows);
        let sent = Instant::now();
        let write =
            |connection: &mut SqliteConnection| batch.iter().try_for_each(|row| insert(connection, row).map(|_| ()));
        connection.immediate_transaction(write).map_err(failed("cannot commit"))?;
        times.add(sent.elapsed());
    }
    let (elapsed, times) = (begin.elapsed(), times.sorted());
    figures.add(format!("SQLite, commits of {rows}"), "rows/s", per_second(times.len() * count(rows), elapsed));
    figures.add(format!("SQLite, commit of {rows} p50"), "ms", times.p50());
    figures.add(format!("SQLite, commit of {rows} p99"), "ms", times.p99());
    Ok(())
}

/// A row, and whom to tell when it is durable.
type Job = (Row, oneshot::Sender<QueryResult<()>>);

/// What a writer thread reaches that commits what has queued.
pub(super) async fn grouped(folder: &Path, span: Duration, figures: &mut Figures) -> Outcome<()> {
    let mut connection = open(folder, "grouped.db")?;
    let (send, receive) = sync_channel::<Job>(4_096);
    let writer = std::thread::spawn(move || write_groups(&mut connection, &receive));
    let begin = Instant::now();
    let mut callers = JoinSet::new();
    let send = Rc::new(send);
    for caller in 0..CALLERS {
        callers.spawn_local(call(Rc::clone(&send), caller, begin + span));
    }
    drop(send);
    let mut times = Samples::default();
    while let Some(done) = callers.join_next().await {
        times.take_in(&done.map_err(|error| BenchError::task(&error))??);
    }
    let elapsed = begin.elapsed();
    if writer.join().is_err() {
        return Err(BenchError::Protocol("the writer thread panicked".to_owned()));
    }
    let times = times.sorted();
    figures.add("SQLite, group commit, 64 callers", "rows/s", per_second(times.len(), elapsed));
    figures.add("SQLite, group commit p50", "ms", times.p50());
    figures.add("SQLite, group commit p99", "ms", times.p99());
    Ok(())
}

async fn call(send: Rc<SyncSender<Job>>, caller: u32, until: Instant) -> Outcome<Samples> {
    let gone = || BenchError::Protocol("the writer thread is gone".to_owned());
    let (mut rows, mut times) = (Rows::of_session(caller), Samples::default());
    while Instant::now() < until {
        let (tell, told) = oneshot::channel();
        let row = rows.next();
        let begin = Instant::now();
        // There is more room than callers: this never waits.
        send.send((row, tell)).map_err(|_gone| gone())?;
        told.await.map_err(|_gone| gone())?.map_err(failed("cannot commit"))?;
        times.add(begin.elapsed());
    }
    Ok(times)
}

/// Commits what has queued while the last commit ran, each row in a savepoint of its own, and tells all after it.
fn write_groups(connection: &mut SqliteConnection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            let Ok(job) = jobs.try_recv() else { break };
            group.push(job);
        }
        let written = connection.immediate_transaction(|connection| {
            let write = |(row, _): &Job| connection.transaction(|connection| insert(connection, row).map(|_| ()));
            QueryResult::Ok(group.iter().map(write).collect::<Vec<_>>())
        });
        match written {
            Ok(outcomes) => {
                for ((_, tell), outcome) in group.into_iter().zip(outcomes) {
                    // A caller that went away does not wait.
                    let _ = tell.send(outcome);
                }
            }
            // Dropping the others tells them that nothing was written.
            Err(error) => group.into_iter().take(1).for_each(|(_, tell)| drop(tell.send(Err(error_of(&error))))),
        }
    }
}

fn error_of(error: &diesel::result::Error) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_be_durable_is_in_the_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = open(folder.path(), "x.db").expect("open");
        let (send, receive) = sync_channel(8);
        let mut told = Vec::new();
        let mut rows = Rows::of_session(3);
        let mut all = rows.many(3);
        // The same row again is refused alone: its neighbours are written.
        all.insert(1, all[0].clone());
        for row in all {
            let (tell, hear) = oneshot::channel();
            send.send((row, tell)).expect("room");
            told.push(hear);
        }
        drop(send);
        write_groups(&mut connection, &receive);
        let told: Vec<bool> = told.into_iter().map(|hear| hear.blocking_recv().expect("told").is_ok()).collect();
        assert_eq!(told, [true, false, true, true]);
        let seqs: Vec<i64> =
            messages::table.select(messages::seq).order(messages::seq).load(&mut connection).expect("read");
        assert_eq!(seqs, [1, 2, 3]);
    }
}
