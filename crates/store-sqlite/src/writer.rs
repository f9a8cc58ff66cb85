//! The one writer.
//!
//! SQLite has one writer at a time, and a commit waits for the disk. So all writes go to one thread, which takes whatever
//! queued while the last commit ran, runs it in one transaction and commits once: the busier it is, the more a commit
//! carries. Nobody waits for a group to fill up.
//!
//! *Invariants.* No caller is answered before the commit that holds its work. Each piece of work stands alone: when it
//! fails, its own effects are undone and those of its neighbours stay. Work once queued is done, whether or not its
//! caller still waits.

mod group;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ports::{AppendError, AppendOutcome, WakeUps};
use flightdeck_store_sql::tx::SqlTx;
use flightdeck_vitals::Vitals;
use tokio::sync::{mpsc, oneshot};

use self::group::{Desk, Line};
use crate::append::heads::Heads;
use crate::append::{Append, AppendJob};
use crate::error::{OpenError, StoreError};
use crate::tx::{Embedded, SqliteTx};

/// What becomes of the effects of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effects {
    Keep,
    Undo,
}

/// One caller's work, and the way back to the caller.
pub(crate) trait Job: Send {
    /// Does the work, inside a transaction that it must not end.
    fn run(&mut self, tx: &mut SqliteTx) -> Effects;

    /// Tells who follows of the result, before the caller has it.
    fn tell(&self) {}

    /// Hands the result to the caller.
    fn answer(self: Box<Self>);

    /// Tells the caller that nothing was done.
    fn fail(self: Box<Self>, cause: StoreError);

    /// Appends in a row are done together.
    fn as_append(&mut self) -> Option<&mut AppendJob> {
        None
    }
}

struct Task<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Task<F, T, E>
where
    F: FnOnce(&mut SqliteTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut SqliteTx) -> Effects {
        self.result = self.work.take().map(|work| work(tx));
        if matches!(self.result, Some(Ok(_))) { Effects::Keep } else { Effects::Undo }
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // A caller that has gone away has no use for it; the work is done all the same.
            let _ = self.reply.send(result);
        }
    }

    fn fail(self: Box<Self>, cause: StoreError) {
        let _ = self.reply.send(Err(cause.into()));
    }
}

/// What the writer has done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
}

/// The name of its thread.
const WORKER: &str = "store writer";

/// The handle to the writer's thread.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
    /// Who hears of appended messages on the writer's thread.
    listener: OnceLock<Arc<dyn WakeUps>>,
}

impl Writer {
    /// `queue` callers wait in line before others wait to be let in; `group` is the most that one commit carries. After a
    /// panic the thread begins again on a connection that `reopen` gives: the old one is closed, which rolls back what it
    /// had not committed, and whoever waited for it gets an error.
    pub(crate) fn start(
        connection: SqliteConnection,
        mut reopen: impl FnMut() -> Result<SqliteConnection, OpenError> + Send + 'static,
        queue: usize,
        group: usize,
    ) -> std::io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Box<dyn Job>>(queue.max(1));
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let mut opened = Some(connection);
        let thread = Vitals::process().thread(WORKER, move || {
            let connection = match opened.take() {
                Some(connection) => connection,
                None => reopen()?,
            };
            let mut desk = Desk { tx: SqlTx(Embedded(connection)), heads: Heads::default() };
            let mut line = Line { waiting: &mut waiting, looked_at: None, limit: group.max(1) };
            while let Some(first) = line.wait() {
                Vitals::pulse(WORKER);
                group::commit(&mut desk, first, &mut line, &counted);
            }
            if let Err(error) = desk.tx.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
                tracing::warn!(%error, "the write-ahead log could not be folded into the database; the next start does it");
            }
            Ok(())
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), counters, listener: OnceLock::new() })
    }

    /// Does a piece of work and returns when it is durable. When the work gives an error, nothing of it is written.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut SqliteConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.transact(move |tx| work(tx)).await
    }

    /// The same for a script.
    pub(crate) async fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut SqliteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue(|reply| Box::new(Task { work: Some(work), result: None, reply })).await
    }

    /// Appends a batch and returns when it is durable.
    pub(crate) async fn append(&self, append: Append) -> Result<AppendOutcome, AppendError> {
        let listener = self.listener.get().cloned();
        self.queue(|reply| Box::new(AppendJob { append, result: None, reply, listener })).await
    }

    /// Tells a listener of appended messages, on this writer's thread, from here on. Only the first listener is taken.
    pub(crate) fn tell(&self, listener: Arc<dyn WakeUps>) {
        let _ = self.listener.set(listener);
    }

    async fn queue<T, E: From<StoreError>>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Box<dyn Job>,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        let Some(jobs) = &self.jobs else { return Err(StoreError::Closed.into()) };
        if jobs.send(job(reply)).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        // Dropped without an answer: the thread panicked with it in hand.
        answer.await.unwrap_or_else(|_| Err(StoreError::Broken.into()))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Drop for Writer {
    /// Waits for what is queued.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer's thread panicked");
        }
    }
}

/// Runs work that may panic; the text of the panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Whatever the panic left half done is rolled back by the caller, and the work itself is thrown away.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned());
        tracing::error!(panic = text, "work on the store panicked");
        text
    })
}

fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Ordering::Relaxed);
}
