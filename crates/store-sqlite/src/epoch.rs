//! Which history of the deployment this is.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{EpochRepository, StoreUnavailable};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{epoch, replica_marks};

#[async_trait]
impl EpochRepository for SqliteStore {
    async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
        Ok(self.readers.read(epoch::get).await?)
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
        self.writer.write(move |connection| Ok(renew(connection, known, next)?)).await
    }

    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable> {
        self.writer.write(move |connection| Ok(exchange(connection, &replica, &known, next)?)).await
    }
}

fn renew(connection: &mut SqliteConnection, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreError> {
    match epoch::get(connection)? {
        Some(other) if Some(other) != known => Ok(other),
        // There is none yet, or the known one.
        _ => {
            epoch::set(connection, next)?;
            Ok(next)
        }
    }
}

fn exchange(
    connection: &mut SqliteConnection,
    replica: &str,
    known: &[StoreMark],
    next: StoreMark,
) -> Result<bool, StoreError> {
    let mine = known.is_empty() || replica_marks::get(connection, replica)?.is_some_and(|mark| known.contains(&mark));
    if mine {
        replica_marks::set(connection, replica, next)?;
    }
    Ok(mine)
}
