//! The epoch.

use diesel::prelude::*;
use flightdeck_domain::epoch::Epoch;
use flightdeck_store_sql::rows::epoch::epoch_of;
use flightdeck_store_sql::schema::epoch;
use flightdeck_store_sql::statement::{Bind, Prepared};

use crate::error::StoreError;

pub(crate) fn get(connection: &mut SqliteConnection) -> Result<Option<Epoch>, StoreError> {
    let value: Option<i64> = epoch::table.select(epoch::value).get_result(connection).optional()?;
    Ok(value.map(epoch_of).transpose()?)
}

pub(crate) fn set(connection: &mut SqliteConnection, next: Epoch) -> Result<(), StoreError> {
    let value = Bind::Integer(i64::from(next.get()));
    Prepared::new("REPLACE INTO epoch (only, value) VALUES (1, ?)", [value]).execute(connection)?;
    Ok(())
}
