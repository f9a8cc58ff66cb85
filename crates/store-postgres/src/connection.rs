//! Opening connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::CacheSize;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::RunQueryDsl;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use flightdeck_store_sql::statement::Prepared;
use tokio::runtime::Handle;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::StoreError;
use crate::line::Line;
use crate::settings::Settings;
use crate::url::{Target, place};

/// How long it may take to reach the server, its answer to who we are included; less where another host may be tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT_OF_EACH: Duration = Duration::from_secs(3);

/// A machine that is gone, with nobody left to say so, is noticed after this time: what was sent to it is not confirmed, or
/// it answers no probe. The system's own limits are a quarter of an hour and two hours.
const SILENCE: Duration = Duration::from_secs(20);
const PROBE_AFTER: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// What the library takes for granted.
const NOT_SET: Duration = Duration::from_hours(2);

/// Opens connections, each owned by the runtime that the store was opened with.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    target: Arc<Target>,
    /// The host that was the right one last time. It is tried first: a host that is gone for good would hold up each new
    /// connection, and while two hosts allow writes all connections lead to the same.
    right: Arc<AtomicUsize>,
    settings: Arc<Settings>,
    handle: Handle,
}

impl Connector {
    pub(crate) fn new(mut target: Target, settings: Arc<Settings>, handle: Handle) -> Self {
        let limit = if target.hosts.len() > 1 { CONNECT_TIMEOUT_OF_EACH } else { CONNECT_TIMEOUT };
        target.hosts.iter_mut().for_each(|config| complete(config, limit));
        Self { target: Arc::new(target), right: Arc::default(), settings, handle }
    }

    /// One connection, to the first host that will do.
    pub(crate) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let this = self.clone();
        // Whoever asks may be a task of another runtime; what reads and writes the socket must not be.
        let opening = self.handle.spawn(async move { open(this.reach().await?, &this.settings).await });
        opening.await.unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string())))
    }

    /// The same without diesel.
    pub(crate) async fn client(&self) -> ConnectionResult<Client> {
        let this = self.clone();
        let opening = self.handle.spawn(async move { this.reach().await });
        opening.await.unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string())))
    }

    /// A connection to the first host that will do, of which nothing was asked yet.
    async fn reach(&self) -> ConnectionResult<Client> {
        let right = AtomicUsize::load(&self.right, Ordering::Relaxed);
        let hosts = self.target.hosts.iter().enumerate();
        let mut refused = Vec::new();
        for (number, config) in hosts.clone().skip(right).chain(hosts.take(right)) {
            match self.try_one(config).await {
                Ok(client) => {
                    self.right.store(number, Ordering::Relaxed);
                    return Ok(client);
                }
                Err(why) if self.target.hosts.len() > 1 => refused.push(format!("{}: {why}", place(config))),
                Err(why) => refused.push(why),
            }
        }
        Err(ConnectionError::CouldntSetupConfiguration(unreachable(refused.join("; "))))
    }

    /// # Errors
    /// The host will not do; the text says why.
    async fn try_one(&self, config: &Config) -> Result<Client, String> {
        let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        let connecting = async {
            match &self.target.tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(speak(connection));
                    Ok(client)
                }
                Some(tls) => {
                    let (client, connection) = config.connect(tls.clone()).await?;
                    tokio::spawn(speak(connection));
                    Ok(client)
                }
            }
        };
        // The library's own limit ends with the socket: a server that hangs takes a connection, and says nothing.
        match tokio::time::timeout(limit, connecting).await {
            Ok(done) => done.map_err(|error| whole(&error)),
            Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
        }
    }
}

/// Fills in what the URL leaves open.
fn complete(config: &mut Config, connect_timeout: Duration) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(connect_timeout);
    }
    if config.get_application_name().is_none() {
        config.application_name("flightdeck");
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_idle() == NOT_SET {
        config.keepalives_idle(PROBE_AFTER).keepalives_interval(PROBE_AFTER / PROBES).keepalives_retries(PROBES);
    }
}

async fn open(client: Client, settings: &Settings) -> ConnectionResult<AsyncPgConnection> {
    let setup = |error: tokio_postgres::Error| ConnectionError::CouldntSetupConfiguration(unreachable(whole(&error)));
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
fn unreachable(why: String) -> diesel::result::Error {
    diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UnableToSendCommand, Box::new(why))
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

/// Something that costs nothing.
pub(crate) async fn ping(connection: &Line) -> Result<(), StoreError> {
    Prepared::new("SELECT 1", []).execute(&mut connection.pg()).await?;
    Ok(())
}

/// A write that changes nothing. The first statement is refused where none may write; the second goes to the disk with the
/// commit.
pub(crate) async fn probe(connection: &Line) -> Result<(), StoreError> {
    Prepared::new("UPDATE replica_marks SET mark = mark WHERE false", []).execute(&mut connection.pg()).await?;
    let write = "SELECT pg_logical_emit_message(true, 'flightdeck', 'ready')";
    Prepared::new(write, []).execute(&mut connection.pg()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_vanished_is_noticed_unless_the_url_says_otherwise() {
        let completed = |query: &str| {
            let mut config: Config = format!("postgres://u@h/x?{query}").parse().expect("a good URL");
            complete(&mut config, CONNECT_TIMEOUT);
            (config.get_tcp_user_timeout().copied(), config.get_keepalives_idle(), config.get_keepalives_retries())
        };
        assert_eq!(completed(""), (Some(SILENCE), PROBE_AFTER, Some(PROBES)));
        let minute = Duration::from_mins(1);
        assert_eq!(completed("tcp_user_timeout=60&keepalives_idle=60"), (Some(minute), minute, None));
    }
}
