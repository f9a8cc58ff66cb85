//! Rows of `audit_entries` and `audit_head`.

use diesel::prelude::*;
use flightdeck_domain::audit::{AuditHash, AuditHead, AuditIndex, HeadProblem, SealedAuditEntry};
use flightdeck_domain::ids::{AuditSeq, SessionId};
use flightdeck_domain::operator::Actor;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::{audit_entries, audit_head};
use crate::values::{Id, Key, moment};

row! {
    /// An entry of the audit log.
    #[diesel(table_name = audit_entries)]
    pub struct AuditRow {
        /// Its place on the chain, whether or not the rest makes sense.
        pub seq: i64,
        hash: Vec<u8>,
        bytes: Vec<u8>,
        action: String,
        actor: String,
        at: i64,
        session_id: Option<Id>,
    }
}

impl TryFrom<AuditRow> for SealedAuditEntry {
    type Error = BrokenRow;

    fn try_from(row: AuditRow) -> Result<Self, BrokenRow> {
        let seq = row.seq;
        row.read().map_err(|fault| fault.of("audit_entries", seq.to_string()))
    }
}

impl AuditRow {
    fn read(self) -> Result<SealedAuditEntry, Fault> {
        Ok(SealedAuditEntry {
            seq: AuditSeq::from_i64(self.seq).column("seq")?,
            hash: hash(&self.hash).column("hash")?,
            bytes: self.bytes,
            index: AuditIndex {
                action: self.action.parse().column("action")?,
                actor: serde_json::from_value::<Actor>(self.actor.into()).column("actor")?,
                at: moment(self.at).column("at")?,
                session_id: maybe(self.session_id, SessionId::try_from).column("session_id")?,
            },
        })
    }
}

fn hash(bytes: &[u8]) -> Result<AuditHash, std::array::TryFromSliceError> {
    <[u8; 32]>::try_from(bytes).map(AuditHash::new)
}

/// The end of the chain.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = audit_head)]
pub struct AuditHeadRow {
    seq: i64,
    hash: Vec<u8>,
}

impl TryFrom<AuditHeadRow> for AuditHead {
    type Error = BrokenRow;

    fn try_from(row: AuditHeadRow) -> Result<Self, BrokenRow> {
        row.read().map_err(|fault| fault.of("audit_head", "1".to_owned()))
    }
}

impl AuditHeadRow {
    fn read(self) -> Result<AuditHead, Fault> {
        Ok(AuditHead { seq: AuditSeq::from_i64(self.seq).column("seq")?, hash: hash(&self.hash).column("hash")? })
    }
}

/// The one row that there is to be. Two are asked for: one more than there can be, past the check of the table.
pub fn the_head(mut rows: Vec<AuditHeadRow>) -> Result<AuditHead, HeadProblem> {
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => row.try_into().map_err(|broken: BrokenRow| HeadProblem::Malformed(broken.to_string())),
        (Some(_), false) => Err(HeadProblem::Malformed("there is more than one".to_owned())),
        (None, _) => Err(HeadProblem::Missing),
    }
}

/// A row of the audit log that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("a row of the audit log is broken")]
pub struct Tampered {
    /// Its place on the chain.
    pub seq: AuditSeq,
    /// What is wrong with it.
    #[source]
    pub broken: BrokenRow,
}

/// The rows up to the first that makes no sense. When it is the very first, that is the answer.
pub fn sound_prefix<R, T>(rows: Vec<R>, place: impl Fn(&R) -> i64) -> Result<Vec<T>, Tampered>
where
    T: TryFrom<R, Error = BrokenRow>,
{
    let mut sound = Vec::with_capacity(rows.len());
    for row in rows {
        let seq = AuditSeq::from_i64(place(&row)).unwrap_or(AuditSeq::ZERO);
        match T::try_from(row) {
            Ok(value) => sound.push(value),
            Err(broken) if sound.is_empty() => return Err(Tampered { seq, broken }),
            Err(_) => break,
        }
    }
    Ok(sound)
}

/// An entry to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
pub struct NewAuditRow<'a> {
    seq: i64,
    hash: &'a [u8],
    bytes: &'a [u8],
    action: &'static str,
    actor: &'a str,
    at: i64,
    session_id: Option<Id>,
}

impl<'a> From<&'a SealedAuditEntry> for NewAuditRow<'a> {
    fn from(entry: &'a SealedAuditEntry) -> Self {
        Self {
            seq: entry.seq.to_i64(),
            hash: entry.hash.as_bytes(),
            bytes: &entry.bytes,
            action: entry.index.action.as_str(),
            actor: entry.index.actor.as_str(),
            at: entry.index.at.as_micros(),
            session_id: entry.index.session_id.as_ref().map(Key::key),
        }
    }
}
