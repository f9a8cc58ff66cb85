//! The pool of connections, and how work is done on them.
//!
//! *Invariants.* Everything runs in a task of the runtime that the store was opened with, and is awaited from there: a
//! caller that goes away changes nothing, and no connection belongs to a runtime that ends before the store. Nothing here
//! limits the time of a transaction from outside; PostgreSQL does it (`statement_timeout`,
//! `idle_in_transaction_session_timeout`), and then knows that it did.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bb8::PooledConnection;
use diesel::result::Error as DieselError;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_store_sql::tx::SqlTx;
use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{StoreError, is_lost, is_worth_another_try};
use crate::line::Line;
use crate::pool::{Connections, Failures, Manager};
use crate::settings::{Options, Settings};
use crate::transaction::{Remote, Transaction};

/// What a piece of work gives in the end.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Work on a connection, with what it needs to know: a plain function, so that it can be done again.
pub(crate) type Work<A, C, T, E> = for<'a> fn(&'a A, &'a mut C) -> BoxFuture<'a, Result<T, E>>;

/// Calls a function of [`Database`] with the values that the work needs, which it gets as references:
/// `on!(store.write, (observation), |tx| observe(tx, observation))`.
macro_rules! on {
    ($store:ident.$how:ident, ($($value:ident),*), |$connection:ident| $work:expr) => {
        $store.database.$how(($($value,)*), |($($value,)*), $connection| Box::pin($work))
    };
}

pub(crate) use on;

/// Something that is done in a transaction, and can be done again.
trait Piece<T, E>: Sync {
    fn on<'a>(&'a self, tx: &'a mut Transaction) -> BoxFuture<'a, Result<T, E>>;
}

/// Work, and what it needs to know.
struct With<'v, A, T, E> {
    values: &'v A,
    work: Work<A, Transaction, T, E>,
}

impl<A: Sync, T, E> Piece<T, E> for With<'_, A, T, E> {
    fn on<'a>(&'a self, tx: &'a mut Transaction) -> BoxFuture<'a, Result<T, E>> {
        (self.work)(self.values, tx)
    }
}

/// A script, which has in it what it needs to know.
struct Script<F>(F);

impl<T, E, F> Piece<T, E> for Script<&F>
where
    F: for<'b> Fn(&'b mut Transaction) -> BoxFuture<'b, Result<T, E>> + Sync,
{
    fn on<'a>(&'a self, tx: &'a mut Transaction) -> BoxFuture<'a, Result<T, E>> {
        (self.0)(tx)
    }
}

/// The connections of a store. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: Connections,
    handle: Handle,
    failures: Failures,
    settings: Arc<Settings>,
    lanes: Arc<Lanes>,
}

/// Who may have a connection. The pool itself gives a connection to whoever asks at the right moment, and some would wait
/// for ever; here the first to come is the first to be served, and one kind of work does not hold up another.
#[derive(Debug)]
struct Lanes {
    writers: Arc<Semaphore>,
    groups: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    appends: Arc<Semaphore>,
}

/// A connection, and the right to have it.
pub(crate) struct Leased {
    // Given back before the right to it is.
    connection: PooledConnection<'static, Manager>,
    _permit: OwnedSemaphorePermit,
}

impl Database {
    pub(crate) fn new(
        pool: Connections,
        handle: Handle,
        failures: Failures,
        settings: Arc<Settings>,
        options: &Options,
    ) -> Self {
        let lane = |permits: u32| Arc::new(Semaphore::new(usize::try_from(permits.max(1)).unwrap_or(1)));
        let lanes = Lanes {
            writers: lane(options.writers),
            groups: lane(options.write_groups),
            readers: lane(options.readers),
            appends: lane(options.append_shards),
        };
        Self { pool, handle, failures, settings, lanes: Arc::new(lanes) }
    }

