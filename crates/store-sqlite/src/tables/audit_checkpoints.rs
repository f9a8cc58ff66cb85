//! The signed heads of the audit log.

use diesel::prelude::*;
use flightdeck_domain::audit::Checkpoint;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_store_sql::rows::audit::sound_prefix;
use flightdeck_store_sql::rows::checkpoint::{CheckpointRow, NewCheckpointRow};
use flightdeck_store_sql::schema::audit_checkpoints;
use flightdeck_store_sql::values::integer;

use crate::error::StoreError;

/// Keeps one, unless there is one at its place; gives the one that stands there.
pub(crate) fn keep(connection: &mut SqliteConnection, checkpoint: &Checkpoint) -> Result<Checkpoint, StoreError> {
    let there = audit_checkpoints::table
        .find(checkpoint.seq.to_i64())
        .select(CheckpointRow::as_select())
        .get_result(connection)
        .optional()?;
    if let Some(there) = there {
        return Ok(there.try_into()?);
    }
    diesel::insert_into(audit_checkpoints::table).values(&NewCheckpointRow::from(checkpoint)).execute(connection)?;
    Ok(*checkpoint)
}

/// At most `limit` after a place, oldest first, up to the first that makes no sense.
pub(crate) fn after(
    connection: &mut SqliteConnection,
    after: AuditSeq,
    limit: usize,
) -> Result<Vec<Checkpoint>, StoreError> {
    let mut wanted = audit_checkpoints::table.into_boxed();
    if after > AuditSeq::ZERO {
        wanted = wanted.filter(audit_checkpoints::seq.gt(after.to_i64()));
    }
    let rows = wanted
        .order(audit_checkpoints::seq.asc())
        .limit(integer(limit))
        .select(CheckpointRow::as_select())
        .load(connection)?;
    Ok(sound_prefix(rows, |row| row.seq)?)
}

/// The newest.
pub(crate) fn newest(connection: &mut SqliteConnection) -> Result<Option<Checkpoint>, StoreError> {
    let row = audit_checkpoints::table
        .order(audit_checkpoints::seq.desc())
        .select(CheckpointRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Checkpoint::try_from).transpose()?)
}
