//! Opening connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8::RunError;
use diesel::connection::CacheSize;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::RunQueryDsl;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use flightdeck_store_sql::statement::Prepared;
use tokio::runtime::Handle;
use tokio_postgres::NoTls;

use crate::error::StoreError;
use crate::settings::{Options, Settings};
use crate::url::Target;

/// How long it may take to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections, each owned by the runtime that the store was opened with.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    target: Arc<Target>,
    settings: Arc<Settings>,
    handle: Handle,
}

impl Connector {
    pub(crate) fn new(mut target: Target, settings: Arc<Settings>, handle: Handle) -> Self {
        if target.config.get_connect_timeout().is_none() {
            target.config.connect_timeout(CONNECT_TIMEOUT);
        }
        if target.config.get_application_name().is_none() {
            target.config.application_name("flightdeck");
        }
        Self { target: Arc::new(target), settings, handle }
    }

    /// One connection.
    pub(crate) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let (target, settings) = (Arc::clone(&self.target), Arc::clone(&self.settings));
        // Whoever asks may be a task of another runtime; what reads and writes the socket must not be.
        let opening = self.handle.spawn(async move { open(&target, &settings).await });
        opening.await.unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string())))
    }
}

async fn open(target: &Target, settings: &Settings) -> ConnectionResult<AsyncPgConnection> {
    let setup = |error: tokio_postgres::Error| ConnectionError::CouldntSetupConfiguration(unreachable(&error));
    let client = match &target.tls {
        None => {
            let (client, connection) = target.config.connect(NoTls).await.map_err(setup)?;
            tokio::spawn(speak(connection));
            client
        }
        Some(tls) => {
            let (client, connection) = target.config.connect(tls.clone()).await.map_err(setup)?;
            tokio::spawn(speak(connection));
            client
        }
    };
    // Behind a pooler only what is done in one transaction is done on one connection, and diesel sets the language and the
    // time zone with statements that it prepares first.
    client.batch_execute("BEGIN").await.map_err(setup)?;
    let mut connection = AsyncPgConnection::try_from(client).await?;
    let first = settings.on_connect.as_deref().unwrap_or("SELECT 1");
    let done = connection.batch_execute(&format!("{first}; COMMIT")).await;
    done.map_err(ConnectionError::CouldntSetupConfiguration)?;
    if !settings.bare_reads {
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    Ok(connection)
}

/// Carries what is said between us and the server, until either has gone.
async fn speak<S>(connection: tokio_postgres::Connection<tokio_postgres::Socket, S>)
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send,
{
    if let Err(error) = connection.await {
        // Whoever uses the connection gets an error of its own; this is why.
        tracing::debug!(cause = %whole(&error), "a connection to PostgreSQL ended");
    }
}

/// As diesel tells it.
fn unreachable(error: &tokio_postgres::Error) -> diesel::result::Error {
    diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UnableToSendCommand, Box::new(whole(error)))
}

/// The whole chain in one text.
fn whole(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Why the last attempt to open a connection failed; a pool that runs out of time does not say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Arc<Mutex<Option<String>>>);

impl Failures {
    fn note(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// What it means that no connection was to be had.
    pub(crate) fn explain(&self, error: &RunError<PoolError>) -> StoreError {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (error, last) {
            (RunError::User(error), _) => StoreError::NoConnection(error.to_string()),
            (RunError::TimedOut, Some(last)) => StoreError::NoConnection(last),
            (RunError::TimedOut, None) => StoreError::NoConnection("all connections are in use".to_owned()),
        }
    }
}

/// The pool. Must be called in a task of the runtime that is to own it.
pub(crate) async fn pool(
    connector: Connector,
    failures: Failures,
    options: Options,
) -> Result<Pool<AsyncPgConnection>, PoolError> {
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    // A query that proves the connection would cost a third of what can be done in a second. Whether it was closed is
    // looked at when it is taken out.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let (connector, failures) = (connector.clone(), failures.clone());
        Box::pin(async move {
            let opened = connector.connect().await;
            failures.note(opened.as_ref().err().map(ToString::to_string));
            opened
        })
    });
    let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
    Pool::builder()
        .max_size(options.connections())
        .connection_timeout(options.acquire_timeout.max(Duration::from_millis(1)))
        // An idle connection is a process of the server; one that was needed once is soon needed again.
        .idle_timeout(Some(Duration::from_mins(10)))
        .build(manager)
        .await
}

/// Something that costs nothing.
pub(crate) async fn ping(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    Prepared::new("SELECT 1", []).execute(connection).await?;
    Ok(())
}

/// A write that changes nothing. The first statement is refused where none may write; the second goes to the disk with the
/// commit.
pub(crate) async fn probe(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    Prepared::new("UPDATE replica_marks SET mark = mark WHERE false", []).execute(connection).await?;
    let write = "SELECT pg_logical_emit_message(true, 'flightdeck', 'ready')";
    Prepared::new(write, []).execute(connection).await?;
    Ok(())
}
