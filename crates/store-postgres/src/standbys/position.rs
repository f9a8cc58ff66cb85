//! Where the primary and a standby are, asked with one statement each.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_store_sql::statement::Prepared;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::Id;

use super::following::{PrimaryPosition, StandbyPosition};
use crate::error::StoreError;

/// A server in recovery refuses this: it has no place to write to.
const PRIMARY: &str = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline, \
         (pg_current_wal_lsn() - '0/0')::bigint AS written, \
         (SELECT value FROM epoch) AS epoch, ARRAY(SELECT mark FROM replica_marks) AS marks";

const STANDBY: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0) END \
         AS replayed, (SELECT value FROM epoch) AS epoch, ARRAY(SELECT mark FROM replica_marks) AS marks";

#[derive(QueryableByName)]
struct PrimaryRow {
    #[diesel(sql_type = Text)]
    timeline: String,
    #[diesel(sql_type = BigInt)]
    written: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    epoch: Option<i64>,
    #[diesel(sql_type = Array<types::Id>)]
    marks: Vec<Id>,
}

#[derive(QueryableByName)]
struct StandbyRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    replayed: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    epoch: Option<i64>,
    #[diesel(sql_type = Array<types::Id>)]
    marks: Vec<Id>,
}

pub(crate) async fn of_primary(connection: &AsyncPgConnection) -> Result<PrimaryPosition, StoreError> {
    let row: PrimaryRow = Prepared::new(PRIMARY, []).get_result(&mut &*connection).await?;
    let PrimaryRow { timeline, written, epoch, marks } = row;
    Ok(PrimaryPosition { timeline, written, epoch, marks })
}

pub(crate) async fn of_standby(connection: &AsyncPgConnection) -> Result<StandbyPosition, StoreError> {
    let row: StandbyRow = Prepared::new(STANDBY, []).get_result(&mut &*connection).await?;
    let StandbyRow { replayed, epoch, marks } = row;
    Ok(StandbyPosition { replayed, epoch, marks })
}
