//! Which history of the deployment this is.
//!
//! Each write here is one statement: it waits for others at the same row, and needs no other lock.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{EpochRepository, Rows};
use flightdeck_store_sql::epoch;
use flightdeck_store_sql::tx::Dialect as _;

use crate::PostgresStore;
use crate::database::on;

#[async_trait]
impl EpochRepository for PostgresStore {
    async fn epoch(&self) -> Rows<Option<Epoch>> {
        Ok(on!(self.read, (), |connection| epoch::get(connection)).await?)
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Rows<Epoch> {
        self.database
            .run(move |tx| Box::pin(async move { Ok(epoch::renew(tx.connection(), known, next).await?) }))
            .await
    }

    async fn exchange_mark(&self, replica: String, known: Vec<StoreMark>, next: StoreMark) -> Rows<bool> {
        let marks = Arc::new((replica, known));
        self.database
            .run(move |tx| {
                let marks = Arc::clone(&marks);
                Box::pin(async move { Ok(epoch::exchange_mark(tx.connection(), &marks.0, &marks.1, next).await?) })
            })
            .await
    }
}
