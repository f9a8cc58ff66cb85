//! The readers: a few threads, each with its own connection.
//!
//! Readers never wait for the writer, nor it for them. Each piece of reading is one transaction, so that everything it
//! sees is of one moment.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use flightdeck_store_sql::tx::SqlTx;
use flightdeck_vitals::Vitals;
use tokio::sync::{Semaphore, oneshot};

use crate::connection::DatabaseFile;
use crate::error::StoreError;
use crate::tx::{Embedded, SqliteTx};
use crate::writer::guarded;

/// The name of their threads.
const WORKER: &str = "store reader";

type Job = Box<dyn FnOnce(&mut SqliteTx) + Send>;

/// The handle to the readers' threads.
pub(crate) struct Readers {
    jobs: Option<Sender<Job>>,
    // Keeps callers waiting without blocking a thread of theirs, which a full channel would.
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// One thread for each connection, of this file. `queue` callers wait in line before others wait to be let in. A thread
    /// that panics begins again on a new connection.
    pub(crate) fn start(
        file: &DatabaseFile,
        connections: Vec<SqliteConnection>,
        queue: usize,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = crossbeam_channel::unbounded();
        let room = Arc::new(Semaphore::new(queue.clamp(1, Semaphore::MAX_PERMITS)));
        let threads = connections
            .into_iter()
            .map(|connection| {
                let (waiting, file, mut opened) = (waiting.clone(), file.clone(), Some(connection));
                Vitals::process().thread(WORKER, move || {
                    let connection = match opened.take() {
                        Some(connection) => connection,
                        None => file.reader()?,
                    };
                    serve(connection, &waiting);
                    Ok(())
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { jobs: Some(jobs), room, threads })
    }

    /// Reads, all of one moment.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.look(move |tx| work(tx)).await
    }

    /// The same for a script that only reads.
    pub(crate) async fn look<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut SqliteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return Err(StoreError::Closed.into()) };
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = guarded(|| {
                connection.batch_execute("BEGIN").map_err(StoreError::from)?;
                work(connection)
            });
            // Nothing was written; this only lets go of the moment.
            let _ = connection.batch_execute("ROLLBACK");
            drop(place);
            // A caller that has gone away has no use for it.
            let _ = reply.send(result.unwrap_or_else(|text| Err(StoreError::Panic(text).into())));
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(StoreError::Closed.into());
        }
        // Dropped without an answer: its thread panicked with it in hand.
        answer.await.unwrap_or_else(|_| Err(StoreError::Broken.into()))
    }
}

fn serve(connection: SqliteConnection, waiting: &Receiver<Job>) {
    let mut tx = SqlTx(Embedded(connection));
    for job in waiting {
        Vitals::pulse(WORKER);
        job(&mut tx);
    }
}

impl Drop for Readers {
    /// Waits for what is queued.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader's thread panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;
    use tempfile::TempDir;

    use super::*;

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }

    fn rows(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
        Ok(diesel::sql_query("SELECT COUNT(*) AS n FROM t").get_result::<Row>(connection)?.n)
    }

    /// One reader, and somebody else's connection.
    fn bench() -> (Readers, SqliteConnection, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = DatabaseFile::prepare(&folder.path().join("bench.db")).expect("made");
        let mut other = file.writer().expect("opened");
        other.batch_execute("CREATE TABLE t (n INTEGER)").expect("made");
        let readers = Readers::start(&file, vec![file.reader().expect("opened")], 1).expect("started");
        (readers, other, folder)
    }

    #[tokio::test]
    async fn all_of_one_read_is_of_one_moment() {
        let (readers, mut other, _folder) = bench();
        let seen = readers.read(move |connection| {
            let before = rows(connection)?;
            other.batch_execute("INSERT INTO t VALUES (1)")?;
            Ok((before, rows(connection)?))
        });
        assert_eq!(seen.await.expect("read"), (0, 0));
        assert_eq!(readers.read(rows).await.expect("read"), 1, "the next read is of another moment");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_lives_on() {
        let (readers, _other, _folder) = bench();
        let error = readers.read(|_| -> Result<i64, StoreError> { panic!("on purpose") }).await.expect_err("panicked");
        assert!(matches!(&error, StoreError::Panic(text) if text == "on purpose"), "{error:?}");
        assert_eq!(readers.read(rows).await.expect("read"), 0);
    }
}
