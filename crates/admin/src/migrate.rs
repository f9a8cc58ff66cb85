//! `flightdeck migrate`: brings the tables of the configured database up to date, and says what it did.

use flightdeck_settings::{DatabaseUrl, StorageSettings};
use flightdeck_storage::{StorageError, make_data_dir, postgres_options};
use flightdeck_store_postgres::PostgresStore;
use flightdeck_store_sqlite::SqliteStore;
use flightdeck_terminal::{Outcome, json_pretty, say};
use serde_json::json;
use tokio::runtime::Handle;

use crate::grammar::MigrateArgs;

/// There is no file to be written anew.
#[derive(Debug, thiserror::Error)]
#[error("--compact is for SQLite; PostgreSQL gives space back by itself, with autovacuum")]
pub(crate) struct NoFile;

/// Does what was typed.
///
/// # Errors
/// The database cannot be used, or a migration fails.
pub async fn run(args: &MigrateArgs) -> Outcome {
    let settings = StorageSettings::load(&args.flags)?;
    let applied = match &settings.database {
        DatabaseUrl::Sqlite(path) => {
            make_data_dir(&settings.data_dir)?;
            let unusable = |source| StorageError::Sqlite { path: path.clone(), source: Box::new(source) };
            let applied = SqliteStore::migrate(path).map_err(unusable)?;
            if args.compact {
                SqliteStore::compact(path).map_err(unusable)?;
            }
            applied
        }
        DatabaseUrl::Postgres(_) if args.compact => return Err(NoFile.into()),
        DatabaseUrl::Postgres(url) => {
            let migrated = PostgresStore::migrate(url, &postgres_options(&settings), Handle::current()).await;
            migrated
                .map_err(|source| StorageError::Postgres { url: settings.database.clone(), source: Box::new(source) })?
        }
    };
    if args.json {
        say(json_pretty(&json!({"database": settings.database.to_string(), "applied": applied})));
    } else {
        say(told(&settings.database, &applied));
    }
    Ok(())
}

fn told(database: &DatabaseUrl, applied: &[String]) -> String {
    if applied.is_empty() {
        return format!("{database}: up to date");
    }
    let names: Vec<String> = applied.iter().map(|name| format!("\n  {name}")).collect();
    format!("{database}: brought up to date with {} migrations{}", applied.len(), names.concat())
}
