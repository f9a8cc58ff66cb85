//! The audit log: its entries, its head and its checkpoints.

use flightdeck_domain::audit::{AuditDraft, AuditHash, AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::AuditFilter;

use crate::connection::Connection;
use crate::error::SqlError;
use crate::rows::audit::{AuditHeadRow, AuditRow, NewAuditRow, sound_prefix, the_head};
use crate::rows::checkpoint::{CheckpointRow, NewCheckpointRow};
use crate::schema::{audit_checkpoints, audit_entries};
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, integer};

/// Puts an entry at the end of the chain. Whoever calls this holds up all others that do, until the end of the transaction.
///
/// # Errors
/// Those of the database, and that the log has no sound head.
pub async fn append<C: Connection>(connection: &mut C, draft: AuditDraft) -> Result<AuditSeq, SqlError> {
    let sealed = draft.seal(lock_head(connection).await?);
    write(connection, &sealed).await?;
    Ok(sealed.seq)
}

/// The end of the chain, locked until the end of the transaction.
///
/// # Errors
/// Those of the database, and that the log has no sound head.
pub async fn lock_head<C: Connection>(connection: &mut C) -> Result<AuditHead, SqlError> {
    let head = Prepared::new(format!("SELECT seq, hash FROM audit_head{}", C::WORDS.lock()), []);
    let rows: Vec<AuditHeadRow> = connection.load(head).await?;
    the_head(rows).map_err(SqlError::Headless)
}

/// Writes an entry as it is, and moves the head to it.
///
/// # Errors
/// Those of the database.
pub async fn write<C: Connection>(connection: &mut C, sealed: &SealedAuditEntry) -> Result<(), SqlError> {
    connection.run(diesel::insert_into(audit_entries::table).values(&NewAuditRow::from(sealed))).await?;
    set_head(connection, sealed.seq, &sealed.hash).await
}

/// Writes a head as it is.
///
/// # Errors
/// Those of the database.
pub async fn set_head<C: Connection>(connection: &mut C, seq: AuditSeq, hash: &AuditHash) -> Result<(), SqlError> {
    let binds = [Bind::Integer(seq.to_i64()), Bind::Bytes(hash.as_bytes())];
    connection.run(Prepared::new("UPDATE audit_head SET seq = ?, hash = ?", binds)).await?;
    Ok(())
}

/// The end of the chain.
///
/// # Errors
/// Those of the database, and that the log has no sound head.
pub async fn head<C: Connection>(connection: &mut C) -> Result<AuditHead, SqlError> {
    let rows = connection.load(Prepared::new("SELECT seq, hash FROM audit_head LIMIT 2", [])).await?;
    the_head(rows).map_err(SqlError::Headless)
}

/// At most `limit` entries before a place, or from the end; newest first.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn page<C: Connection>(
    connection: &mut C,
    filter: &AuditFilter,
    before: Option<AuditSeq>,
    limit: usize,
) -> Result<Vec<SealedAuditEntry>, SqlError> {
    let mut page = Statement::begin(format!("SELECT {} FROM audit_entries WHERE TRUE", AuditRow::COLUMNS));
    if let Some(top) = &filter.subtree {
        page = page.sql(" AND session_id IN ").sql(&C::WORDS.below()).bind(Bind::Id(top.key()));
    }
    let session = filter.session_id.as_ref().map(|id| Bind::Id(id.key()));
    let narrow = [
        ("at >=", filter.from.map(|from| Bind::Integer(from.as_micros()))),
        ("at <", filter.to.map(|to| Bind::Integer(to.as_micros()))),
        ("session_id =", session),
        ("actor =", filter.actor.as_ref().map(|actor| Bind::Text(actor.as_str()))),
        ("action =", filter.action.map(|action| Bind::Text(action.as_str()))),
        ("seq <", before.map(|before| Bind::Integer(before.to_i64()))),
    ];
    for (condition, bind) in narrow {
        if let Some(bind) = bind {
            page = page.sql(&format!(" AND {condition} ?")).bind(bind);
        }
    }
    let page = page.sql(" ORDER BY seq DESC LIMIT ?").bind(Bind::Integer(integer(limit)));
    connection.values::<AuditRow, _>(page).await
}

/// At most `limit` entries after a place, oldest first, up to the first that makes no sense.
///
/// # Errors
/// Those of the database, and that the first makes no sense.
pub async fn walk<C: Connection>(
    connection: &mut C,
    after: AuditSeq,
    limit: usize,
) -> Result<Vec<SealedAuditEntry>, SqlError> {
    let walk = ascending("audit_entries", AuditRow::COLUMNS, after, limit);
    Ok(sound_prefix(connection.load(walk).await?, |row: &AuditRow| row.seq)?)
}

/// Keeps a checkpoint, unless there is one at its place, or the newest is of another key; gives the one that counts. Others
/// that keep one have to be kept out.
///
/// # Errors
/// Those of the database, and of rows that make no sense.
pub async fn keep_checkpoint<C: Connection>(
    connection: &mut C,
    checkpoint: &Checkpoint,
) -> Result<Checkpoint, SqlError> {
    if let Some(newest) = newest_checkpoint(connection).await?
        && newest.key_id != checkpoint.key_id
    {
        return Ok(newest);
    }
    let sql = format!("SELECT {} FROM audit_checkpoints WHERE seq = ?", CheckpointRow::COLUMNS);
    let there = Prepared::new(sql, [Bind::Integer(checkpoint.seq.to_i64())]);
    if let Some(there) = connection.value::<CheckpointRow, _>(there).await? {
        return Ok(there);
    }
    insert_checkpoint(connection, checkpoint).await?;
    Ok(*checkpoint)
}

/// Writes a checkpoint.
///
/// # Errors
/// Those of the database.
pub async fn insert_checkpoint<C: Connection>(connection: &mut C, checkpoint: &Checkpoint) -> Result<(), SqlError> {
    let row = NewCheckpointRow::from(checkpoint);
    connection.run(diesel::insert_into(audit_checkpoints::table).values(&row)).await?;
    Ok(())
}

/// At most `limit` checkpoints after a place, oldest first, up to the first that makes no sense.
///
/// # Errors
/// Those of the database, and that the first makes no sense.
pub async fn checkpoints<C: Connection>(
    connection: &mut C,
    after: AuditSeq,
    limit: usize,
) -> Result<Vec<Checkpoint>, SqlError> {
    let walk = ascending("audit_checkpoints", CheckpointRow::COLUMNS, after, limit);
    Ok(sound_prefix(connection.load(walk).await?, |row: &CheckpointRow| row.seq)?)
}

/// The newest checkpoint.
///
/// # Errors
/// Those of the database, and that it makes no sense.
pub async fn newest_checkpoint<C: Connection>(connection: &mut C) -> Result<Option<Checkpoint>, SqlError> {
    let sql = format!("SELECT {} FROM audit_checkpoints ORDER BY seq DESC LIMIT 1", CheckpointRow::COLUMNS);
    connection.value::<CheckpointRow, _>(Prepared::new(sql, [])).await
}

/// From the beginning nothing is left out, not even what somebody put before the first entry.
fn ascending(table: &str, columns: &str, after: AuditSeq, limit: usize) -> Statement<'static> {
    let mut walk = Statement::begin(format!("SELECT {columns} FROM {table}"));
    if after > AuditSeq::ZERO {
        walk = walk.sql(" WHERE seq > ?").bind(Bind::Integer(after.to_i64()));
    }
    walk.sql(" ORDER BY seq LIMIT ?").bind(Bind::Integer(integer(limit)))
}
