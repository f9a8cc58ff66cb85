//! The pool of connections, and how work is done on them.
//!
//! *Invariants.* Everything runs in a task of the runtime that the store was opened with, and is awaited from there: a
//! caller that goes away changes nothing, and no connection belongs to a runtime that ends before the store. Nothing here
//! limits the time of a transaction from outside; PostgreSQL does it (`statement_timeout`,
//! `idle_in_transaction_session_timeout`), and then knows that it did.

use std::pin::Pin;
use std::sync::Arc;

use diesel::result::Error as DieselError;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_store_sql::tx::{Dialect as _, SqlTx};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::Failures;
use crate::error::{StoreError, is_lost, is_worth_another_try};
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

impl<T, E, F> Piece<T, E> for Script<F>
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
    pool: Pool<AsyncPgConnection>,
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
    readers: Arc<Semaphore>,
    appends: Arc<Semaphore>,
}

/// A connection, and the right to have it.
pub struct Leased {
    // Given back before the right to it is.
    connection: PooledConnection<'static, AsyncPgConnection>,
    _permit: OwnedSemaphorePermit,
}

impl Database {
    pub(crate) fn new(
        pool: Pool<AsyncPgConnection>,
        handle: Handle,
        failures: Failures,
        settings: Arc<Settings>,
        options: &Options,
    ) -> Self {
        let lane = |permits: u32| Arc::new(Semaphore::new(usize::try_from(permits.max(1)).unwrap_or(1)));
        let lanes = Lanes {
            writers: lane(options.writers),
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
        self.spawn(async move { database.transact(&database.lanes.writers, &Script(script)).await }).await
    }

    /// The same for the tasks that append: they have connections of their own, and are tasks that nobody ends.
    pub(crate) async fn append<A, T, E>(&self, values: &A, work: Work<A, Transaction, T, E>) -> Result<T, E>
    where
        A: Sync,
        E: From<StoreUnavailable> + std::error::Error + 'static,
    {
        self.transact(&self.lanes.appends, &With { values, work }).await
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
        E: From<StoreUnavailable>,
    {
        let connection = self.begin(lane, &self.settings.begin_write).await.map_err(StoreUnavailable::from)?;
        let mut tx = transaction(connection);
        match piece.on(&mut tx).await {
            Ok(value) => {
                commit(tx).await.map_err(StoreUnavailable::from)?;
                Ok(value)
            }
            Err(error) => {
                rollback(tx.connection()).await;
                Err(error)
            }
        }
    }

    /// Reads with one statement, which sees one moment by itself.
    pub(crate) async fn read<A, T, E>(&self, values: A, work: Work<A, AsyncPgConnection, T, E>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: Into<StoreError> + std::error::Error + Send + 'static,
    {
        let database = self.clone();
        let reading = async move {
            if !database.settings.bare_reads {
                let mut connection = database.begin(&database.lanes.readers, &database.settings.begin_read).await?;
                let result = work(&values, &mut connection).await;
                // Nothing was written; this only lets go of the moment.
                rollback(&mut connection).await;
                return result.map_err(E::into);
            }
            match work(&values, &mut *database.connection(&database.lanes.readers).await?).await {
                // The server went away and may be back; nothing is lost by asking again.
                Err(error) if is_lost(&error) => {
                    work(&values, &mut *database.connection(&database.lanes.readers).await?).await.map_err(E::into)
                }
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
        Ok(transaction(self.connection(&self.lanes.readers).await?))
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
            rollback(tx.connection()).await;
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
        loop {
            let connection = self.pool.get_owned().await;
            let mut connection = connection.map_err(|error| self.failures.explain(&error))?;
            // The server closed it while it lay in the pool, which throws it away when it is given back. There are only
            // so many of them, and a new one is open.
            if !connection.is_broken() {
                return Ok(Leased { connection, _permit: permit });
            }
        }
    }

    /// How many connections are open, and how many of them lie idle.
    pub(crate) fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }
}

/// Nothing of a script ran yet.
const fn transaction(connection: Leased) -> Transaction {
    SqlTx(Remote::on(connection))
}

async fn commit(mut tx: Transaction) -> Result<(), StoreError> {
    if let Err(error) = tx.tell_all().await {
        rollback(tx.connection()).await;
        return Err(error.into());
    }
    Ok(AnsiTransactionManager::commit_transaction(tx.connection()).await?)
}

async fn rollback(connection: &mut AsyncPgConnection) {
    match AnsiTransactionManager::rollback_transaction(connection).await {
        Ok(()) | Err(DieselError::NotInTransaction) => {}
        // The pool sees that the connection is in no good state, and throws it away; the server then rolls back.
        Err(error) => tracing::debug!(%error, "a transaction was not rolled back in order"),
    }
}

impl std::ops::Deref for Leased {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl std::ops::DerefMut for Leased {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}
