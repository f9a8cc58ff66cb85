//! Sums of usage, and budgets over them.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals, UsageDay};
use flightdeck_store_sql::rows::account::AccountRow;
use flightdeck_store_sql::schema::accounts;
use flightdeck_store_sql::statement::Prepared;
use flightdeck_store_sql::tx::{Done, usage_days};
use flightdeck_store_sql::values::{Key as _, counted};

use crate::line::Line;
use crate::statement::Column;

/// PostgreSQL takes 65,535 values a statement, and a row has sixteen.
const AT_ONCE: usize = 4_000;

/// Puts accounts there that are not there yet; those of them that are stay as they are, and of two with one key the first is
/// put. Sorted, as the locks are taken.
pub(crate) async fn open<'k>(
    connection: &Line,
    new: impl Iterator<Item = (&'k AccountKey, Timestamp)> + Send,
) -> Done<()> {
    let rows: Vec<AccountRow> = new.map(|(key, at)| AccountRow::from(&Account::open(key.clone(), at))).collect();
    for rows in rows.chunks(AT_ONCE) {
        diesel::insert_into(accounts::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(&mut connection.pg())
            .await?;
    }
    Ok(())
}

/// Locks accounts and gives them, by their keys. Those that are not there are missing.
pub(crate) async fn lock(connection: &Line, keys: &[AccountKey]) -> Done<HashMap<AccountKey, Account>> {
    let scopes = keys.iter().map(|key| Cow::Borrowed(key.scope())).collect();
    let names = keys.iter().map(|key| Cow::Owned(key.key())).collect();
    let rows: Vec<AccountRow> = Prepared::with(
        format!(
            "SELECT {} FROM accounts WHERE (scope, key) IN (SELECT * FROM unnest(?::text[], ?::text[])) \
             ORDER BY scope, key FOR NO KEY UPDATE",
            AccountRow::COLUMNS
        ),
        [Column::Texts(scopes), Column::Texts(names)],
    )
    .load(&mut connection.pg())
    .await?;
    let accounts = rows.into_iter().map(Account::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(accounts.into_iter().map(|account| (account.key.clone(), account)).collect())
}

/// Adds to what sessions used on days with models, which are given once each, in one statement for any number.
pub(crate) async fn add_days(connection: &Line, days: &[UsageDay]) -> Done<()> {
    if days.is_empty() {
        return Ok(());
    }
    let integers =
        |of: fn(&Totals) -> u64| Column::Integers(days.iter().map(|used| counted(of(&used.totals))).collect());
    let texts = |of: fn(&UsageDay) -> Cow<'_, str>| Column::Texts(days.iter().map(of).collect());
    let rows = "SELECT * FROM unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], \
                ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])";
    let add = Prepared::with(
        usage_days::insert(rows, "least"),
        [
            Column::Ids(days.iter().map(|used| used.session_id.key()).collect()),
            texts(|used| Cow::Owned(used.day.to_string())),
            texts(|used| Cow::Borrowed(used.model.as_deref().unwrap_or_default())),
            texts(|used| Cow::Borrowed(used.mission_id.as_ref().map(MissionId::as_str).unwrap_or_default())),
            integers(|totals| totals.input_tokens),
            integers(|totals| totals.output_tokens),
            integers(|totals| totals.cache_read_tokens),
            integers(|totals| totals.cache_write_tokens),
            integers(|totals| totals.cost.nanos()),
            integers(|totals| totals.reports),
            integers(|totals| totals.priced_reports),
        ],
    );
    add.execute(&mut connection.pg()).await?;
    Ok(())
}

/// Writes accounts as they now are, in as few statements as there can be.
pub(crate) async fn put(connection: &Line, new: &[Account]) -> Done<()> {
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
                accounts::more.eq(excluded(accounts::more)),
            ))
            .execute(&mut connection.pg())
            .await?;
    }
    Ok(())
}
