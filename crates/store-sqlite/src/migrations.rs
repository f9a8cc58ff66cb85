//! Bringing the tables up to date.

use std::collections::BTreeSet;

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
pub(crate) fn migrate(file: &DatabaseFile, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let path = file.path().to_owned();
    connection.immediate_transaction(apply).map_err(|hindrance| match hindrance {
        Hindrance::Newer(newest) => OpenError::Newer { path, newest },
        Hindrance::Failed(source) => OpenError::Migration { path, source },
    })
}

fn apply(connection: &mut SqliteConnection) -> Result<(), Hindrance> {
    let known = known()?;
    let unknown = connection.applied_migrations()?.into_iter().filter(|version| !known.contains(version)).max();
    if let Some(newest) = unknown {
        return Err(Hindrance::Newer(newest.to_string()));
    }
    connection.run_pending_migrations(MIGRATIONS)?;
    Ok(())
}

fn known() -> Result<BTreeSet<MigrationVersion<'static>>, AnyError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations()?;
    Ok(migrations.iter().map(|migration| migration.name().version().as_owned()).collect())
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
    let missing = known.iter().map(ToString::to_string).find(|wanted| applied.iter().all(|it| it.version != *wanted));
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
