//! `flightdeck migrate`: brings the tables of the configured database up to date, and says what it did.

use flightdeck_store_postgres::PostgresStore;
use flightdeck_store_sqlite::SqliteStore;
use tokio::runtime::Handle;

use crate::cli::{Outcome, say};
use crate::config::{Config, DatabaseUrl};
use crate::deployment::{DeploymentError, make_data_dir, postgres_options};

pub(crate) async fn run(config: &Config) -> Outcome {
    let applied = match &config.database {
        DatabaseUrl::Sqlite(path) => {
            make_data_dir(config)?;
            SqliteStore::migrate(path)
                .map_err(|source| DeploymentError::Sqlite { path: path.clone(), source: Box::new(source) })?
        }
        DatabaseUrl::Postgres(url) => {
            let migrated = PostgresStore::migrate(url, &postgres_options(config), Handle::current()).await;
            migrated.map_err(|source| DeploymentError::Postgres {
                url: config.database.clone(),
                source: Box::new(source),
            })?
        }
    };
    say(told(&config.database, &applied));
    Ok(())
}

fn told(database: &DatabaseUrl, applied: &[String]) -> String {
    if applied.is_empty() {
        return format!("{database}: up to date");
    }
    let names: Vec<String> = applied.iter().map(|name| format!("\n  {name}")).collect();
    format!("{database}: brought up to date with {} migrations{}", applied.len(), names.concat())
}
