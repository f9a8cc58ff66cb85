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
