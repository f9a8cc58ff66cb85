//! Sums of usage, and budgets over them.

use std::collections::{BTreeMap, HashMap};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{MissionAccounts, MissionQuery, Rows, UsageRows};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals, UsageDay, UsageLine, UsageQuery};

use super::{Dialect, Done, SqlTx, session_tree, usage_days};
use crate::connection::Connection;
use crate::error::SqlError;
use crate::rows::account::{AccountRow, StatusCountRow, TotalsRow, missions};
use crate::rows::page::asked;
use crate::schema::accounts;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::integer;

const COLUMNS: &str = AccountRow::COLUMNS;

/// One account.
///
/// # Errors
/// Those of the database, and of a row that makes no sense.
pub async fn account<C: Connection>(connection: &mut C, key: &AccountKey) -> Done<Option<Account>> {
    let (sql, name) = (format!("SELECT {COLUMNS} FROM accounts WHERE scope = ? AND key = ?"), key.key());
    let account = Prepared::new(sql, [Bind::Text(key.scope()), Bind::Text(&name)]);
    connection.value::<AccountRow, _>(account).await
}

/// Opens an account, where there is none.
pub async fn open_account<C: Connection>(connection: &mut C, key: &AccountKey, at: Timestamp) -> Done<()> {
    let row = AccountRow::from(&Account::open(key.clone(), at));
    connection.run(diesel::insert_into(accounts::table).values(&row).on_conflict_do_nothing()).await?;
    Ok(())
}

impl<D: Dialect> UsageRows for SqlTx<D> {
    async fn account(&mut self, key: &AccountKey) -> Rows<Option<Account>> {
        Ok(account(self.connection(), key).await?)
    }

    async fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> Rows<()> {
        Ok(Dialect::open_account(&mut self.0, key, at).await?)
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Rows<HashMap<AccountKey, Account>> {
        Ok(Dialect::lock_accounts(&mut self.0, keys, at).await?)
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Rows<()> {
        Ok(Dialect::put_accounts(&mut self.0, accounts).await?)
    }

    async fn add_days(&mut self, days: &[UsageDay]) -> Rows<()> {
        Ok(Dialect::add_days(&mut self.0, days).await?)
    }

    async fn usage_lines(&mut self, query: &UsageQuery) -> Rows<Vec<UsageLine>> {
        Ok(usage_days::lines(self.connection(), query).await?)
    }

    async fn above(&mut self, ids: &[SessionId]) -> Rows<HashMap<SessionId, Vec<SessionId>>> {
        Ok(session_tree::above(self.connection(), ids).await?)
    }

    /// A walk over the accounts of those that reported anything.
    async fn usage_sum(&mut self) -> Rows<Totals> {
        let sums = TotalsRow::COLUMNS.map(|column| Self::WORDS.sum(column)).join(", ");
        let sum = Prepared::new(format!("SELECT {sums} FROM accounts WHERE scope = 'session'"), []);
        let row: TotalsRow = self.connection().only(sum).await?;
        Ok(Totals::try_from(row).map_err(SqlError::from)?)
    }

    async fn mission_page(&mut self, query: &MissionQuery) -> Rows<MissionAccounts> {
        let by = Self::WORDS.by("accounts_missions");
        let mut page = Statement::begin(format!("SELECT {COLUMNS} FROM accounts {by} WHERE scope = 'mission'"));
        if let Some(after) = &query.after {
            page = page
                .sql(" AND (opened_at, key) < (?, ?)")
                .bind(Bind::Integer(after.opened_at.as_micros()))
                .bind(Bind::Text(after.id.as_str()));
        }
        let page = page.of_missions("key", query.missions.as_ref());
        let page = page.sql(" ORDER BY opened_at DESC, key DESC LIMIT ?").bind(asked(query.limit));
        let rows: Vec<AccountRow> = self.connection().load(page).await?;
        Ok(missions(rows, query.limit).map_err(SqlError::from)?)
    }

    async fn mission_counts(&mut self, mission: &MissionId) -> Rows<BTreeMap<SessionStatus, u64>> {
        let by = Self::WORDS.by("sessions_mission_status");
        let sql = format!("SELECT status, COUNT(*) AS n FROM sessions {by} WHERE mission_id = ? GROUP BY status");
        let counts = Prepared::new(sql, [Bind::Text(mission.as_str())]);
        let counts: Vec<(SessionStatus, u64)> = self.connection().values::<StatusCountRow, _>(counts).await?;
        Ok(counts.into_iter().collect())
    }

    async fn exhausted_accounts(&mut self, limit: usize) -> Rows<Vec<Account>> {
        let (by, waiting) = (Self::WORDS.by("accounts_exhausted"), Self::WORDS.not("enforced"));
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts {by} WHERE exhausted_at IS NOT NULL AND {waiting} \
             ORDER BY exhausted_at LIMIT CAST(? AS BIGINT)"
        );
        Ok(self.connection().values::<AccountRow, _>(Prepared::new(sql, [Bind::Integer(integer(limit))])).await?)
    }
}
