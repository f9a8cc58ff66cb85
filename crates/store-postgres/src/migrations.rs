//! Bringing the tables up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use flightdeck_store_sql::statement::Statement;
use tokio::runtime::Handle;

use crate::error::{OpenError, StoreError};

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
///
/// Gives the names of those it applied.
pub(crate) async fn migrate(
    connection: AsyncPgConnection,
    handle: &Handle,
    name: &str,
) -> Result<Vec<String>, OpenError> {
    let mut connection = Blocking::from(connection);
    loop {
        let work = handle.spawn_blocking(move || {
            let done = connection.transaction(apply);
            (connection, done)
        });
        let (back, done) = work.await.map_err(|stopped| failed(name, stopped.into()))?;
        connection = back;
        match done {
            Ok(applied) => return Ok(applied),
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
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

fn apply(connection: &mut Blocking) -> Result<Vec<String>, Hindrance> {
    // A change of a large table may take longer than any statement of daily work.
    connection.batch_execute("SET LOCAL statement_timeout = 0")?;
    let lock = "SELECT pg_try_advisory_xact_lock(7601, hashtext(current_schema())) AS yes";
    let locked: Answer = diesel::RunQueryDsl::get_result(diesel::sql_query(lock), connection)?;
    if !locked.yes {
        return Err(Hindrance::Busy);
    }
    let known = known()?;
    let unknown = connection.applied_migrations()?.into_iter().filter(|version| !known.contains_key(version)).max();
    if let Some(newest) = unknown {
        return Err(Hindrance::Newer(newest.to_string()));
    }
    let applied = connection.run_pending_migrations(MIGRATIONS)?;
    Ok(applied.iter().filter_map(|version| known.get(&version.as_owned()).cloned()).collect())
}

/// The names of all migrations, in their order.
fn known() -> Result<BTreeMap<MigrationVersion<'static>, String>, AnyError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
    Ok(migrations.iter().map(|it| (it.name().version().as_owned(), it.name().to_string())).collect())
}

/// The names of those that [`migrate`] would apply. Reads only.
pub(crate) async fn pending(connection: &mut AsyncPgConnection, name: &str) -> Result<Vec<String>, OpenError> {
    match missing(connection).await {
        Ok(names) => Ok(names),
        Err(Hindrance::Newer(newest)) => Err(OpenError::Newer { database: name.to_owned(), newest }),
        Err(Hindrance::Failed(source)) => Err(failed(name, source)),
        Err(Hindrance::Busy) => Ok(Vec::new()),
    }
}

async fn missing(connection: &mut AsyncPgConnection) -> Result<Vec<String>, Hindrance> {
    // Where nothing was ever applied there is no table of what was.
    let table = "SELECT (to_regclass('__diesel_schema_migrations') IS NOT NULL) AS yes";
    let there: Answer = Statement::begin(table).get_result(connection).await?;
    let applied: Vec<Applied> = if there.yes {
        Statement::begin("SELECT version::text AS version FROM __diesel_schema_migrations").load(connection).await?
    } else {
        Vec::new()
    };
    let known = known()?;
    let is_known = |it: &&Applied| known.keys().any(|version| version.to_string() == it.version);
    if let Some(newest) = applied.iter().filter(|it| !is_known(it)).map(|it| it.version.clone()).max() {
        return Err(Hindrance::Newer(newest));
    }
    let lacks = |version: &MigrationVersion<'_>| applied.iter().all(|it| it.version != version.to_string());
    Ok(known.iter().filter(|(version, _)| lacks(version)).map(|(_, name)| name.clone()).collect())
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Whether everything this program needs is applied. Reads only.
pub(crate) async fn check(connection: &AsyncPgConnection) -> Result<(), StoreError> {
    let sql = "SELECT version::text AS version FROM __diesel_schema_migrations";
    let applied: Vec<Applied> = Statement::begin(sql).load(&mut &*connection).await?;
    let known = known().map_err(|cause| StoreError::NotMigrated(cause.to_string()))?;
    let missing = known.keys().map(ToString::to_string).find(|wanted| applied.iter().all(|it| it.version != *wanted));
    missing.map_or(Ok(()), |version| Err(StoreError::NotMigrated(version)))
}
