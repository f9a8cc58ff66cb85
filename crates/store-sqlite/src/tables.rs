//! The statements, one file for each table. They run inside a transaction of the writer or of a reader, and decide nothing.
//!
//! SQLite has a trap: it looks at the value of a `LIMIT ?` when it plans, and so plans anew whenever a value is bound.
//! `LIMIT CAST(? AS INTEGER)` is planned once. For the same reason no statement that is run often uses diesel's `first`,
//! which is a `LIMIT ?`.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod approvals;
pub(crate) mod audit_checkpoints;
pub(crate) mod audit_log;
pub(crate) mod commands;
pub(crate) mod epoch;
pub(crate) mod feed_events;
pub(crate) mod fleet_state;
pub(crate) mod idempotency_keys;
pub(crate) mod logins;
pub(crate) mod messages;
pub(crate) mod operation_targets;
pub(crate) mod operations;
#[cfg(test)]
mod plans;
pub(crate) mod replica_marks;
pub(crate) mod session_list;
pub(crate) mod session_tree;
pub(crate) mod sessions;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_store_sql::rows::BrokenRow;

use crate::error::StoreError;

/// The one number that a statement gives under the name `n`.
#[derive(Debug, QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Number {
    /// A count; SQLite has none below zero.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.n).unwrap_or_default()
    }
}

/// The rows up to the first that makes no sense. When it is the very first, that is the answer.
fn sound_prefix<R, T>(rows: Vec<R>, place: impl Fn(&R) -> i64) -> Result<Vec<T>, StoreError>
where
    T: TryFrom<R, Error = BrokenRow>,
{
    let mut sound = Vec::with_capacity(rows.len());
    for row in rows {
        let seq = AuditSeq::from_i64(place(&row)).unwrap_or(AuditSeq::ZERO);
        match T::try_from(row) {
            Ok(value) => sound.push(value),
            Err(broken) if sound.is_empty() => return Err(StoreError::Tampered { seq, broken }),
            Err(_) => break,
        }
    }
    Ok(sound)
}
