//! Sums of usage, and budgets over them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use flightdeck_domain::ports::{MissionCursor, MissionQuery};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{Account, AccountKey, Totals};
use flightdeck_store_sql::rows::account::{AccountRow, StatusCountRow, TotalsRow};
use flightdeck_store_sql::schema::accounts;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
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

/// Missions with their accounts, and where the next page begins.
pub(crate) type MissionsPage = (Vec<(MissionId, Account)>, Option<MissionCursor>);

/// One page of missions, newest first, and where the next begins.
pub(crate) fn missions(connection: &mut SqliteConnection, query: &MissionQuery) -> Result<MissionsPage, StoreError> {
    let sql = "SELECT * FROM accounts INDEXED BY accounts_missions WHERE scope = 'mission'";
    let mut statement = Statement::begin(sql);
    if let Some(after) = &query.after {
        statement = statement
            .sql(" AND (opened_at, key) < (?, ?)")
            .bind(Bind::Integer(after.opened_at.as_micros()))
            .bind(Bind::Text(after.id.as_str()));
    }
    // One row more than asked for tells whether there is a next page.
    let limit = integer(query.limit.saturating_add(1));
    let rows: Vec<AccountRow> =
        statement.sql(" ORDER BY opened_at DESC, key DESC LIMIT ?").bind(Bind::Integer(limit)).load(connection)?;
    let more = rows.len() > query.limit;
    let page: Vec<Account> = rows.into_iter().take(query.limit).map(Account::try_from).collect::<Result<_, _>>()?;
    let page: Vec<(MissionId, Account)> = page
        .into_iter()
        .filter_map(|account| match &account.key {
            AccountKey::Mission(id) => Some((id.clone(), account)),
            AccountKey::Session(_) | AccountKey::Subtree(_) => None,
        })
        .collect();
    let last = page.last().map(|(id, account)| MissionCursor { opened_at: account.opened_at, id: id.clone() });
    Ok((page, last.filter(|_| more)))
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
