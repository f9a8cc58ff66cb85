//! Each store, asked for a write.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_http_api::Readiness;
use flightdeck_store_postgres::PostgresStore;
use flightdeck_store_sqlite::SqliteStore;

/// The embedded store.
pub(crate) struct SqliteReadiness(pub(crate) Arc<SqliteStore>);

#[async_trait]
impl Readiness for SqliteReadiness {
    async fn ready(&self) -> Result<(), StoreUnavailable> {
        self.0.ready().await
    }
}

/// PostgreSQL.
pub(crate) struct PostgresReadiness(pub(crate) Arc<PostgresStore>);

#[async_trait]
impl Readiness for PostgresReadiness {
    async fn ready(&self) -> Result<(), StoreUnavailable> {
        self.0.ready().await
    }
}
