//! The marks that servers leave.

use diesel::prelude::*;
use flightdeck_domain::epoch::{ReplicaMark, StoreMark};
use flightdeck_store_sql::rows::epoch::MarkRow;
use flightdeck_store_sql::schema::replica_marks;
use flightdeck_store_sql::values::Key;

use crate::error::StoreError;

pub(crate) fn get(connection: &mut SqliteConnection, replica: &str) -> Result<Option<StoreMark>, StoreError> {
    let row = replica_marks::table.find(replica).select(MarkRow::as_select()).get_result(connection).optional()?;
    Ok(row.map(ReplicaMark::try_from).transpose()?.map(|it| it.mark))
}

pub(crate) fn set(connection: &mut SqliteConnection, replica: &str, mark: StoreMark) -> Result<(), StoreError> {
    let row = (replica_marks::replica.eq(replica), replica_marks::mark.eq(mark.key()));
    diesel::replace_into(replica_marks::table).values(row).execute(connection)?;
    Ok(())
}
