//! The locks of a transaction, and their one order.
//!
//! Whoever takes several locks takes them in this order, and lets go of them at its end:
//!
//! 0. *A key of one actor's calls*, an advisory lock, where a call has one: nobody else waits for it but the same call.
//! 1. *The tree lock*, an advisory lock: shared by a registration; alone by whatever puts up a fence that a registration
//!    looks at (a kill of one session, an action on a scope or on the fleet, the sight of a session killed by somebody
//!    else). So nothing registers while a fence goes up: a child is there before it, and is caught, or comes after it, and
//!    is refused.
//! 2. *Rows of sessions*; several are sorted by id. The lock of a session also guards what belongs to it alone: its
//!    conversation, its commands, its permission requests and its targets of operations.
//! 3. *Rows of operations*, sorted by id. Several sessions share an operation, and each may settle a part of it.
//! 4. *Accounts of usage*, sorted by scope and key. Several sessions share the account of a mission or a subtree.
//! 5. *The head of the feed*, taken when the transaction writes its events, all together and late.
//! 6. *The head of the audit log*, last.
//!
//! The row of a login, like that of a key, is taken by whoever takes nothing else but the head of the audit log.
//!
//! Facts are read after the lock that guards them: at READ COMMITTED every statement sees what was committed before it
//! began, so a statement after the lock sees all that its former holders did.
//!
//! Rows are locked `FOR NO KEY UPDATE`: that keeps other writers out, and lets a row that refers to them be inserted.

use diesel_async::RunQueryDsl;
use flightdeck_domain::ids::SessionId;
use flightdeck_store_sql::rows::session::OPEN;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::tx::Done;
use flightdeck_store_sql::values::Key;

use crate::line::Line;
use crate::statement::Column;

/// The tree lock, shared with others that register.
pub(crate) async fn tree_shared(connection: &Line) -> Done<()> {
    // The second key is the number of a table of ours, so that two deployments in one database do not meet.
    Prepared::new("SELECT pg_advisory_xact_lock_shared(7600, 'fleet_state'::regclass::oid::integer)", [])
        .execute(&mut connection.pg())
        .await?;
    Ok(())
}

/// The tree lock, alone.
pub(crate) async fn tree_alone(connection: &Line) -> Done<()> {
    Prepared::new("SELECT pg_advisory_xact_lock(7600, 'fleet_state'::regclass::oid::integer)", [])
        .execute(&mut connection.pg())
        .await?;
    Ok(())
}

/// A key of one actor's calls: of two calls with it, one waits for the other. Always the first lock of a transaction.
pub(crate) async fn idempotency_key(connection: &Line, actor: &str, key: &str) -> Done<()> {
    // Keys that share a number only wait for one another.
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended(?, 'idempotency_keys'::regclass::oid::bigint))";
    Prepared::new(sql, [Bind::Text(&format!("{actor}\n{key}"))]).execute(&mut connection.pg()).await?;
    Ok(())
}

/// All keys, those that are about to be made too: nobody else makes one. A transaction that takes this takes nothing else but
/// the heads, so it has no place in the order.
pub(crate) async fn all_keys(connection: &Line) -> Done<()> {
    Prepared::new("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE", []).execute(&mut connection.pg()).await?;
    Ok(())
}

/// The head of the feed, by whoever may tell something after it has written to the audit log.
pub(crate) async fn feed(connection: &Line) -> Done<()> {
    Prepared::new("SELECT position FROM feed_head FOR NO KEY UPDATE", []).execute(&mut connection.pg()).await?;
    Ok(())
}

/// All checkpoints, those that are about to be kept too. Nothing is locked after it.
pub(crate) async fn all_checkpoints(connection: &Line) -> Done<()> {
    Prepared::new("LOCK TABLE audit_checkpoints IN SHARE ROW EXCLUSIVE MODE", []).execute(&mut connection.pg()).await?;
    Ok(())
}

/// The rows of all sessions that have not ended, and of the operations that are open at them.
pub(crate) async fn everything_open(connection: &Line) -> Done<()> {
    // Counted, so that only one row comes back of however many are locked.
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT id FROM sessions WHERE {OPEN} ORDER BY id FOR NO KEY UPDATE) AS locked");
    Prepared::new(sql, []).execute(&mut connection.pg()).await?;
    let sql = "SELECT id FROM operations WHERE completed_at IS NULL ORDER BY id FOR NO KEY UPDATE";
    Prepared::new(sql, []).execute(&mut connection.pg()).await?;
    Ok(())
}

/// The rows of the operations that are open at these sessions, whose locks the caller has.
pub(crate) async fn operations_of(connection: &Line, ids: &[SessionId]) -> Done<()> {
    let ids = ids.iter().map(Key::key).collect();
    let sql = "SELECT id FROM operations WHERE id IN \
               (SELECT operation_id FROM operation_targets WHERE session_id = ANY(?) AND outcome IS NULL) \
               ORDER BY id FOR NO KEY UPDATE";
    Prepared::with(sql, [Column::Ids(ids)]).execute(&mut connection.pg()).await?;
    Ok(())
}
