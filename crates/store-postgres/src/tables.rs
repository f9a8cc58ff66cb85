//! The statements, one file for each table. They run on a connection that the caller has, and decide nothing.

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
pub(crate) mod replica_marks;
pub(crate) mod session_list;
pub(crate) mod session_tree;
pub(crate) mod sessions;

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_store_sql::statement::Prepared;

use crate::error::StoreError;

/// A write that changes nothing. The first statement is refused where none may write; the second goes to the disk with the
/// commit.
pub(crate) async fn probe(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    Prepared::new("UPDATE replica_marks SET mark = mark WHERE false", []).execute(connection).await?;
    let write = "SELECT pg_logical_emit_message(true, 'flightdeck', 'ready')";
    Prepared::new(write, []).execute(connection).await?;
    Ok(())
}

/// Something that costs nothing.
pub(crate) async fn ping(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    Prepared::new("SELECT 1", []).execute(connection).await?;
    Ok(())
}
