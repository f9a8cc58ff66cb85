//! The epoch.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::epoch::Epoch;
use flightdeck_store_sql::rows::epoch::epoch_of;
use flightdeck_store_sql::schema::epoch;
use flightdeck_store_sql::statement::{Bind, Prepared};

use crate::error::StoreError;

pub(crate) async fn get(connection: &mut AsyncPgConnection) -> Result<Option<Epoch>, StoreError> {
    let value: Option<i64> = epoch::table.select(epoch::value).get_result(connection).await.optional()?;
    Ok(value.map(epoch_of).transpose()?)
}

/// Puts the next one in the place of the known one, or where there is none.
pub(crate) async fn renew(
    connection: &mut AsyncPgConnection,
    known: Option<Epoch>,
    next: Epoch,
) -> Result<Epoch, StoreError> {
    // Without a known one, whatever is there stays.
    let known = known.map_or(-1, |known| i64::from(known.get()));
    Prepared::new(
        "INSERT INTO epoch AS there (single, value) VALUES (1, ?) \
         ON CONFLICT (single) DO UPDATE SET value = EXCLUDED.value WHERE there.value = ?",
        [Bind::Integer(i64::from(next.get())), Bind::Integer(known)],
    )
    .execute(connection)
    .await?;
    Ok(get(connection).await?.unwrap_or(next))
}

/// Writes one as it is, into a store that has none.
pub(crate) async fn set(connection: &mut AsyncPgConnection, epoch: Epoch) -> Result<(), StoreError> {
    renew(connection, None, epoch).await?;
    Ok(())
}
