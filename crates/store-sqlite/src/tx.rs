//! Transactions: the domain's scripts, run on a connection.

use std::ops::{Deref, DerefMut};

use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{AppendError, AppendOutcome, Rows, StoreUnavailable, Transactional, Work};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::transactions::at_once;
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::tx::SqlTx;

use crate::SqliteStore;
use crate::append::Append;
use crate::error::StoreError;

/// A connection on which transactions run, one after the other. Its operations block the thread and never wait.
pub struct Embedded(pub(crate) SqliteConnection);

/// What a script works with.
pub type SqliteTx = SqlTx<Embedded>;

/// A script, or a part of one, run to its end.
///
/// # Errors
/// Those of the script; and that it waits for something, which nothing here does.
pub(crate) fn run<T, E>(script: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    E: From<StoreUnavailable>,
{
    at_once(script).unwrap_or_else(|waited| Err(StoreUnavailable::new(waited).into()))
}

/// Statements, run to their end.
///
/// # Errors
/// As those of [`run`].
pub(crate) fn now<T>(statements: impl Future<Output = Result<T, SqlError>>) -> Result<T, StoreError> {
    at_once(statements)
        .unwrap_or_else(|waited| Err(diesel::result::Error::QueryBuilderError(waited.into()).into()))
        .map_err(StoreError::from)
}

impl Deref for Embedded {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for Embedded {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// Why a script came to nothing.
enum Failed<E> {
    /// By itself.
    Script(E),
    /// With the group of writes that it was one of.
    Group(StoreError),
}

impl<E> From<StoreError> for Failed<E> {
    fn from(cause: StoreError) -> Self {
        Self::Group(cause)
    }
}

impl Transactional for SqliteStore {
    type Tx = SqliteTx;

    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut SqliteTx) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        let written = self.writer.transact(move |tx| run(work(tx)).map_err(Failed::Script)).await;
        written.map_err(|failed| match failed {
            Failed::Script(error) => error,
            Failed::Group(cause) => StoreUnavailable::from(cause).into(),
        })
    }

    /// Each is one transaction of a reader, and so one moment.
    async fn read<T, F>(&self, work: F) -> Rows<T>
    where
        F: for<'a> Fn(&'a mut SqliteTx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let read = self.readers.look(move |tx| run(work(tx)).map_err(Failed::Script)).await;
        read.map_err(|failed| match failed {
            Failed::Script(error) => error,
            Failed::Group(cause) => cause.into(),
        })
    }

    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.writer.append(Append { session, batch, at }).await
    }
}
