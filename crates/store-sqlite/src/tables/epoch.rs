//! The epoch.

use diesel::prelude::*;
use flightdeck_domain::epoch::Epoch;

use crate::error::StoreError;
use crate::rows::epoch::epoch_of;
use crate::schema::epoch;

pub(crate) fn get(connection: &mut SqliteConnection) -> Result<Option<Epoch>, StoreError> {
    let value: Option<i64> = epoch::table.select(epoch::value).get_result(connection).optional()?;
    Ok(value.map(epoch_of).transpose()?)
}

pub(crate) fn set(connection: &mut SqliteConnection, next: Epoch) -> Result<(), StoreError> {
    let row = (epoch::only.eq(1), epoch::value.eq(i64::from(next.get())));
    diesel::replace_into(epoch::table).values(row).execute(connection)?;
    Ok(())
}
