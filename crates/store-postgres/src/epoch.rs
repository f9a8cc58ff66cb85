//! Which history of the deployment this is.
//!
//! Each write here is one statement: it waits for others at the same row, and needs no other lock.

use async_trait::async_trait;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{EpochRepository, StoreUnavailable};

use crate::PostgresStore;
use crate::database::on;
use crate::tables::{epoch, replica_marks};

#[async_trait]
impl EpochRepository for PostgresStore {
    async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| epoch::get(connection)).await?)
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
        Ok(on!(self.write, (known, next), |tx| epoch::renew(tx, *known, *next)).await?)
    }

    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable> {
        Ok(on!(self.write, (replica, known, next), |tx| replica_marks::exchange(tx, replica, known, *next)).await?)
    }
}