    /// Runs work to its end, whether or not the caller still waits.
    async fn spawn<T, E>(&self, work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreUnavailable> + Send + 'static,
    {
        let done = self.handle.spawn(work).await;
        done.unwrap_or_else(|stopped| Err(StoreUnavailable::from(StoreError::stopped(stopped)).into()))
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a script in one transaction, in a task of its own. When it gives an error, nothing of it is written. When
    /// PostgreSQL breaks it off because of others that ran at the same time, it is done once more from its beginning.
    pub(crate) async fn run<T, E, F>(&self, script: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        let database = self.clone();
        self.spawn(async move { database.alone(&script).await }).await
    }

    /// The same for the tasks that append: they have connections of their own, and are tasks that nobody ends.
    pub(crate) async fn append<A, T, E>(&self, values: &A, work: Work<A, Transaction, T, E>) -> Result<T, E>
    where
        A: Sync,
        E: From<StoreUnavailable> + std::error::Error + 'static,
    {
        self.transact(&self.lanes.appends, &With { values, work }).await
    }

    /// The same for a member that left its group.
    pub(crate) async fn alone<T, E, F>(&self, script: &F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, E>> + Sync,
        E: From<StoreUnavailable> + std::error::Error + 'static,
    {
        self.transact(&self.lanes.writers, &Script(script)).await
    }

    async fn transact<T, E>(&self, lane: &Arc<Semaphore>, piece: &impl Piece<T, E>) -> Result<T, E>
    where
        E: From<StoreUnavailable> + std::error::Error + 'static,
    {
        match self.transact_once(lane, piece).await {
            Err(error) if is_worth_another_try(&error) => {
                tracing::warn!(%error, "a transaction was broken off by another one, and is done again");
                self.transact_once(lane, piece).await
            }
            result => result,
        }
    }

    async fn transact_once<T, E>(&self, lane: &Arc<Semaphore>, piece: &impl Piece<T, E>) -> Result<T, E>
    where
        E: From<StoreUnavailable> + std::error::Error + 'static,
    {
        let connection = self.begin(lane, &self.settings.begin_write).await.map_err(StoreUnavailable::from)?;
        let mut tx = transaction(connection);
        let done = match piece.on(&mut tx).await {
            Ok(value) => tx.tell_all().await.map(|()| value).map_err(|error| StoreUnavailable::from(error).into()),
            Err(error) => Err(error),
        };
        match done {
            Ok(value) => {
                let SqlTx(Remote { line, .. }) = tx;
                Self::commit(line).await.map_err(StoreUnavailable::from)?;
                Ok(value)
            }
            Err(error) => {
                tx.line.note(&error);
                rollback(&mut tx.line).await;
                Err(error)
            }
        }
    }

    /// Whether a statement may be run outside of a transaction.
    pub(crate) fn has_bare_statements(&self) -> bool {
        self.settings.bare_reads
    }

    /// A connection for appends that are one statement.
    pub(crate) async fn appending(&self) -> Result<Line, StoreError> {
        Ok(Line::pooled(self.connection(&self.lanes.appends).await?))
    }

    /// A connection with the transaction of a group just begun.
    pub(crate) async fn begin_group(&self) -> Result<Line, StoreError> {
        Ok(Line::pooled(self.begin(&self.lanes.groups, &self.settings.begin_write).await?))
    }

    pub(crate) async fn commit(mut line: Line) -> Result<(), StoreError> {
        let connection = line.alone().ok_or(StoreError::Spoilt)?;
        Ok(AnsiTransactionManager::commit_transaction(connection).await?)
    }

    pub(crate) async fn undo(mut line: Line) {
        rollback(&mut line).await;
    }

    /// How long a caller waits in line.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.acquire_timeout
    }

    /// Reads with one statement, which sees one moment by itself.
    pub(crate) async fn read<A, T, E>(&self, values: A, work: Work<A, Line, T, E>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: Into<StoreError> + std::error::Error + Send + 'static,
    {
        let database = self.clone();
        let reading = async move {
            if !database.settings.bare_reads {
                let connection = database.begin(&database.lanes.readers, &database.settings.begin_read).await?;
                let mut connection = Line::pooled(connection);
                let result = work(&values, &mut connection).await;
                // Nothing was written; this only lets go of the moment.
                rollback(&mut connection).await;
                return result.map_err(E::into);
            }
            match work(&values, &mut database.reading().await?).await {
                // The server went away and may be back; nothing is lost by asking again.
                Err(error) if is_lost(&error) => work(&values, &mut database.reading().await?).await.map_err(E::into),
                result => result.map_err(E::into),
            }
        };
        self.spawn(reading).await
    }

    /// Reads by one operation of a script, which sees one moment by itself.
    pub(crate) async fn look<T, F>(&self, script: F) -> Result<T, StoreUnavailable>
    where
        F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, StoreUnavailable>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        if !self.settings.bare_reads {
            return self.look_at_moment(script).await;
        }
        let database = self.clone();
        let reading = async move {
            match script(&mut database.bare().await?).await {
                // The server went away and may be back; nothing is lost by asking again.
                Err(error) if is_lost(&error) => script(&mut database.bare().await?).await,
                result => result,
            }
        };
        self.spawn(reading).await
    }

    async fn bare(&self) -> Result<Transaction, StoreError> {
        Ok(SqlTx(Remote::on(self.reading().await?)))
    }

    async fn reading(&self) -> Result<Line, StoreError> {
        Ok(Line::pooled(self.connection(&self.lanes.readers).await?))
    }

    /// Reads by several operations of a script that all see the same moment.
    pub(crate) async fn look_at_moment<T, F>(&self, script: F) -> Result<T, StoreUnavailable>
    where
        F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, StoreUnavailable>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let database = self.clone();
        let reading = async move {
            let connection = database.begin(&database.lanes.readers, &database.settings.begin_read).await?;
            let mut tx = transaction(connection);
            let result = script(&mut tx).await;
            // Nothing was written; this only lets go of the moment.
            rollback(&mut tx.line).await;
            result
        };
        self.spawn(reading).await
    }

    /// A connection with a transaction just begun. One that proves dead is thrown away and another taken: nothing was
    /// done on it yet.
    async fn begin(&self, lane: &Arc<Semaphore>, sql: &str) -> Result<Leased, StoreError> {
        let mut last: Option<StoreError> = None;
        for _ in 0..=self.settings.connections {
            let mut connection = self.connection(lane).await?;
            match AnsiTransactionManager::begin_transaction_sql(&mut *connection, sql).await {
                Ok(()) => return Ok(connection),
                // There is no other reason for it to fail. How it is told differs: a server that shuts down says so, and
                // only then closes.
                Err(error) => last = Some(error.into()),
            }
        }
        Err(last.unwrap_or(StoreError::Closed))
    }

    async fn connection(&self, lane: &Arc<Semaphore>) -> Result<Leased, StoreError> {
        let permit = tokio::time::timeout(self.settings.acquire_timeout, Arc::clone(lane).acquire_owned()).await;
        let Ok(permit) = permit else { return Err(StoreError::Busy) };
        let permit = permit.map_err(|_closed| StoreError::Closed)?;
        let connection = self.pool.get_owned().await.map_err(|error| self.failures.explain(&error))?;
        Ok(Leased { connection, _permit: permit })
    }

    /// Awaits work on the connections, but not for long when none can be opened: whoever asks for the state of things should
    /// hear why.
    pub(crate) async fn hear<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, StoreUnavailable>>,
    ) -> Result<T, StoreUnavailable> {
        // The caller's runtime may know no time.
        let waiting = self.handle.spawn(tokio::time::sleep(patience));
        match select(pin!(work), waiting).await {
            Either::Left((done, waiting)) => {
                waiting.abort();
                done
            }
            Either::Right((_, work)) => match self.failures.last() {
                Some(last) => Err(StoreError::NoConnection(last).into()),
                None => work.await,
            },
        }
    }

    /// Why no connection can be opened, if the last attempt failed.
    pub(crate) fn last_failure(&self) -> Option<String> {
        self.failures.last()
    }

    /// How many connections are open, and how many of them lie idle.
    pub(crate) fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }
}

/// Nothing of a script ran yet.
fn transaction(connection: Leased) -> Transaction {
    SqlTx(Remote::on(Line::pooled(connection)))
}

async fn rollback(line: &mut Line) {
    let Some(connection) = line.alone() else { return };
    match AnsiTransactionManager::rollback_transaction(connection).await {
        Ok(()) | Err(DieselError::NotInTransaction) => {}
        // The pool sees that the connection is in no good state, and throws it away; the server then rolls back.
        Err(error) => tracing::debug!(%error, "a transaction was not rolled back in order"),
    }
}

impl Leased {
    /// Sees to it that nobody gets this connection again, nor any other that is open now.
    pub(crate) fn retire(&self) {
        self.connection.retire();
    }
}

impl std::ops::Deref for Leased {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection.pg
    }
}

impl std::ops::DerefMut for Leased {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection.pg
    }
}
