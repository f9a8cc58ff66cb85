//! Which history of the deployment this is.

use async_trait::async_trait;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{EpochRepository, Rows};
use flightdeck_store_sql::epoch;

use crate::SqliteStore;
use crate::tx::now;

#[async_trait]
impl EpochRepository for SqliteStore {
    async fn epoch(&self) -> Rows<Option<Epoch>> {
        Ok(self.readers.read(|connection| now(epoch::get(connection))).await?)
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Rows<Epoch> {
        self.writer.write(move |connection| Ok(now(epoch::renew(connection, known, next))?)).await
    }

    async fn exchange_mark(&self, replica: String, known: Vec<StoreMark>, next: StoreMark) -> Rows<bool> {
        self.writer.write(move |connection| Ok(now(epoch::exchange_mark(connection, &replica, &known, next))?)).await
    }
}
