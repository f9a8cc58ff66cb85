//! The signed heads of the audit log.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::audit::Checkpoint;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_store_sql::rows::audit::sound_prefix;
use flightdeck_store_sql::rows::checkpoint::{CheckpointRow, NewCheckpointRow};
use flightdeck_store_sql::schema::audit_checkpoints;
use flightdeck_store_sql::values::integer;

use crate::error::StoreError;
use crate::locks;

/// Keeps one, unless there is one at its place, or the newest is of another key; gives the one that counts.
pub(crate) async fn keep(
    connection: &mut AsyncPgConnection,
    checkpoint: &Checkpoint,
) -> Result<Checkpoint, StoreError> {
    // Replicas that start together may each have a key of their own: the first to sign decides whose is the deployment's.
    locks::all_checkpoints(connection).await?;
    if let Some(newest) = newest(connection).await?
        && newest.key_id != checkpoint.key_id
    {
        return Ok(newest);
    }
    diesel::insert_into(audit_checkpoints::table)
        .values(&NewCheckpointRow::from(checkpoint))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let there = audit_checkpoints::table
        .find(checkpoint.seq.to_i64())
        .select(CheckpointRow::as_select())
        .get_result(connection)
        .await?;
    Ok(there.try_into()?)
}

/// At most `limit` after a place, oldest first, up to the first that makes no sense.
pub(crate) async fn after(
    connection: &mut AsyncPgConnection,
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
        .load(connection)
        .await?;
    Ok(sound_prefix(rows, |row| row.seq)?)
}

/// The newest.
pub(crate) async fn newest(connection: &mut AsyncPgConnection) -> Result<Option<Checkpoint>, StoreError> {
    let row = audit_checkpoints::table
        .order(audit_checkpoints::seq.desc())
        .select(CheckpointRow::as_select())
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(Checkpoint::try_from).transpose()?)
}
