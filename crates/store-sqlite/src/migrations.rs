//! Bringing the tables up to date.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::DatabaseFile;
use crate::error::{OpenError, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What keeps the tables from being brought up to date.
enum Hindrance {
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

/// Applies what is missing, all in one transaction: two programs that start at once do not meet in the middle, and a
/// failure leaves the file as it was. A database that knows more than this program is left alone.
/// Gives the names of those it applied.
pub(crate) fn migrate(file: &DatabaseFile, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    connection.immediate_transaction(apply).map_err(|hindrance| hindrance.of(file.path()))
}

impl Hindrance {
    fn of(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Newer(newest) => OpenError::Newer { path, newest },
            Self::Failed(source) => OpenError::Migration { path, source },
        }
    }
}

fn apply(connection: &mut SqliteConnection) -> Result<Vec<String>, Hindrance> {
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
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations()?;
    Ok(migrations.iter().map(|it| (it.name().version().as_owned(), it.name().to_string())).collect())
}

/// The names of those that [`migrate`] would apply. Reads only.
pub(crate) fn pending(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    missing(connection).map_err(|hindrance| hindrance.of(path))
}

fn missing(connection: &mut SqliteConnection) -> Result<Vec<String>, Hindrance> {
    // Where nothing was ever applied there is no table of what was.
    let table = "SELECT name AS version FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";
    let tables: Vec<Applied> = diesel::sql_query(table).load(connection)?;
    let applied: Vec<Applied> = if tables.is_empty() {
        Vec::new()
    } else {
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?
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
pub(crate) fn check(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let applied: Vec<Applied> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?;
    let known = known().map_err(|cause| StoreError::NotMigrated(cause.to_string()))?;
    let missing = known.keys().map(ToString::to_string).find(|wanted| applied.iter().all(|it| it.version != *wanted));
    missing.map_or(Ok(()), |version| Err(StoreError::NotMigrated(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_undoes_up() {
        let mut connection = SqliteConnection::establish(":memory:").expect("opened");
        connection.run_pending_migrations(MIGRATIONS).expect("up");
        check(&mut connection).expect("current");
        connection.revert_all_migrations(MIGRATIONS).expect("down");
        let left: Vec<Applied> = diesel::sql_query(
            "SELECT name AS version FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        )
        .load(&mut connection)
        .expect("read");
        assert!(left.is_empty(), "{:?}", left.iter().map(|it| &it.version).collect::<Vec<_>>());
        assert!(matches!(check(&mut connection), Err(StoreError::NotMigrated(_))));
    }
}
