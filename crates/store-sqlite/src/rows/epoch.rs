//! Rows of `epoch` and `replica_marks`.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use flightdeck_domain::epoch::{Epoch, ReplicaMark, StoreMark};
use uuid::Uuid;

use super::{BrokenRow, Column};
use crate::schema::replica_marks;

/// The epoch that stands in the table.
pub(crate) fn epoch_of(value: i64) -> Result<Epoch, BrokenRow> {
    let number = u32::try_from(value).column("value").map_err(|fault| fault.of("epoch", "1".to_owned()))?;
    Ok(Epoch::new(number))
}

/// What a server left.
#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = replica_marks, check_for_backend(Sqlite))]
pub(crate) struct MarkRow {
    replica: String,
    mark: Vec<u8>,
}

impl TryFrom<MarkRow> for ReplicaMark {
    type Error = BrokenRow;

    fn try_from(row: MarkRow) -> Result<Self, BrokenRow> {
        let mark = Uuid::from_slice(&row.mark).column("mark");
        let mark = mark.map_err(|fault| fault.of("replica_marks", row.replica.clone()))?;
        Ok(Self { replica: row.replica, mark: StoreMark::new(mark) })
    }
}
