//! Rows of `idempotency_keys`.

use diesel::prelude::*;
use flightdeck_domain::action::{Fingerprint, Remembered};
use flightdeck_domain::ids::{AuditSeq, CommandSeq, OperationId, Seq};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::RememberedCall;
use flightdeck_domain::text::IdempotencyKey;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::idempotency_keys;
use crate::values::{Id, Key, counted, moment};

row! {
    /// What an accepted call came to.
    #[diesel(table_name = idempotency_keys)]
    pub struct RememberedRow {
        actor: String,
        key: String,
        fingerprint: Vec<u8>,
        at: i64,
        audit_seq: Option<i64>,
        message_seq: Option<i64>,
        command_seq: Option<i64>,
        operation_id: Option<Id>,
        total: i64,
    }
}

impl TryFrom<RememberedRow> for Remembered {
    type Error = BrokenRow;

    fn try_from(row: RememberedRow) -> Result<Self, BrokenRow> {
        let name = format!("{}/{}", row.actor, row.key);
        row.read().map_err(|fault| fault.of("idempotency_keys", name))
    }
}

impl TryFrom<RememberedRow> for RememberedCall {
    type Error = BrokenRow;

    fn try_from(row: RememberedRow) -> Result<Self, BrokenRow> {
        let broken = |fault: Fault| fault.of("idempotency_keys", format!("{}/{}", row.actor, row.key));
        let actor = serde_json::from_value::<Actor>(row.actor.as_str().into()).column("actor").map_err(broken)?;
        let key = IdempotencyKey::new(row.key.as_str()).column("key").map_err(broken)?;
        Ok(Self { actor, key, remembered: row.try_into()? })
    }
}

impl RememberedRow {
    fn read(self) -> Result<Remembered, Fault> {
        Ok(Remembered {
            fingerprint: <[u8; 32]>::try_from(self.fingerprint.as_slice())
                .map(Fingerprint::from_bytes)
                .column("fingerprint")?,
            at: moment(self.at).column("at")?,
            audit_seq: maybe(self.audit_seq, AuditSeq::from_i64).column("audit_seq")?,
            message: maybe(self.message_seq, Seq::from_i64).column("message_seq")?,
            command: maybe(self.command_seq, CommandSeq::from_i64).column("command_seq")?,
            operation: maybe(self.operation_id, OperationId::try_from).column("operation_id")?,
            total: u64::try_from(self.total).column("total")?,
        })
    }
}

/// One to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = idempotency_keys, treat_none_as_default_value = false)]
pub struct NewRememberedRow<'a> {
    actor: &'a str,
    key: &'a str,
    fingerprint: &'a [u8],
    at: i64,
    audit_seq: Option<i64>,
    message_seq: Option<i64>,
    command_seq: Option<i64>,
    operation_id: Option<Id>,
    total: i64,
}

impl<'a> NewRememberedRow<'a> {
    /// What a call with a key came to.
    #[must_use]
    pub fn new(actor: &'a Actor, key: &'a IdempotencyKey, kept: &'a Remembered) -> Self {
        Self {
            actor: actor.as_str(),
            key: key.as_str(),
            fingerprint: kept.fingerprint.as_bytes(),
            at: kept.at.as_micros(),
            audit_seq: kept.audit_seq.map(AuditSeq::to_i64),
            message_seq: kept.message.map(Seq::to_i64),
            command_seq: kept.command.map(CommandSeq::to_i64),
            operation_id: kept.operation.as_ref().map(OperationId::key),
            total: counted(kept.total),
        }
    }
}
