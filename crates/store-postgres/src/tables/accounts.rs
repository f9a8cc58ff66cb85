//! Sums of usage, and budgets over them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ports::MissionQuery;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals};
use flightdeck_store_sql::rows::account::{self, AccountRow, MissionsPage, StatusCountRow, TotalsRow};
use flightdeck_store_sql::schema::accounts;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::values::integer;

use crate::error::StoreError;
use crate::statement::Column;

/// Every column, by name: one that a newer replica adds must not reach statements that are prepared without it.
const COLUMNS: &str = "scope, key, opened_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost, \
     reports, priced_reports, last_session, max_cost, max_tokens, exhausted_at, enforced";

/// PostgreSQL takes 65,535 values a statement, and a row has fifteen.
const AT_ONCE: usize = 4_000;

pub(crate) async fn get(connection: &mut AsyncPgConnection, key: &AccountKey) -> Result<Option<Account>, StoreError> {
    let find = accounts::table.find((key.scope(), key.key())).select(AccountRow::as_select());
    Ok(find.get_result(connection).await.optional()?.map(Account::try_from).transpose()?)
}

/// Puts accounts there that are not there yet; those of them that are stay as they are. Sorted, as the locks are taken.
pub(crate) async fn open(
    connection: &mut AsyncPgConnection,
    keys: &[AccountKey],
    at: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<AccountRow> = keys.iter().map(|key| AccountRow::from(&Account::open(key.clone(), at))).collect();
    for rows in rows.chunks(AT_ONCE) {
        diesel::insert_into(accounts::table).values(rows).on_conflict_do_nothing().execute(connection).await?;
    }
    Ok(())
}

/// Locks accounts and gives them, by their keys. Those that are not there are missing.
pub(crate) async fn lock(
    connection: &mut AsyncPgConnection,
    keys: &[AccountKey],
) -> Result<HashMap<AccountKey, Account>, StoreError> {
    let scopes = keys.iter().map(|key| Cow::Borrowed(key.scope())).collect();
    let names = keys.iter().map(|key| Cow::Owned(key.key())).collect();
    let rows: Vec<AccountRow> = Prepared::with(
        format!(
            "SELECT {COLUMNS} FROM accounts WHERE (scope, key) IN (SELECT * FROM unnest(?::text[], ?::text[])) \
             ORDER BY scope, key FOR NO KEY UPDATE"
        ),
        [Column::Texts(scopes), Column::Texts(names)],
    )
    .load(connection)
    .await?;
    let accounts = rows.into_iter().map(Account::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(accounts.into_iter().map(|account| (account.key.clone(), account)).collect())
}

/// Writes an account as it now is.
pub(crate) async fn put(connection: &mut AsyncPgConnection, account: &Account) -> Result<(), StoreError> {
    put_all(connection, std::slice::from_ref(account)).await
}

/// Writes accounts as they now are, in as few statements as there can be.
pub(crate) async fn put_all(connection: &mut AsyncPgConnection, new: &[Account]) -> Result<(), StoreError> {
    let rows: Vec<AccountRow> = new.iter().map(AccountRow::from).collect();
    for rows in rows.chunks(AT_ONCE) {
        diesel::insert_into(accounts::table)
            .values(rows)
            .on_conflict((accounts::scope, accounts::key))
            .do_update()
            .set((
                accounts::input_tokens.eq(excluded(accounts::input_tokens)),
                accounts::output_tokens.eq(excluded(accounts::output_tokens)),
                accounts::cache_read_tokens.eq(excluded(accounts::cache_read_tokens)),
                accounts::cache_write_tokens.eq(excluded(accounts::cache_write_tokens)),
                accounts::cost.eq(excluded(accounts::cost)),
                accounts::reports.eq(excluded(accounts::reports)),
                accounts::priced_reports.eq(excluded(accounts::priced_reports)),
                accounts::last_session.eq(excluded(accounts::last_session)),
                accounts::max_cost.eq(excluded(accounts::max_cost)),
                accounts::max_tokens.eq(excluded(accounts::max_tokens)),
                accounts::exhausted_at.eq(excluded(accounts::exhausted_at)),
                accounts::enforced.eq(excluded(accounts::enforced)),
            ))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// What all sessions used: a walk over the accounts of those that reported anything.
pub(crate) async fn sum(connection: &mut AsyncPgConnection) -> Result<Totals, StoreError> {
    // The sum of many of the greatest numbers there are is none of them.
    let sum = |column| format!("least(coalesce(SUM({column}), 0), {})::bigint AS {column}", i64::MAX);
    let columns = [
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost",
        "reports",
        "priced_reports",
    ];
    let sql = format!("SELECT {} FROM accounts WHERE scope = 'session'", columns.map(sum).join(", "));
    let row: TotalsRow = Prepared::new(sql, []).get_result(connection).await?;
    Ok(row.try_into()?)
}

/// One page of missions, newest first, and where the next begins.
pub(crate) async fn missions(
    connection: &mut AsyncPgConnection,
    query: &MissionQuery,
) -> Result<MissionsPage, StoreError> {
    let statement = Statement::begin(format!("SELECT {COLUMNS} FROM accounts WHERE scope = 'mission'"));
    let rows: Vec<AccountRow> = tables::accounts::missions(statement, query).load(connection).await?;
    Ok(account::missions(rows, query.limit)?)
}

/// How many sessions of a mission are in each status.
pub(crate) async fn counts(
    connection: &mut AsyncPgConnection,
    mission: &MissionId,
) -> Result<BTreeMap<SessionStatus, u64>, StoreError> {
    let rows: Vec<StatusCountRow> = Prepared::new(
        "SELECT status, COUNT(*) AS n FROM sessions WHERE mission_id = ? GROUP BY status",
        [Bind::Text(mission.as_str())],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(<(SessionStatus, u64)>::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` whose budget is used up and whose pause was not asked for, the earliest first.
pub(crate) async fn exhausted(connection: &mut AsyncPgConnection, limit: usize) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<AccountRow> = Prepared::new(
        format!(
            "SELECT {COLUMNS} FROM accounts WHERE exhausted_at IS NOT NULL AND NOT enforced \
             ORDER BY exhausted_at LIMIT ?"
        ),
        [Bind::Integer(integer(limit))],
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?)
}
