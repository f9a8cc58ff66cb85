//! Sums of usage, and budgets over them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use flightdeck_domain::ports::MissionQuery;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{Account, AccountKey, Totals};
use flightdeck_store_sql::rows::account::{self, AccountRow, MissionsPage, StatusCountRow, TotalsRow};
use flightdeck_store_sql::schema::accounts;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::values::integer;

use crate::error::StoreError;

pub(crate) fn get(connection: &mut SqliteConnection, key: &AccountKey) -> Result<Option<Account>, StoreError> {
    let row = accounts::table.find((key.scope(), key.key())).select(AccountRow::as_select()).get_result(connection);
    Ok(row.optional()?.map(Account::try_from).transpose()?)
}

/// Writes an account as it now is.
pub(crate) fn put(connection: &mut SqliteConnection, account: &Account) -> Result<(), StoreError> {
    diesel::replace_into(accounts::table).values(&AccountRow::from(account)).execute(connection)?;
    Ok(())
}

/// What all sessions used: a walk over the accounts of those that reported anything.
pub(crate) fn sum(connection: &mut SqliteConnection) -> Result<Totals, StoreError> {
    let row: TotalsRow = Prepared::new(
        "SELECT coalesce(SUM(input_tokens), 0) AS input_tokens, coalesce(SUM(output_tokens), 0) AS output_tokens, \
                coalesce(SUM(cache_read_tokens), 0) AS cache_read_tokens, \
                coalesce(SUM(cache_write_tokens), 0) AS cache_write_tokens, coalesce(SUM(cost), 0) AS cost, \
                coalesce(SUM(reports), 0) AS reports, coalesce(SUM(priced_reports), 0) AS priced_reports \
         FROM accounts WHERE scope = 'session'",
        [],
    )
    .get_result(connection)?;
    Ok(row.try_into()?)
}

/// One page of missions, newest first, and where the next begins.
pub(crate) fn missions(connection: &mut SqliteConnection, query: &MissionQuery) -> Result<MissionsPage, StoreError> {
    let sql = "SELECT * FROM accounts INDEXED BY accounts_missions WHERE scope = 'mission'";
    let statement = Statement::begin(sql);
    let rows: Vec<AccountRow> = tables::accounts::missions(statement, query).load(connection)?;
    Ok(account::missions(rows, query.limit)?)
}

/// How many sessions of a mission are in each status; from the index alone.
pub(crate) fn counts(
    connection: &mut SqliteConnection,
    mission: &MissionId,
) -> Result<BTreeMap<SessionStatus, u64>, StoreError> {
    let rows: Vec<StatusCountRow> = Prepared::new(
        "SELECT status, COUNT(*) AS n FROM sessions INDEXED BY sessions_mission_status WHERE mission_id = ? \
         GROUP BY status",
        [Bind::Text(mission.as_str())],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(<(SessionStatus, u64)>::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` whose budget is used up and whose pause was not asked for, the earliest first.
pub(crate) fn exhausted(connection: &mut SqliteConnection, limit: usize) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<AccountRow> = Prepared::new(
        "SELECT * FROM accounts INDEXED BY accounts_exhausted WHERE exhausted_at IS NOT NULL AND enforced = 0 \
         ORDER BY exhausted_at LIMIT CAST(? AS INTEGER)",
        [Bind::Integer(integer(limit))],
    )
    .load(connection)?;
    Ok(rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?)
}
