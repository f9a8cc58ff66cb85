//! Rows of `epoch` and `replica_marks`.

use diesel::pg::Pg;
use diesel::prelude::*;
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
#[diesel(table_name = replica_marks, check_for_backend(Pg))]
pub(crate) struct MarkRow {
    replica: String,
    mark: Uuid,
}

impl TryFrom<MarkRow> for ReplicaMark {
    type Error = BrokenRow;

    fn try_from(row: MarkRow) -> Result<Self, BrokenRow> {
        Ok(Self { replica: row.replica, mark: StoreMark::new(row.mark) })
    }
}

/// One to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = replica_marks, check_for_backend(Pg))]
pub(crate) struct NewMarkRow<'a> {
    replica: &'a str,
    mark: Uuid,
}

impl<'a> From<&'a ReplicaMark> for NewMarkRow<'a> {
    fn from(it: &'a ReplicaMark) -> Self {
        Self { replica: &it.replica, mark: *it.mark.as_uuid() }
    }
}
