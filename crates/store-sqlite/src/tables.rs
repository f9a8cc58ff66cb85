//! The statements, one file for each table. They run inside a transaction of the writer or of a reader, and decide nothing.

pub(crate) mod api_keys;
pub(crate) mod audit_log;
pub(crate) mod commands;
pub(crate) mod feed_events;
pub(crate) mod fleet_state;
pub(crate) mod messages;
pub(crate) mod operation_targets;
pub(crate) mod operations;
#[cfg(test)]
mod plans;
pub(crate) mod session_list;
pub(crate) mod session_tree;
pub(crate) mod sessions;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// The one number that a statement gives under the name `n`.
#[derive(Debug, QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Number {
    /// A count; SQLite has none below zero.
    fn count(&self) -> u64 {
        u64::try_from(self.n).unwrap_or_default()
    }
}
