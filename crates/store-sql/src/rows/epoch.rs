//! Rows of `epoch` and `replica_marks`.

use diesel::prelude::*;
use flightdeck_domain::epoch::{Epoch, ReplicaMark};

use super::{BrokenRow, Column};
use crate::schema::{epoch, replica_marks};
use crate::values::Id;

/// The epoch.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = epoch)]
pub struct EpochRow {
    value: i64,
}

impl TryFrom<EpochRow> for Epoch {
    type Error = BrokenRow;

    fn try_from(row: EpochRow) -> Result<Self, BrokenRow> {
        let number = u32::try_from(row.value).column("value").map_err(|fault| fault.of("epoch", "1".to_owned()))?;
        Ok(Self::new(number))
    }
}

/// What a server left.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = replica_marks)]
pub struct MarkRow {
    replica: String,
    mark: Id,
}

impl TryFrom<MarkRow> for ReplicaMark {
    type Error = BrokenRow;

    fn try_from(row: MarkRow) -> Result<Self, BrokenRow> {
        let mark =
            row.mark.try_into().column("mark").map_err(|fault| fault.of("replica_marks", row.replica.clone()))?;
        Ok(Self { replica: row.replica, mark })
    }
}
