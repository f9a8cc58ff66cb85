//! Sums of usage.

use std::collections::{BTreeMap, HashMap};

use super::Rows;
use crate::ids::SessionId;
use crate::ports::{MissionCursor, MissionQuery};
use crate::session::SessionStatus;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, Totals, UsageDay, UsageLine, UsageQuery};

/// Missions with their accounts, and where the next page begins.
pub type MissionAccounts = (Vec<(MissionId, Account)>, Option<MissionCursor>);

/// The rows of accounts.
pub trait UsageRows: Send {
    /// Reads an account.
    fn account(&mut self, key: &AccountKey) -> impl Future<Output = Rows<Option<Account>>> + Send;

    /// Opens an account, unless it exists.
    fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> impl Future<Output = Rows<()>> + Send;

    /// Reads and locks accounts by their keys, which are sorted. A missing account is given as [`Account::open`] makes
    /// it at `at`, whether or not this writes it.
    fn lock_accounts(
        &mut self,
        keys: &[AccountKey],
        at: Timestamp,
    ) -> impl Future<Output = Rows<HashMap<AccountKey, Account>>> + Send;

    /// Writes accounts in their new state.
    fn put_accounts(&mut self, accounts: &[Account]) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the sessions above each of these, without the session itself; sessions at the top may be left out.
    fn above(
        &mut self,
        sessions: &[SessionId],
    ) -> impl Future<Output = Rows<HashMap<SessionId, Vec<SessionId>>>> + Send;

    /// Adds to what sessions, which are locked, used on days with models; the day of a session and a model is given once at
    /// most. No sum overflows, as in [`Totals::plus`].
    fn add_days(&mut self, days: &[UsageDay]) -> impl Future<Output = Rows<()>> + Send;

    /// Reads sums by what the query asks for, ordered by day, model, mission and session, without a model and without a mission
    /// first.
    fn usage_lines(&mut self, query: &UsageQuery) -> impl Future<Output = Rows<Vec<UsageLine>>> + Send;

    /// Reads the usage of all sessions together.
    fn usage_sum(&mut self) -> impl Future<Output = Rows<Totals>> + Send;

    /// Reads one page of missions, newest first.
    fn mission_page(&mut self, query: &MissionQuery) -> impl Future<Output = Rows<MissionAccounts>> + Send;

    /// Counts the sessions of a mission in each status.
    fn mission_counts(
        &mut self,
        mission: &MissionId,
    ) -> impl Future<Output = Rows<BTreeMap<SessionStatus, u64>>> + Send;

    /// Reads at most `limit` accounts whose budget is used up and whose pause was not asked for, the earliest first.
    fn exhausted_accounts(&mut self, limit: usize) -> impl Future<Output = Rows<Vec<Account>>> + Send;
}
