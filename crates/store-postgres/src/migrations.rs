//! Bringing the tables up to date.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::runtime::Handle;

use crate::error::{OpenError, StoreError};
use crate::statement::Statement;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// How long one that has to wait for another replica waits between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A connection that can be used without waiting by the name of it, which is what migrations are written for.
type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;

/// What keeps the tables from being brought up to date.
enum Hindrance {
    /// Another replica is at it.
    Busy,
    Newer(String),
    Failed(AnyError),
}

impl From<diesel::result::Error> for Hindrance {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AnyError> for Hindrance {
    fn from(error: AnyError) -> Self {
        Self::Failed(error)
    }
}

/// Applies what is missing, all in one transaction under a lock: replicas that start at once do it one after the other,
/// and a failure leaves the database as it was. A database that knows more than this program is left alone.
///
/// The lock is tried again and again rather than waited for, and belongs to the transaction: so nothing is held while
/// waiting, and it works through a pooler.
pub(crate) async fn migrate(connection: AsyncPgConnection, handle: &Handle, name: &str) -> Result<(), OpenError> {
    let mut connection = Blocking::from(connection);
    loop {
        let work = handle.spawn_blocking(move || {
            let done = connection.transaction(apply);
            (connection, done)
        });
        let (back, done) = work.await.map_err(|stopped| failed(name, stopped.into()))?;
        connection = back;
        match done {
            Ok(()) => return Ok(()),
            Err(Hindrance::Busy) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(Hindrance::Newer(newest)) => return Err(OpenError::Newer { database: name.to_owned(), newest }),
            Err(Hindrance::Failed(source)) => return Err(failed(name, source)),
        }
    }
}

fn failed(name: &str, source: AnyError) -> OpenError {
    OpenError::Migration { database: name.to_owned(), source }
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

fn apply(connection: &mut Blocking) -> Result<(), Hindrance> {
    // A change of a large table may take longer than any statement of daily work.
    connection.batch_execute("SET LOCAL statement_timeout = 0")?;
    let lock = "SELECT pg_try_advisory_xact_lock(7601, hashtext(current_schema())) AS locked";
    let locked: Locked = diesel::RunQueryDsl::get_result(diesel::sql_query(lock), connection)?;
    if !locked.locked {
        return Err(Hindrance::Busy);
    }
    let known = known()?;
    let unknown = connection.applied_migrations()?.into_iter().filter(|version| !known.contains(version)).max();
    if let Some(newest) = unknown {
        return Err(Hindrance::Newer(newest.to_string()));
    }
    connection.run_pending_migrations(MIGRATIONS)?;
    Ok(())
}

fn known() -> Result<BTreeSet<MigrationVersion<'static>>, AnyError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
    Ok(migrations.iter().map(|migration| migration.name().version().as_owned()).collect())
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Whether everything this program needs is applied. Reads only.
pub(crate) async fn check(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    let sql = "SELECT version::text AS version FROM __diesel_schema_migrations";
    let applied: Vec<Applied> = Statement::begin(sql).load(connection).await?;
    let known = known().map_err(|cause| StoreError::NotMigrated(cause.to_string()))?;
    let missing = known.iter().map(ToString::to_string).find(|wanted| applied.iter().all(|it| it.version != *wanted));
    missing.map_or(Ok(()), |version| Err(StoreError::NotMigrated(version)))
}
