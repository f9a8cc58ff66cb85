//! Rows of `audit_checkpoints`.

use diesel::prelude::*;
use flightdeck_domain::audit::{AuditHash, Checkpoint, CheckpointKeyId, CheckpointSignature};
use flightdeck_domain::ids::AuditSeq;

use super::{BrokenRow, Column, Fault};
use crate::schema::audit_checkpoints;
use crate::values::moment;

row! {
    /// A signed head of the audit log.
    #[diesel(table_name = audit_checkpoints)]
    pub struct CheckpointRow {
        /// Its place on the chain, whether or not the rest makes sense.
        pub seq: i64,
        hash: Vec<u8>,
        at: i64,
        key_id: Vec<u8>,
        signature: Vec<u8>,
    }
}

impl TryFrom<CheckpointRow> for Checkpoint {
    type Error = BrokenRow;

    fn try_from(row: CheckpointRow) -> Result<Self, BrokenRow> {
        let seq = row.seq;
        row.read().map_err(|fault| fault.of("audit_checkpoints", seq.to_string()))
    }
}

impl CheckpointRow {
    fn read(self) -> Result<Checkpoint, Fault> {
        Ok(Checkpoint {
            at: moment(self.at).column("at")?,
            hash: <[u8; 32]>::try_from(self.hash.as_slice()).map(AuditHash::new).column("hash")?,
            key_id: <[u8; 8]>::try_from(self.key_id.as_slice()).map(CheckpointKeyId::new).column("key_id")?,
            seq: AuditSeq::from_i64(self.seq).column("seq")?,
            signature: <[u8; 64]>::try_from(self.signature.as_slice())
                .map(CheckpointSignature::new)
                .column("signature")?,
        })
    }
}

/// A checkpoint to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = audit_checkpoints, treat_none_as_default_value = false)]
pub struct NewCheckpointRow<'a> {
    seq: i64,
    hash: &'a [u8],
    at: i64,
    key_id: &'a [u8],
    signature: &'a [u8],
}

impl<'a> From<&'a Checkpoint> for NewCheckpointRow<'a> {
    fn from(checkpoint: &'a Checkpoint) -> Self {
        Self {
            seq: checkpoint.seq.to_i64(),
            hash: checkpoint.hash.as_bytes(),
            at: checkpoint.at.as_micros(),
            key_id: checkpoint.key_id.as_bytes(),
            signature: checkpoint.signature.as_bytes(),
        }
    }
}
