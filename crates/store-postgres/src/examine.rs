//! A look at a server and a database, for whoever wants to know what is wrong with them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use flightdeck_domain::ports::Clock;
use flightdeck_store_sql::statement::{Prepared, Statement};
use tokio::runtime::Handle;

use crate::Opening;
use crate::error::OpenError;
use crate::migrations;
use crate::settings::Options;
use crate::transfer::{connect, connector};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The server's version, as `150_004` for 15.4.
    pub version: i64,
    /// Whether it waits for the disk at all.
    pub fsync: bool,
    /// Whether a page that was half written when the power failed can be mended.
    pub full_page_writes: bool,
    /// Whether a commit that is acknowledged is on the disk: every value but `off`.
    pub synchronous_commit: String,
    /// How many connections it gives to users like this one, all together.
    pub connections: i64,
    /// How far its clock is ahead of this machine's, in microseconds; to within the time of one round trip.
    pub clock_ahead: i64,
    /// The names of the migrations that are not applied.
    pub pending: Vec<String>,
}

#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Text)]
    fsync: String,
    #[diesel(sql_type = Text)]
    full_page_writes: String,
    #[diesel(sql_type = Text)]
    synchronous_commit: String,
    #[diesel(sql_type = BigInt)]
    connections: i64,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

const SETTINGS: &str = "SELECT current_setting('server_version_num')::bigint AS version, current_setting('fsync') AS fsync, \
     current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit, \
     current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint AS connections";

const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros";

/// Looks. Changes nothing, and applies no migration.
///
/// # Errors
/// There is nothing to be seen: each [`OpenError`] says why.
#[must_use = "nothing is done until it is awaited"]
pub fn examine<'a>(url: &'a str, options: &'a Options, handle: Handle, clock: &'a dyn Clock) -> Opening<'a, Findings> {
    Box::pin(async move {
        let (connector, name) = connector(url, options, handle)?;
        let mut connection = connect(&connector, &name).await?;
        let failed = |source: diesel::result::Error| {
            let source = diesel::ConnectionError::CouldntSetupConfiguration(source);
            OpenError::Connect { database: name.clone(), source }
        };
        let settings: Settings = Statement::begin(SETTINGS).get_result(&mut connection).await.map_err(failed)?;
        // The first question also pays for being understood.
        Prepared::new(NOW, []).get_result::<Now>(&mut connection).await.map_err(failed)?;
        let asked = clock.now().as_micros();
        let now: Now = Prepared::new(NOW, []).get_result(&mut connection).await.map_err(failed)?;
        let answered = clock.now().as_micros();
        let here = asked.saturating_add(answered.saturating_sub(asked) / 2);
        Ok(Findings {
            version: settings.version,
            fsync: settings.fsync == "on",
            full_page_writes: settings.full_page_writes == "on",
            synchronous_commit: settings.synchronous_commit,
            connections: settings.connections,
            clock_ahead: now.micros.saturating_sub(here),
            pending: migrations::pending(&mut connection, &name).await?,
        })
    })
}
